import type { StatusCode } from '../../core/errors.js';
import type { RestAnswer } from '../rest/rest-answer.js';
import { failed } from '../rest/rest-error.js';

/** A request that is answered without being understood: its body is too long, or does not come. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly answer: RestAnswer;
  /** What it counts as. */
  readonly code: StatusCode;

  constructor(status: number, message: string, code: StatusCode) {
    super(message);
    this.code = code;
    // The rest of the body is not waited for, so nothing else can come over the connection.
    this.answer = { ...failed(status, message), headers: { connection: 'close' } };
  }
}

export function tooLong(limitBytes: number): Refusal {
  return new Refusal(413, `The request body has more than ${limitBytes} bytes`, 'OUT_OF_RANGE');
}
