// Hot path: once for each request. Guarded by bench/transport/rest/predict.mjs.

import type { IncomingMessage, ServerResponse } from 'node:http';
import { Cancellation, type CancelSignal } from '../../core/cancellation.js';
import { cancelled, ServingError } from '../../core/errors.js';
import type { RestAnswer } from '../rest/rest-answer.js';
import { errorAnswer } from '../rest/rest-error.js';
import { BodyCollector } from './body.js';
import type { HttpExchange, HttpService } from './http-service.js';
import { Refusal, tooLong } from './refusal.js';

/** A request of node:http, and its answer. */
export class NodeExchange implements HttpExchange {
  readonly method: string;
  readonly path: string;
  readonly hold: ReturnType<HttpService['budget']['hold']>;
  readonly #service: HttpService;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #abort = new Cancellation();
  readonly #isAskingToContinue: boolean;

  /** @param isAskingToContinue the client sends its body when it is told to. */
  constructor(
    service: HttpService,
    request: IncomingMessage,
    response: ServerResponse,
    isAskingToContinue: boolean,
  ) {
    this.#service = service;
    this.#request = request;
    this.#response = response;
    this.#isAskingToContinue = isAskingToContinue;
    this.method = request.method ?? '';
    this.path = pathOf(request);
    this.hold = service.budget.hold();
    response.once('close', () => {
      this.hold.release();
      if (!response.writableFinished) this.#abort.abort();
    });
    response.on('error', ignore); // the client has gone: 'close' says so, too
    request.on('error', ignore);
  }

  get signal(): CancelSignal {
    return this.#abort;
  }

  get controller(): Cancellation {
    return this.#abort;
  }

  header(name: string): string | undefined {
    const value = this.#request.headers[name];
    return typeof value === 'string' ? value : value?.join(', ');
  }

  readBody(): Promise<Uint8Array> {
    const { maxBodyBytes, bodyTimeoutMs, clock } = this.#service.options;
    const request = this.#request;
    const parsed = (request as { readonly body?: unknown }).body;
    if (parsed instanceof Uint8Array) return Promise.resolve(parsed); // a host's own parser was faster
    if (request.readableEnded) {
      const text =
        'The body was read before: mount the handler in front of body parsers, or use one for raw bytes';
      return Promise.reject(new ServingError('FAILED_PRECONDITION', text));
    }
    if (Number(request.headers['content-length'] ?? 0) > maxBodyBytes) {
      return Promise.reject(tooLong(maxBodyBytes));
    }
    if (this.#isAskingToContinue) this.#response.writeContinue();
    const collector = new BodyCollector({ maxBytes: maxBodyBytes, takeBytes: this.hold.take });
    return new Promise<Uint8Array>((resolve, reject) => {
      const text = `The request body did not come within ${bodyTimeoutMs} ms`;
      const late = () => end(new Refusal(408, text, 'DEADLINE_EXCEEDED'));
      const cancelTimeout =
        bodyTimeoutMs === Number.POSITIVE_INFINITY ? undefined : clock.schedule(bodyTimeoutMs, late);
      const onData = (piece: Uint8Array) => {
        try {
          collector.add(piece);
        } catch (error) {
          end(error);
        }
      };
      const onEnd = () => end();
      const onClose = () => end(cancelled(this.signal));
      const end = (error?: unknown) => {
        cancelTimeout?.();
        request.off('data', onData).off('end', onEnd).off('close', onClose);
        if (error === undefined) resolve(collector.bytes);
        else {
          request.pause();
          reject(error);
        }
      };
      request.on('data', onData).on('end', onEnd).on('close', onClose);
    });
  }

  /** An answer that there is no memory for until it is sent becomes one that says so. */
  send(answer: RestAnswer): void {
    if (this.#response.destroyed || this.#response.headersSent) return;
    const { status, type, headers, ...held } = this.#held(answer);
    const body = typeof held.body === 'string' ? Buffer.from(held.body) : held.body;
    const allHeaders: Record<string, string | number> = { ...headers, 'content-length': body.length };
    if (type !== undefined) allHeaders['content-type'] = type;
    this.#response.writeHead(status, allHeaders);
    this.#response.end(this.method === 'HEAD' ? undefined : body);
  }

  /** What the request held is given back; its answer is held until the response is closed. */
  #held(answer: RestAnswer): RestAnswer {
    this.hold.release();
    try {
      this.hold.take(answer.body.length);
      return answer;
    } catch (error) {
      return errorAnswer(error);
    }
  }
}

function ignore(): void {}

/** As the client wrote it: where a framework has cut off what a handler is mounted under, it keeps the whole here. */
function pathOf(request: IncomingMessage): string {
  const { originalUrl } = request as { readonly originalUrl?: unknown };
  return typeof originalUrl === 'string' ? originalUrl : (request.url ?? '');
}
