import { invalidArgument, type ServingError } from '../core/errors.js';

/** What may be wrong with a text that is to be JSON. The words are RapidJSON's (error/en.h), which TF Serving answers with. */
const texts = {
  empty: 'The document is empty.',
  value: 'Invalid value.',
  memberName: 'Missing a name for object member.',
  colon: 'Missing a colon after a name of object member.',
  memberEnd: 'Missing a comma or } after an object member.',
  elementEnd: 'Missing a comma or ] after an array element.',
  hexDigit: 'Incorrect hex digit after \\u escape in string.',
  surrogate: 'The surrogate pair in string is invalid.',
  escape: 'Invalid escape character in string.',
  quote: 'Missing a closing quotation mark in string.',
  encoding: 'Invalid encoding in string.',
  numberTooBig: 'Number too big to be stored in double.',
  fraction: 'Miss fraction part in number.',
  exponent: 'Miss exponent in number.',
} as const;

export type SyntaxFault = keyof typeof texts;

/** @param offset where it is, in bytes. */
export function syntaxError(fault: SyntaxFault, offset: number): ServingError {
  return invalidArgument(`JSON Parse error: ${texts[fault]} at offset: ${offset}`);
}

/** TF Serving says this one before it asks RapidJSON, and in other words. */
export function emptyError(): ServingError {
  return invalidArgument('JSON Parse error: The document is empty');
}
