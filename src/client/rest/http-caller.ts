// Hot path: once for each call over REST. Guarded by bench/client/predict.mjs.
import {
  type ClientRequest,
  Agent as HttpAgent,
  request as httpRequest,
  type IncomingMessage,
} from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { CancelSignal } from '../../core/cancellation.js';
import { cancelled, ServingError } from '../../core/errors.js';
import type { ResolvedClientOptions } from '../client-options.js';
import { messageTooLarge } from '../retry-policy.js';
import { type HttpReply, unanswered } from './rest-failure.js';

/** What is asked of a server. */
export interface HttpQuestion {
  readonly method: 'GET' | 'POST';
  /** Behind the address's prefix. */
  readonly path: string;
  readonly body?: Uint8Array;
}

/** Sends requests to one server, on connections that are kept for the next. */
export class HttpCaller {
  readonly #options: ResolvedClientOptions;
  /** Undefined until the first request. */
  #agent: HttpAgent | undefined;
  /** Those that wait for a connection, too, which the agent does not end. */
  readonly #underway = new Set<ClientRequest>();
  #isClosed = false;

  constructor(options: ResolvedClientOptions) {
    this.#options = options;
  }

  /**
   * Whatever a request is answered with. When the signal is aborted its connection is ended, by which the server is told.
   *
   * @throws ServingError UNAVAILABLE where no answer came, or not a whole one; RESOURCE_EXHAUSTED for one that is too large;
   *   CANCELLED.
   */
  send(question: HttpQuestion, signal: CancelSignal | undefined): Promise<HttpReply> {
    const { address } = this.#options;
    const asked = `${question.method} ${address.prefix}${question.path} of ${address.text}`;
    return new Promise((resolve, reject) => {
      const sent = this.#request(question);
      const abort = () => {
        end(cancelled(signal));
        sent.destroy();
      };
      this.#underway.add(sent);
      const end = (error: ServingError | undefined, reply?: HttpReply) => {
        this.#underway.delete(sent);
        signal?.removeEventListener('abort', abort);
        if (error !== undefined) reject(error);
        else resolve(reply as HttpReply);
      };
      let isAnswered = false;
      sent.once('response', (response) => {
        isAnswered = true;
        this.#collect(response, asked).then((reply) => end(undefined, reply), end);
      });
      // One that comes while the answer is read is the answer's: a body that is refused is not read to its end.
      sent.on('error', (cause) => isAnswered || end(unanswered(cause, asked)));
      signal?.addEventListener('abort', abort);
      sent.end(question.body);
    });
  }

  close(): void {
    this.#isClosed = true;
    for (const sent of this.#underway) sent.destroy();
    this.#agent?.destroy();
  }

  #request({ method, path, body }: HttpQuestion): ClientRequest {
    if (this.#isClosed) {
      throw new ServingError('FAILED_PRECONDITION', 'Cannot call the server: the client is closed');
    }
    this.#agent ??= agentOf(this.#options);
    const { address, headers } = this.#options;
    const { isSecure, host, port, socketPath, prefix } = address;
    const place = socketPath === undefined ? { host, port } : { socketPath, host: 'localhost' };
    const content = body && { 'content-type': 'application/json', 'content-length': body.length };
    const options = { ...place, agent: this.#agent, method, path: `${prefix}${path}` };
    return (isSecure ? httpsRequest : httpRequest)({ ...options, headers: { ...headers, ...content } });
  }

  async #collect(response: IncomingMessage, asked: string): Promise<HttpReply> {
    const { maxReceiveBytes } = this.#options;
    const pieces: Buffer[] = [];
    let length = 0;
    try {
      for await (const piece of response as AsyncIterable<Buffer>) {
        length += piece.length;
        if (length > maxReceiveBytes) throw tooLarge(asked, maxReceiveBytes);
        pieces.push(piece);
      }
    } catch (cause) {
      throw cause instanceof ServingError ? cause : unanswered(cause, asked);
    }
    return {
      status: response.statusCode as number,
      headers: response.headers,
      body: pieces.length === 1 ? (pieces[0] as Buffer) : Buffer.concat(pieces),
    };
  }
}

function tooLarge(asked: string, maxBytes: number): ServingError {
  const expected = `at most ${maxBytes} bytes`;
  const message = `Cannot read the answer to ${asked}: it has more, expected ${expected}`;
  return new ServingError('RESOURCE_EXHAUSTED', message, { expected, reason: messageTooLarge });
}

function agentOf({ address, connections, keepAliveMs, tls }: ResolvedClientOptions): HttpAgent {
  const isAsked = keepAliveMs !== Number.POSITIVE_INFINITY;
  const options = {
    keepAlive: true,
    maxSockets: connections,
    maxFreeSockets: connections,
    ...(isAsked && { keepAliveMsecs: keepAliveMs }),
  };
  if (!address.isSecure) return new HttpAgent(options);
  const [ca, cert, key] = [tls.ca, tls.cert, tls.key].map((pem) => pem && Buffer.from(pem));
  return new HttpsAgent({
    ...options,
    ...(ca && { ca }),
    ...(cert && { cert }),
    ...(key && { key }),
    ...(tls.serverName !== undefined && { servername: tls.serverName }),
  });
}
