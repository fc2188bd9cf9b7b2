import type { Http2Session } from 'node:http2';
import type * as Grpc from '@grpc/grpc-js';
import { isObject, listenersOf, property } from './http2-listeners.js';

/**
 * Bytes that a client may send ahead of what the server has read, on one connection and in each of its streams.
 *
 * 4 MiB, since a link carries one window in each round trip: 2 GB/s within a datacentre (2 ms), 40 MB/s to another
 * continent (100 ms). HTTP/2's own 64 KiB carry 32 MB/s and 0.6 MB/s. It bounds what a connection can have wait in memory,
 * and it is gRPC's default for the largest message.
 */
export const defaultFlowControlWindowBytes = 4 * 1024 * 1024;

/** HTTP/2's own window, of streams and connections (RFC 9113, 6.5.2 and 6.9.2). */
const initialWindowBytes = 65_535;
/** The largest that HTTP/2 has (RFC 9113, 6.9.1). */
const mostWindowBytes = 2 ** 31 - 1;

/**
 * @internal Gives the clients of a server a wider window, so that a message of some 100 KB does not wait for a round trip
 * after each 64 KiB of it. Called before the server is bound; what it returns is called after each time it has been bound.
 *
 * The servers of grpc-js 1.14 ignore the option `grpc-node.flow_control_window` (grpc/grpc-node#3058), and offer no other
 * way than their private fields. Where these are missing or of another shape, nothing happens and nothing throws; nor where
 * grpc-js has done it itself, or HTTP/2's own window is no smaller than what is asked for. bench/transport/grpc/window.mjs
 * says what it is worth.
 */
export function widenFlowControl(
  server: Grpc.Server,
  windowBytes = defaultFlowControlWindowBytes,
): () => void {
  if (!(windowBytes > initialWindowBytes)) return () => {};
  const bytes = Math.min(windowBytes, mostWindowBytes);
  widenStreams(server, bytes);
  const widened = new WeakSet<object>();
  return () => {
    for (const http2Server of listenersOf(server)) {
      if (widened.has(http2Server)) continue;
      widened.add(http2Server);
      http2Server.on('session', (session) => widenConnection(session, bytes));
    }
  };
}

/** All streams of a connection begin with the window of its settings, which the options of the HTTP/2 server hold. */
function widenStreams(server: object, bytes: number): void {
  const options = property(server, 'commonServerOptions');
  if (!isObject(options)) return;
  const settings = property(options, 'settings') ?? {};
  if (!isObject(settings) || 'initialWindowSize' in settings) return;
  Reflect.set(options, 'settings', { ...settings, initialWindowSize: bytes }); // without a throw where it is frozen
}

/** The window of the connection is no setting: it is told to the client in a frame of its own. */
function widenConnection(session: Http2Session, bytes: number): void {
  try {
    if ((session.state.effectiveLocalWindowSize ?? 0) < bytes) session.setLocalWindowSize(bytes);
  } catch {
    // The session has been destroyed meanwhile, which is for its owner to deal with.
  }
}
