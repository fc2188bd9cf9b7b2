import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '../../core/clock.js';
import { ServingError } from '../../core/errors.js';
import { keepProcessAlive } from '../../core/keep-alive.js';
import { assertString } from '../../core/option-check.js';
import type { BoundAddress } from '../address.js';
import { type CloseOptions, resolveCloseOptions } from '../close-options.js';
import { after, endInTime } from '../end-in-time.js';
import type { ServingApi } from '../serving-api.js';
import { answerFetch } from './fetch-exchange.js';
import { HttpListeners } from './http-listener.js';
import { type HttpHandlerOptions, resolveHttpOptions } from './http-options.js';
import { HttpService } from './http-service.js';
import { NodeExchange } from './node-exchange.js';

/**
 * TF Serving's REST API in front of a `ModelServer`, which stays the host's: a listener for node:http, and for whatever takes
 * one; a handler for `Request`s; and a server of its own, where `listen()` is called.
 *
 * @example
 * ```ts
 * import { ModelServer } from 'servable';
 * import { createHttpHandler } from 'servable/http';
 *
 * const server = new ModelServer({ models: [{ name: 'digits', basePath: 'examples/models/digits' }] });
 * const handler = createHttpHandler(server);
 * const { address } = await handler.listen('127.0.0.1:0'); // at once: /readyz tells when the models are there
 * await server.start();
 * const answer = await fetch(`http://${address}/v1/models/digits`);
 * console.log(answer.status); // 200
 * await handler.close();
 * await server.close();
 * ```
 */
export interface HttpHandler extends AsyncDisposable {
  /**
   * Answers a request of node:http or node:https; express and its kin may mount it. It reads the body itself; bytes that a
   * parser left in `body` are taken, too.
   */
  (request: IncomingMessage, response: ServerResponse): void;
  /** Answers a `Request`, for what serves by the Fetch standard. Never rejects. */
  readonly fetch: (request: Request) => Promise<Response>;
  /**
   * Takes requests on an address: `host:port`, with port 0 for any that is free; `[::]:8501` for all there are; or
   * `unix:/path`. May be called for several. Resolves when it listens.
   *
   * @throws ServingError INVALID_ARGUMENT for what is no address; FAILED_PRECONDITION where it is taken, cannot be had, or the
   *   handler is closed; the certificates' own error.
   */
  readonly listen: (address: string) => Promise<BoundAddress>;
  /**
   * Ends in good order: `/readyz` says 503 and answers end their connections, new ones are taken for `lameDuckMs` on, then no
   * more, and requests under way have `graceMs` to end in. A second call returns the first one's promise, which never
   * rejects. Of requests that come by a server of the host's, only readiness is told.
   *
   * @throws ServingError INVALID_ARGUMENT for a time that is none, at once; nothing is closed then.
   */
  readonly close: (options?: CloseOptions) => Promise<void>;
}

/**
 * TF Serving's REST API in front of a server.
 *
 * @throws ServingError INVALID_ARGUMENT naming an option.
 */
export function createHttpHandler(server: ServingApi, options: HttpHandlerOptions = {}): HttpHandler {
  const core = new HttpCore(server, options);
  const listener = (request: IncomingMessage, response: ServerResponse) => core.handle(request, response);
  return Object.assign(listener, {
    fetch: (request: Request) => core.fetch(request),
    listen: (address: string) => core.listen(address),
    close: (closeOptions: CloseOptions = {}) => core.close(closeOptions),
    [Symbol.asyncDispose]: () => core.close({}),
  });
}

class HttpCore {
  readonly #service: HttpService;
  readonly #clock: Clock;
  readonly #listeners: HttpListeners;
  #underWay = 0;
  #onIdle: (() => void) | undefined;
  #closed: Promise<void> | undefined;

  constructor(server: ServingApi, options: HttpHandlerOptions) {
    const resolved = resolveHttpOptions(options, server);
    this.#clock = resolved.clock;
    this.#service = new HttpService(server, resolved);
    this.#listeners = new HttpListeners(
      resolved,
      (request, response) => this.handle(request, response),
      (request, response) => this.handle(request, response, true),
    );
  }

  handle(request: IncomingMessage, response: ServerResponse, isAskingToContinue = false): void {
    this.#underWay++;
    response.once('close', () => this.#end());
    const exchange = new NodeExchange(this.#service, request, response, isAskingToContinue);
    this.#service
      .answer(exchange)
      .then((answer) => exchange.send(answer))
      .catch((error: unknown) => response.destroy(ServingError.from(error))); // headers of a host's that are none
  }

  fetch(request: Request): Promise<Response> {
    return answerFetch(this.#service, request);
  }

  async listen(address: string): Promise<BoundAddress> {
    assertString(address, 'address');
    this.#assertOpen(address);
    const bound = await this.#listeners.listen(address);
    if (this.#closed !== undefined) await this.#listeners.close(); // which came too late for this one
    this.#assertOpen(address);
    return bound;
  }

  close(options: CloseOptions): Promise<void> {
    if (this.#closed !== undefined) return this.#closed;
    const { graceMs, lameDuckMs } = resolveCloseOptions(options);
    this.#closed = this.#close(graceMs, lameDuckMs);
    return this.#closed;
  }

  async #close(graceMs: number, lameDuckMs: number): Promise<void> {
    const letProcessEnd = keepProcessAlive(); // whoever closes waits for the end
    this.#service.drain();
    if (lameDuckMs > 0) await after(this.#clock, lameDuckMs);
    await endInTime({
      clock: this.#clock,
      graceMs,
      end: () => this.#listeners.close(),
      whenIdle: (callback) => this.#whenIdle(callback),
      force: () => this.#listeners.destroy(),
    });
    letProcessEnd();
  }

  #whenIdle(callback: () => void): void {
    this.#onIdle = callback;
    if (this.#underWay === 0) callback();
  }

  #end(): void {
    if (--this.#underWay === 0) this.#onIdle?.();
  }

  #assertOpen(address: string): void {
    if (this.#closed === undefined) return;
    throw new ServingError('FAILED_PRECONDITION', `Cannot listen on ${address}: the handler is closed`);
  }
}
