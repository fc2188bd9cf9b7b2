import type { RestAnswer } from '../rest/rest-answer.js';
import { BodyCollector } from './body.js';
import type { HttpExchange, HttpService } from './http-service.js';
import { tooLong } from './refusal.js';

/** Answers a `Request` of the Fetch standard. Never rejects. */
export async function answerFetch(service: HttpService, request: Request): Promise<Response> {
  const hold = service.budget.hold();
  try {
    const exchange = new FetchExchange(service, request, hold);
    return responseOf(await service.answer(exchange), request.method);
  } finally {
    hold.release();
  }
}

class FetchExchange implements HttpExchange {
  readonly method: string;
  readonly path: string;
  readonly signal: AbortSignal;
  readonly hold: HttpExchange['hold'];
  readonly #service: HttpService;
  readonly #request: Request;

  constructor(service: HttpService, request: Request, hold: HttpExchange['hold']) {
    const { pathname, search } = new URL(request.url);
    this.#service = service;
    this.#request = request;
    this.method = request.method;
    this.path = pathname + search;
    this.signal = request.signal;
    this.hold = hold;
  }

  header(name: string): string | undefined {
    return this.#request.headers.get(name) ?? undefined;
  }

  async readBody(): Promise<Uint8Array> {
    const { maxBodyBytes } = this.#service.options;
    if (Number(this.header('content-length') ?? 0) > maxBodyBytes) throw tooLong(maxBodyBytes);
    const collector = new BodyCollector({ maxBytes: maxBodyBytes, takeBytes: this.hold.take });
    for await (const piece of this.#request.body ?? []) collector.add(piece);
    return collector.bytes;
  }
}

function responseOf({ status, body, type, headers }: RestAnswer, method: string): Response {
  const all = new Headers(headers);
  if (type !== undefined) all.set('content-type', type);
  const isEmpty = method === 'HEAD' || body.length === 0;
  return new Response(isEmpty ? null : (body as string | Uint8Array<ArrayBuffer>), { status, headers: all });
}
