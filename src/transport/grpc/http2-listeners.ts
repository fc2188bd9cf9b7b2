import type { Http2Session, ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';

/** An HTTP/2 server, as far as it is listened to. */
export interface Http2Listener {
  on(event: 'connection' | 'secureConnection', listener: (socket: Socket) => void): void;
  on(event: 'session', listener: (session: Http2Session) => void): void;
  on(event: 'stream', listener: (stream: ServerHttp2Stream) => void): void;
}

/**
 * The HTTP/2 servers of a bound gRPC server, which grpc-js 1.14 keeps in a private field: there is no other way to them. None
 * where it is missing, or of another shape.
 */
export function listenersOf(server: object): readonly Http2Listener[] {
  const servers = property(server, 'http2Servers');
  if (!(servers instanceof Map)) return [];
  return [...servers.keys()].filter((each) => isObject(each) && typeof property(each, 'on') === 'function');
}

export function property(object: object, name: string): unknown {
  return (object as Readonly<Record<string, unknown>>)[name];
}

export function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
