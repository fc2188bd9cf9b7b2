import { ServingError } from '../../core/errors.js';
import { codeOfHttpStatus } from '../../transport/rest/rest-error.js';
import { messageTooLarge } from '../retry-policy.js';

/** What came for a request. */
export interface HttpReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: Buffer;
}

/** Characters that are shown of an answer that nobody understands. */
const mostShown = 200;

/** How a request failed that was answered, in our words: the text is the server's, where it is one of TF Serving's kind. */
export function restFailure({ status, body }: HttpReply, asked: string): ServingError {
  const code = codeOfHttpStatus(status);
  const facts = status === 413 ? { reason: messageTooLarge } : {};
  const shown = body.toString('utf8', 0, mostShown);
  return new ServingError(code, textOf(body) ?? `${asked} was answered with ${status}: ${shown}`, facts);
}

/** The text of `{ "error": "…" }`. */
function textOf(body: Buffer): string | undefined {
  try {
    const { error } = JSON.parse(body.toString('utf8')) as { readonly error?: unknown };
    return typeof error === 'string' ? error : undefined;
  } catch {
    return undefined; // a gateway's page, say
  }
}

/** How a request failed that was not answered. */
export function unanswered(cause: unknown, asked: string): ServingError {
  const { code, message = String(cause) } = cause as NodeJS.ErrnoException;
  // Of several addresses that were tried, each has an error of its own, and the whole no text.
  const why = message || (code ?? 'no connection');
  return new ServingError('UNAVAILABLE', `${asked} was not answered: ${why}`, { cause });
}
