import { connect, createServer, type Server, type Socket } from 'node:net';

const prefaceBytes = 24; // "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
const headerBytes = 9;
const pingType = 6;
const goAwayType = 7;
const ackFlag = 1;

/** A way to a server that counts what passes: connections, the client's PING frames, and the server's GOAWAYs. */
export class PingCounter {
  readonly #proxy: Server;
  readonly #sockets = new Set<Socket>();
  readonly counts = { connections: 0, pings: 0, goAways: 0 };
  #awaited: { readonly pings: number; readonly resolve: () => void } | undefined;

  /** @param target `host:port`, without TLS */
  constructor(target: string) {
    const [host, port] = target.split(':') as [string, string];
    this.#proxy = createServer((client) => this.#join(client, connect(Number(port), host)));
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#proxy.listen(0, '127.0.0.1', resolve));
    return `127.0.0.1:${(this.#proxy.address() as { port: number }).port}`;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#proxy.close(resolve));
  }

  /** Resolves when the client has sent as many PING frames. */
  reached(pings: number): Promise<void> {
    return new Promise((resolve) => {
      this.#awaited = { pings, resolve };
    });
  }

  #join(client: Socket, server: Socket): void {
    this.counts.connections++;
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#sockets.add(from);
      from.on('error', () => to.destroy()).pipe(to);
    }
    client.on('data', readFrames(prefaceBytes, this.#onClientFrame));
    server.on(
      'data',
      readFrames(0, (type) => type === goAwayType && this.counts.goAways++),
    );
  }

  readonly #onClientFrame = (type: number, flags: number): void => {
    if (type !== pingType || (flags & ackFlag) !== 0) return;
    if (++this.counts.pings === this.#awaited?.pings) this.#awaited.resolve();
  };
}

/** Tells the type and the flags of each frame in a stream that comes in pieces. RFC 9113, 4.1. */
function readFrames(skippedBytes: number, onFrame: (type: number, flags: number) => unknown) {
  let toSkip = skippedBytes;
  let rest = Buffer.alloc(0);
  return (piece: Buffer) => {
    rest = Buffer.concat([rest, piece]);
    for (;;) {
      const skipped = Math.min(toSkip, rest.length);
      rest = rest.subarray(skipped);
      toSkip -= skipped;
      if (toSkip > 0 || rest.length < headerBytes) return;
      onFrame(rest[3] as number, rest[4] as number);
      toSkip = headerBytes + rest.readUIntBE(0, 3);
    }
  };
}
