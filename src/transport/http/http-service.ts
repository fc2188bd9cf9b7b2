import type { Cancellation, CancelSignal } from '../../core/cancellation.js';
import { ServingError, type StatusCode } from '../../core/errors.js';
import type { WireRecord, WireWatch } from '../../core/request-records.js';
import { acceptedFormat } from '../accepted-format.js';
import { ByteBudget } from '../byte-budget.js';
import { answered, type RestAnswer } from '../rest/rest-answer.js';
import { errorAnswer, failed } from '../rest/rest-error.js';
import { answerRoute } from '../rest/rest-service.js';
import { type RestRoute, routeOf } from '../rest/route.js';
import type { ServingApi } from '../serving-api.js';
import type { MethodParts } from '../tfs/method.js';
import { arrived, answered as tellAnswered } from '../watched-request.js';
import { inflate } from './body.js';
import type { ResolvedHttpOptions } from './http-options.js';
import { Refusal } from './refusal.js';

/** A request, wherever it comes from. */
export interface HttpExchange {
  readonly method: string;
  /** With the query, as it came. */
  readonly path: string;
  /** The value of a header; its name has small letters. */
  header(name: string): string | undefined;
  /** All of the body, as it comes. */
  readBody(): Promise<Uint8Array>;
  /** Aborted when the client has gone. */
  readonly signal: CancelSignal;
  /** What aborts it, where it is the request's own. */
  readonly controller?: Cancellation | undefined;
  /** What the request holds of the budget, and then its answer. */
  readonly hold: { readonly take: (bytes: number) => void };
}

const corsHeaders = {
  'access-control-allow-origin': '*',
  'access-control-allow-methods': 'POST, GET',
  'access-control-allow-headers': 'Content-Type',
};

const nothing = new Uint8Array(0);

/** What TF Serving answers over HTTP, and what a Kubernetes probe asks. */
export class HttpService {
  readonly options: ResolvedHttpOptions;
  readonly budget: ByteBudget;
  readonly #parts: MethodParts;
  #isDraining = false;

  constructor(server: ServingApi, options: ResolvedHttpOptions) {
    this.options = options;
    this.budget = new ByteBudget(options.maxInFlightBytes);
    this.#parts = { server, asTensorContent: false, isMethodChecked: options.enableSignatureMethodNameCheck };
  }

  /** From now on, it is not ready, and every answer is its connection's last. */
  drain(): void {
    this.#isDraining = true;
  }

  /** Never rejects. */
  async answer(exchange: HttpExchange): Promise<RestAnswer> {
    const isOfApi = /^\/v1\//i.test(exchange.path);
    const answer = await (isOfApi ? this.#api(exchange) : this.#beside(exchange).catch(failureAnswer));
    if (!this.#isDraining) return answer;
    return { ...answer, headers: { ...answer.headers, connection: 'close' } };
  }

  /** What is asked beside TF Serving's API. */
  async #beside(exchange: HttpExchange): Promise<RestAnswer> {
    const { method, path } = exchange;
    if (method === 'OPTIONS') return this.#preflight(exchange);
    if (method === 'GET' || method === 'HEAD') {
      if (path === '/healthz') return answered(JSON.stringify({ status: 'ok' }));
      if (path === '/readyz') return this.#readiness();
      const metrics = await this.#metrics(exchange);
      if (metrics !== undefined) return metrics;
    }
    return failed(404, `Not found: ${method} ${path}`);
  }

  /** Never rejects. */
  async #api(exchange: HttpExchange): Promise<RestAnswer> {
    const { wires } = this.#parts.server;
    const wire = wires && arrived(wires, 'REST', '', (name) => exchange.header(name));
    let status: StatusCode | 'OK' = 'OK';
    let answer: RestAnswer;
    try {
      answer = await (wire !== undefined && wires?.trace.isOn
        ? wires.trace.follow(wire, () => this.#route(exchange, wire))
        : this.#route(exchange, wire));
      if (answer.status !== 200) status = 'FAILED_PRECONDITION'; // a preflight that does not say where it comes from
    } catch (error) {
      answer = failureAnswer(error);
      status = error instanceof Refusal ? error.code : ServingError.from(error).code;
    }
    if (wire !== undefined) tellAnswered(wires as WireWatch, wire, status);
    if (!this.options.cors || exchange.method === 'OPTIONS') return answer;
    return { ...answer, headers: { ...answer.headers, ...corsHeaders } };
  }

  async #route(exchange: HttpExchange, wire: WireRecord | undefined): Promise<RestAnswer> {
    if (exchange.method === 'OPTIONS') return this.#preflight(exchange);
    const route = routeOf(exchange.method, exchange.path);
    if (wire !== undefined) note(wire, route);
    const bytes = hasBody(route) ? await this.#body(exchange) : nothing;
    if (wire !== undefined) wire.readMs = (this.#parts.server.wires as WireWatch).clock.now();
    const { signal, controller } = exchange;
    const patience = { timeoutMs: this.options.timeoutMs, signal, controller, wire };
    const call = { patience, takeBytes: exchange.hold.take };
    return await answerRoute(this.#parts, route, bytes, call);
  }

  async #body(exchange: HttpExchange): Promise<Uint8Array> {
    const bytes = await exchange.readBody();
    if (!exchange.header('content-encoding')?.includes('gzip')) return bytes;
    const limits = { maxBytes: this.options.maxBodyBytes, takeBytes: exchange.hold.take };
    return await inflate(bytes, limits);
  }

  /** Source: TF Serving, model_servers/http_server.cc: whoever tells where it comes from is told that it may ask. */
  #preflight(exchange: HttpExchange): RestAnswer {
    const isAsked = /https?:\/\//.test(exchange.header('origin') ?? '');
    return {
      status: isAsked ? 200 : 400,
      body: nothing,
      ...(isAsked && this.options.cors && { headers: corsHeaders }),
    };
  }

  #readiness(): RestAnswer {
    if (this.#isDraining) return failed(503, 'The server is shutting down');
    if (this.#parts.server.isReady()) return answered(JSON.stringify({ status: 'ready' }));
    const waiting = this.#parts.server.listModels().filter(({ isReady }) => !isReady);
    return failed(503, `Not ready: ${waiting.map(({ name }) => name).join(', ') || 'not started'}`);
  }

  /** Source of the text: TF Serving, model_servers/http_server.cc. */
  async #metrics(exchange: HttpExchange): Promise<RestAnswer | undefined> {
    const { metrics } = this.options;
    const { path } = exchange;
    if (metrics === undefined || !path.startsWith(metrics.path)) return undefined;
    if (path !== metrics.path) {
      if (path[metrics.path.length] !== '?') return undefined;
      const text = `Unexpected path: ${path}. Should be ${metrics.path}`;
      return { status: 400, body: text, type: 'text/plain' };
    }
    const format = acceptedFormat(exchange.header('accept'));
    const { printer } = metrics;
    return { status: 200, body: await printer.collect({ format }), type: printer.contentType({ format }) };
  }
}

function failureAnswer(error: unknown): RestAnswer {
  return error instanceof Refusal ? error.answer : errorAnswer(error);
}

/** What a path says of a request, for those who look. */
function note(wire: WireRecord, route: RestRoute): void {
  if (hasBody(route)) wire.api = route.kind;
  if (route.kind !== 'list') wire.model = route.target.model;
}

function hasBody({ kind }: RestRoute): boolean {
  return kind === 'predict' || kind === 'classify' || kind === 'regress';
}
