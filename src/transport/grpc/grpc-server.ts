import type { Server, ServerCredentials } from '@grpc/grpc-js';
import { ServingError } from '../../core/errors.js';
import { keepProcessAlive } from '../../core/keep-alive.js';
import { assertString } from '../../core/option-check.js';
import type { BoundAddress } from '../address.js';
import { ByteBudget } from '../byte-budget.js';
import { type CloseOptions, resolveCloseOptions } from '../close-options.js';
import { after, endInTime } from '../end-in-time.js';
import type { ServingApi } from '../serving-api.js';
import { bind } from './bind.js';
import { Connections } from './connections.js';
import { widenFlowControl } from './flow-control.js';
import { type GrpcServerOptions, type ResolvedGrpcOptions, resolveGrpcOptions } from './grpc-options.js';
import { HealthMonitor } from './health-monitor.js';
import { addHealthService } from './health-service.js';
import { type GrpcModule, loadGrpc } from './load-grpc.js';
import { addReflection } from './reflection.js';
import { addTfsServices } from './tfs-services.js';
import { TlsCredentials } from './tls/tls-credentials.js';

/**
 * TF Serving's gRPC API in front of a `ModelServer`, which stays the host's: to close the one does not close the other.
 * Until `listen()` there is no port and no timer.
 *
 * @example
 * ```ts
 * import { ModelServer } from 'servable';
 * import { createGrpcServer } from 'servable/grpc';
 *
 * const server = new ModelServer({ models: [{ name: 'digits', basePath: 'examples/models/digits' }] });
 * const grpcServer = createGrpcServer(server);
 * const { port } = await grpcServer.listen('127.0.0.1:0'); // at once: health tells when the models are there
 * await server.start();
 * console.log(Number.isInteger(port)); // true
 * await grpcServer.close();
 * await server.close();
 * ```
 */
export class GrpcServer implements AsyncDisposable {
  readonly #options: ResolvedGrpcOptions;
  readonly #grpcServer: Server;
  readonly #health: HealthMonitor;
  readonly #tls: TlsCredentials | undefined;
  /** To be called after each bind. */
  readonly #widen: () => void;
  readonly #connections: Connections;
  readonly #insecure: () => ServerCredentials;
  #credentials: Promise<ServerCredentials> | undefined;
  #closed: Promise<void> | undefined;

  /** @internal See `createGrpcServer`. */
  constructor(server: ServingApi, options: GrpcServerOptions, grpc: GrpcModule) {
    this.#options = resolveGrpcOptions(options, server.wires);
    const { tls, clock, onFailure, channelArguments } = this.#options;
    this.#tls = tls && new TlsCredentials({ tls, grpc, clock, onFailure });
    this.#insecure = () => grpc.ServerCredentials.createInsecure();
    this.#grpcServer = new grpc.Server(channelArguments);
    this.#widen = widenFlowControl(this.#grpcServer, windowOf(channelArguments));
    this.#connections = new Connections(this.#grpcServer, clock);
    this.#health = new HealthMonitor(server);
    addServices(this.#grpcServer, server, this.#health, this.#options);
  }

  /**
   * Takes calls on an address: `host:port`, with port 0 for any that is free; `[::]:8500` for all there are; or
   * `unix:/path`. May be called for several. Resolves when it listens.
   *
   * @throws ServingError FAILED_PRECONDITION where the address is taken, cannot be had, or the server is closed; the
   *   certificates' own error.
   */
  async listen(address: string): Promise<BoundAddress> {
    assertString(address, 'address');
    this.#assertOpen(address);
    this.#credentials ??= this.#makeCredentials();
    const credentials = await this.#credentials;
    this.#assertOpen(address);
    const bound = await bind(this.#grpcServer, address, credentials);
    this.#widen();
    this.#connections.watch();
    return bound;
  }

  /**
   * Ends in good order: health says NOT_SERVING, and calls are taken for `lameDuckMs` on; then no new ones are, and those
   * under way have `graceMs` to end in. A second call returns the first one's promise, which never rejects.
   *
   * @throws ServingError INVALID_ARGUMENT for a time that is none, at once; nothing is closed then.
   */
  close(options: CloseOptions = {}): Promise<void> {
    if (this.#closed !== undefined) return this.#closed;
    const { graceMs, lameDuckMs } = resolveCloseOptions(options);
    this.#closed = this.#close(graceMs, lameDuckMs);
    return this.#closed;
  }

  /** As `close()`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(graceMs: number, lameDuckMs: number): Promise<void> {
    const letProcessEnd = keepProcessAlive(); // whoever closes waits for the end
    this.#health.drain();
    if (lameDuckMs > 0) await after(this.#options.clock, lameDuckMs);
    this.#health.close(); // its watches end: they would never do so by themselves
    await this.#endCalls(graceMs);
    this.#tls?.close();
    letProcessEnd();
  }

  /** Lets the calls under way end, and cancels those that do not in time. */
  async #endCalls(graceMs: number): Promise<void> {
    const force = () => {
      this.#grpcServer.forceShutdown();
      setImmediate(() => this.#connections.destroy()); // those who read have got their last frames by then
    };
    const dropped = this.#connections.dropDestroyed();
    if (dropped !== undefined) await dropped;
    await endInTime({
      clock: this.#options.clock,
      graceMs,
      end: () => new Promise((resolve) => this.#grpcServer.tryShutdown(() => resolve())),
      whenIdle: (callback) => this.#connections.whenIdle(callback),
      force,
    });
  }

  #assertOpen(address: string): void {
    if (this.#closed === undefined) return;
    throw new ServingError('FAILED_PRECONDITION', `Cannot listen on ${address}: the server is closed`);
  }

  async #makeCredentials(): Promise<ServerCredentials> {
    try {
      return this.#tls === undefined ? this.#insecure() : await this.#tls.start();
    } catch (error) {
      this.#credentials = undefined; // the next call may find certificates that are good
      throw error;
    }
  }
}

/**
 * TF Serving's gRPC API in front of a server: PredictionService, ModelService, health, and, where its packages are
 * installed, reflection. It needs the package `@grpc/grpc-js`.
 *
 * @throws ServingError INVALID_ARGUMENT naming an option; FAILED_PRECONDITION where a package is missing.
 */
export function createGrpcServer(server: ServingApi, options: GrpcServerOptions = {}): GrpcServer {
  return new GrpcServer(server, options, loadGrpc('serve'));
}

function addServices(
  grpcServer: Server,
  server: ServingApi,
  health: HealthMonitor,
  options: ResolvedGrpcOptions,
): void {
  const budget = new ByteBudget(options.maxInFlightBytes);
  const parts = {
    server,
    asTensorContent: options.enableSerializationAsTensorContent,
    isMethodChecked: options.enableSignatureMethodNameCheck,
  };
  addTfsServices(grpcServer, parts, budget);
  if (options.enableHealthService) addHealthService(grpcServer, health, budget);
  if (options.reflection !== 'off') addReflection(grpcServer, options.reflection === 'on');
}

function windowOf(channelArguments: ResolvedGrpcOptions['channelArguments']): number {
  return Number(channelArguments['grpc-node.flow_control_window']);
}
