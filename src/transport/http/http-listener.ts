import { createServer, type RequestListener, type Server, type ServerOptions } from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { ServingError } from '../../core/errors.js';
import { type BoundAddress, boundAddress, cannotListen, removeStaleSocket, socketPath } from '../address.js';
import { failed } from '../rest/rest-error.js';
import { resolveTls } from '../tls/tls-options.js';
import { TlsSource, type UsableTls } from '../tls/tls-source.js';
import type { ResolvedHttpOptions } from './http-options.js';

/** Milliseconds that a client may take to send the head of a request. */
const headersTimeoutMs = 60_000;

/** The servers of node:http that a handler listens with: one for each address. */
export class HttpListeners {
  readonly #options: ResolvedHttpOptions;
  readonly #onRequest: RequestListener;
  readonly #onContinue: RequestListener;
  readonly #servers = new Set<Server>();
  readonly #sockets = new Set<Socket>();
  readonly #tls: TlsSource | undefined;
  #material: Promise<UsableTls> | undefined;

  /** @param onContinue is given the requests whose client waits for leave to send the body. */
  constructor(options: ResolvedHttpOptions, onRequest: RequestListener, onContinue: RequestListener) {
    const { tls, clock, onFailure } = options;
    this.#options = options;
    this.#onRequest = onRequest;
    this.#onContinue = onContinue;
    if (tls === undefined) return;
    this.#tls = new TlsSource({
      tls: resolveTls(tls),
      clock,
      onChange: (usable) => this.#replace(usable),
      onFailure,
    });
  }

  async listen(address: string): Promise<BoundAddress> {
    const path = socketPath(address);
    if (path !== undefined) await removeStaleSocket(path);
    const target = path === undefined ? hostOf(address) : { path };
    const server = await this.#create();
    try {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen(target, () => {
          server.off('error', reject);
          resolve();
        });
      });
    } catch (cause) {
      throw cannotListen(address, cause);
    }
    this.#servers.add(server);
    const bound = server.address();
    return boundAddress(address, typeof bound === 'object' && bound !== null ? bound.port : 0);
  }

  /** Takes no connections any more, ends those that are idle, and resolves when all have ended. */
  async close(): Promise<void> {
    this.#tls?.close();
    const closed = [...this.#servers].map(
      (server) => new Promise<void>((resolve) => server.close(() => resolve())),
    );
    await Promise.all(closed);
  }

  /** Ends all connections at once. */
  destroy(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async #create(): Promise<Server> {
    const options: ServerOptions = {
      keepAliveTimeout: this.#options.keepAliveTimeoutMs,
      headersTimeout: headersTimeoutMs,
      requestTimeout: 0, // bodies have a timeout of their own
    };
    const server =
      this.#tls === undefined
        ? createServer(options)
        : createTlsServer({ ...options, ...tlsOptions(await this.#usable(this.#tls)) });
    server.on('request', this.#onRequest);
    server.on('checkContinue', this.#onContinue);
    server.on('clientError', answerBadClient);
    server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
    return server;
  }

  #usable(tls: TlsSource): Promise<UsableTls> {
    this.#material ??= tls
      .read()
      .then(async (usable) => {
        await tls.follow();
        return usable;
      })
      .catch((error: unknown) => {
        this.#material = undefined; // the next call may find certificates that are good
        throw error;
      });
    return this.#material;
  }

  /** For new connections. */
  #replace(usable: UsableTls): void {
    this.#material = Promise.resolve(usable);
    for (const server of this.#servers) (server as TlsServer).setSecureContext(tlsOptions(usable));
  }
}

function tlsOptions({ material: { key, cert, ca, clientVerify } }: UsableTls) {
  return { key, cert, requestCert: clientVerify, rejectUnauthorized: clientVerify, ...(ca && { ca }) };
}

/** @throws ServingError INVALID_ARGUMENT for what is neither `host:port` nor a socket's path. */
function hostOf(address: string): { readonly host: string; readonly port: number } {
  const [, host, port] = /^(.*):(\d{1,5})$/.exec(address) ?? [];
  if (host === undefined || Number(port) > 65_535) {
    throw new ServingError(
      'INVALID_ARGUMENT',
      `Cannot listen on ${address}: expected host:port, or unix:/path`,
    );
  }
  return { host: host.replace(/^\[(.*)\]$/, '$1'), port: Number(port) };
}

/** What cannot be read as HTTP is told so, as far as anybody listens. */
function answerBadClient(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const [status, reason] = badClients[error.code ?? ''] ?? [400, 'Bad Request'];
  const { body } = failed(status, `Malformed HTTP request: ${reason}`);
  const head = `HTTP/1.1 ${status} ${reason}\r\nConnection: close\r\nContent-Type: application/json`;
  socket.end(`${head}\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
}

const badClients: Readonly<Record<string, readonly [number, string]>> = {
  HPE_HEADER_OVERFLOW: [431, 'Request Header Fields Too Large'],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: [413, 'Payload Too Large'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'Request Timeout'],
};
