import { once } from 'node:events';
import { type IncomingHttpHeaders, type IncomingMessage, type OutgoingHttpHeaders, request } from 'node:http';
import { createHttpHandler, type HttpHandler, type HttpHandlerOptions, type ServingApi } from 'servable/http';
import { onTestFinished } from 'vitest';

/** A handler that listens, and a client of it. */
export interface ServedHttp {
  readonly handler: HttpHandler;
  readonly address: string;
  readonly port: number;
  /** A request with the path as it is, without what a URL would make of it. */
  send(method: string, path: string, more?: RequestParts): Promise<HttpAnswer>;
  /** A request with a body: text, bytes, or what is to become JSON. */
  post(path: string, body: unknown, headers?: OutgoingHttpHeaders): Promise<HttpAnswer>;
}

export interface RequestParts {
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: string | Uint8Array;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** The body, read as JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: a client knows no types either
  readonly json: any;
}

export async function serveHttp(server: ServingApi, options?: HttpHandlerOptions): Promise<ServedHttp> {
  const handler = createHttpHandler(server, options);
  const { address, port = 0 } = await handler.listen('127.0.0.1:0');
  const send = (method: string, path: string, { headers = {}, body }: RequestParts = {}) =>
    answerTo(request({ host: '127.0.0.1', port, method, path, headers, agent: false }).end(body));
  const post = (path: string, body: unknown, headers: OutgoingHttpHeaders = {}) =>
    send('POST', path, { headers, body: isRaw(body) ? body : JSON.stringify(body) });
  return { handler, address, port, send, post };
}

/** The same, closed with the test. */
export async function serveHttpForTest(
  server: ServingApi,
  options?: HttpHandlerOptions,
): Promise<ServedHttp> {
  const served = await serveHttp(server, options);
  onTestFinished(() => served.handler.close({ graceMs: 0 }));
  return served;
}

async function answerTo(sent: ReturnType<typeof request>): Promise<HttpAnswer> {
  sent.on('error', () => {}); // one that comes after the answer: a body that is refused is not read to its end
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  let text = '';
  for await (const piece of response.setEncoding('utf8')) text += piece;
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    text,
    get json() {
      return JSON.parse(text);
    },
  };
}

function isRaw(body: unknown): body is string | Uint8Array {
  return typeof body === 'string' || body instanceof Uint8Array;
}
