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
  return decodePlain(text) ?? decodePlain(text.replace(/[ \t\r\n\f\v]/g, '')) ?? refuse();
}

function refuse(): never {
  throw invalidArgument('Unable to base64 decode');
}

/** Undefined where there is anything but digits and padding, which the runtime would pass over; it has fewer bytes then. */
function decodePlain(text: string): Uint8Array | undefined {
  let digits = text.length;
  while (text.charCodeAt(digits - 1) === padding) digits--;
  if (text.length - digits > 2 || digits % 4 === 1 || text.includes('-') || text.includes('_'))
    return undefined;
  const bytes = Buffer.from(text, 'base64');
  if (bytes.length !== Math.floor((digits * 3) / 4)) return undefined;
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

const padding = '='.charCodeAt(0);
