import { invalidArgument } from '../core/errors.js';
import type { JsonDocument } from './json-document.js';

const base64Key = 'b64';

/** True for an object of one member, `b64`, that is a string: the bytes of one string. */
export function isBase64Object(document: JsonDocument, value: number): boolean {
  return base64At(document, value) !== undefined;
}

/** Where the text of such an object begins; undefined for everything else. */
export function base64At(document: JsonDocument, value: number): number | undefined {
  if (document.kindAt(value) !== 'Object') return undefined;
  let found: number | undefined;
  for (const member of document.members(value)) {
    if (found !== undefined || member.name !== base64Key) return undefined;
    if (document.kindAt(member.value) !== 'String') return undefined;
    found = member.value;
  }
  return found;
}

/**
 * The bytes of a text in base64; white space is passed over, and padding may be left out.
 *
 * @throws ServingError INVALID_ARGUMENT in TF Serving's words (util/json_tensor.cc).
 */
export function decodeBase64(text: string): Uint8Array {
  const digits = /[^A-Za-z0-9+/]/.test(text) ? text.replace(/[ \t\r\n\f\v]|=[=\s.]*$/g, '') : text;
  if (/[^A-Za-z0-9+/]/.test(digits) || digits.length % 4 === 1) {
    throw invalidArgument('Unable to base64 decode');
  }
  const bytes = Buffer.from(digits, 'base64');
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
