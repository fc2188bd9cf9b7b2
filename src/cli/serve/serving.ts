import { systemClock } from '../../core/clock.js';
import { ServingError } from '../../core/errors.js';
import type { GrpcServer } from '../../grpc.js';
import type { HttpHandler } from '../../http.js';
import { type Logger, ModelServer } from '../../index.js';
import { CommandError, exitCodes, toUsage } from '../command-error.js';
import { describeModels } from './describe-models.js';
import { LoadProgress } from './load-progress.js';
import type { ServeSettings } from './serve-settings.js';

/** The errors of a system without IPv6, where all of IPv4's addresses are as good. */
const withoutIpv6 = /EAFNOSUPPORT|EADDRNOTAVAIL/;

/** A server with its listeners: made, opened, and ended in good order. */
export class Serving {
  readonly #settings: ServeSettings;
  readonly #logger: Logger;
  readonly #server: ModelServer;
  readonly #grpc: GrpcServer | undefined;
  readonly #rest: HttpHandler | undefined;
  readonly #progress: LoadProgress;
  #isStarted = false;

  private constructor(
    settings: ServeSettings,
    logger: Logger,
    parts: {
      readonly server: ModelServer;
      readonly grpc: GrpcServer | undefined;
      readonly rest: HttpHandler | undefined;
    },
  ) {
    this.#settings = settings;
    this.#logger = logger;
    this.#server = parts.server;
    this.#grpc = parts.grpc;
    this.#rest = parts.rest;
    this.#progress = new LoadProgress({
      logger,
      basePath: (model) => parts.server.listModels().find(({ name }) => name === model)?.basePath,
      clock: systemClock,
    });
    parts.server.on('state', (status) => this.#progress.onState(status));
  }

  /**
   * Makes the parts, and opens nothing.
   *
   * @throws CommandError for options that are wrong, and where gRPC is wanted and its package is missing.
   */
  static async make(settings: ServeSettings, logger: Logger): Promise<Serving> {
    try {
      const server = new ModelServer({ ...settings.server, logger });
      const { grpc, rest } = settings;
      // What is not wanted is not loaded either.
      return new Serving(settings, logger, {
        server,
        grpc: grpc && (await import('../../grpc.js')).createGrpcServer(server, grpc.options),
        rest: rest && (await import('../../http.js')).createHttpHandler(server, rest.options),
      });
    } catch (error) {
      throw error instanceof ServingError && error.code === 'FAILED_PRECONDITION'
        ? new CommandError(exitCodes.failed, `${error.message}, or turn gRPC off by --port=0`, error)
        : toUsage(error);
    }
  }

  /**
   * Opens the ports: from now on clients are told that the models are not there yet.
   *
   * @throws CommandError where an address cannot be had, or certificates are no good.
   */
  async listen(): Promise<void> {
    const { grpc, rest } = this.#settings;
    try {
      for (const address of grpc?.addresses ?? []) {
        const bound = await (this.#grpc as GrpcServer).listen(address);
        this.#tellListening('gRPC', bound.address);
      }
      for (const address of rest?.addresses ?? []) {
        const bound = await this.#listenForRest(this.#rest as HttpHandler, address);
        this.#tellListening('REST', bound.address);
      }
    } catch (error) {
      await this.#closeAll({ graceMs: 0, lameDuckMs: 0 });
      throw cannotListen(ServingError.from(error));
    }
  }

  /**
   * Loads what is to be served. A model that cannot be served is told of, and does not keep the others from it.
   *
   * @throws CommandError where nothing can be: there is no onnxruntime, or the config file is wrong.
   */
  async start(): Promise<void> {
    try {
      await this.#server.start();
    } catch (error) {
      await this.#closeAll({ graceMs: 0, lameDuckMs: 0 });
      const { code, message } = ServingError.from(error);
      const text = `Failed to start server. Error: ${code}: ${message}`;
      throw new CommandError(exitCodes.failed, text, error);
    }
    this.#isStarted = true;
    const { onnxruntime, cpus } = this.#server.snapshot().runtime;
    this.#logger.info(
      { event: 'runtime', onnxruntime, cpus },
      `onnxruntime ${onnxruntime}, ${cpus} ${cpus === 1 ? 'CPU' : 'CPUs'}`,
    );
    for (const { level, fields, message } of describeModels(this.#server.listModels())) {
      this.#logger[level](fields, message);
    }
  }

  /** Ends in good order: readiness first, then a time of serving on, then no more requests; those under way may end. */
  async stop(): Promise<void> {
    const { lameDuckMs, drainGraceMs: graceMs } = this.#settings;
    // Nobody was sent here who would have to be told before.
    await this.#closeAll({ graceMs, lameDuckMs: this.#isStarted ? lameDuckMs : 0 });
  }

  async #closeAll(options: { readonly graceMs: number; readonly lameDuckMs: number }): Promise<void> {
    await Promise.all([this.#grpc?.close(options), this.#rest?.close(options)]);
    await this.#server.close({ graceMs: options.graceMs });
    this.#progress.close();
  }

  async #listenForRest(rest: HttpHandler, address: string) {
    try {
      return await rest.listen(address);
    } catch (error) {
      const { message } = ServingError.from(error);
      if (!address.startsWith('[::]:') || !withoutIpv6.test(message)) throw error;
      return await rest.listen(address.replace('[::]', '0.0.0.0'));
    }
  }

  #tellListening(protocol: 'gRPC' | 'REST', address: string): void {
    const { options } = this.#settings[protocol === 'gRPC' ? 'grpc' : 'rest'] as {
      options: { tls?: unknown };
    };
    const isSecure = options.tls !== undefined;
    const scheme =
      address.startsWith('unix:') || protocol === 'gRPC' ? '' : isSecure ? 'https://' : 'http://';
    const message = `${protocol} is served on ${scheme}${address}${protocol === 'gRPC' && isSecure ? ' by TLS' : ''}`;
    this.#logger.info({ event: 'listening', protocol, address }, message);
  }
}

function cannotListen(error: ServingError): CommandError {
  const { code, message } = error;
  if (!message.startsWith('Cannot listen on')) return new CommandError(exitCodes.failed, message, error); // certificates
  return new CommandError(code === 'INVALID_ARGUMENT' ? exitCodes.usage : exitCodes.address, message, error);
}
