import { once } from 'node:events';
import type { ClientHttp2Session, ClientHttp2Stream } from 'node:http2';
import { connect, createServer, type Socket } from 'node:net';
import { grpc } from './grpc.js';

/** A message as it is on the wire: whether it is compressed, its length, and itself. */
export function framed(message: Uint8Array, { compressed = 0, length = message.length } = {}): Buffer {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt8(compressed);
  prefix.writeUInt32BE(length, 1);
  return Buffer.concat([prefix, message]);
}

const path = '/tensorflow.serving.PredictionService/Predict';

export function open(
  session: ClientHttp2Session,
  headers: Readonly<Record<string, string>> = {},
): ClientHttp2Stream {
  const stream = session.request({
    ':method': 'POST',
    ':path': path,
    'content-type': 'application/grpc',
    te: 'trailers',
    ...headers,
  });
  stream.on('error', () => {});
  return stream;
}

/** The name of the status that a stream ends with; or how it was reset. */
export async function statusOf(stream: ClientHttp2Stream): Promise<string> {
  let status: string | undefined;
  const read = (headers: object) => {
    status ??= (headers as Readonly<Record<string, string>>)['grpc-status'];
    if (status !== undefined) stream.end(); // it may not have said all
  };
  stream.on('response', read).on('trailers', read).resume();
  await once(stream, 'close');
  return status === undefined ? `reset ${stream.rstCode}` : (grpc.status[Number(status)] as string);
}

/** A host on a client's way whose program can stop reading what the server sends. */
export interface Relay {
  readonly address: string;
  stopReading(): void;
  /** Until the server's side of a connection that is not read is gone: then nothing can be written to it. */
  untilHungUp(): Promise<void>;
  end(): Promise<void>;
}

export async function relayTo(address: string): Promise<Relay> {
  const [host, port] = address.split(':') as [string, string];
  const sockets: Socket[] = [];
  const upstreams: Socket[] = [];
  const relay = createServer((client) => {
    const upstream = connect(Number(port), host);
    sockets.push(client, upstream);
    upstreams.push(upstream);
    for (const socket of [client, upstream]) socket.on('error', () => {});
    client.pipe(upstream).pipe(client);
  }).listen(0, host);
  await once(relay, 'listening');
  return {
    address: `${host}:${(relay.address() as { readonly port: number }).port}`,
    stopReading: () => {
      for (const upstream of upstreams) upstream.unpipe().pause();
    },
    untilHungUp: async () => {
      const [upstream] = upstreams as [Socket];
      const write = () => new Promise((resolve) => upstream.write(Buffer.alloc(1), resolve));
      while (!upstream.destroyed) await write();
    },
    end: async () => {
      for (const socket of sockets) socket.destroy();
      relay.close();
      await once(relay, 'close');
    },
  };
}
