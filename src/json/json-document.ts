import { isUtf8 } from 'node:buffer';
import { asBuffer } from '../core/as-buffer.js';
import { char, isDigit, skipSpace } from './characters.js';
import { checkSyntax } from './check-syntax.js';

export type JsonKind = 'Null' | 'False' | 'True' | 'Object' | 'Array' | 'String' | 'Number';

/** Where a member's name and value begin. */
export interface Member {
  readonly name: string;
  readonly value: number;
}

/**
 * A text whose syntax is known to be right. Values are told by where they begin, and are read when they are asked for: what
 * nobody asks for is only passed over.
 */
export class JsonDocument {
  readonly #bytes: Buffer;
  /** Where the value begins that the text is. */
  readonly root: number;

  /** @throws ServingError INVALID_ARGUMENT in RapidJSON's words, for what is not JSON. */
  constructor(bytes: Uint8Array) {
    this.#bytes = asBuffer(bytes);
    this.root = checkSyntax(bytes);
  }

  kindAt(value: number): JsonKind {
    switch (this.#bytes[value]) {
      case char.leftBrace:
        return 'Object';
      case char.leftBracket:
        return 'Array';
      case char.quote:
        return 'String';
      case char.t:
        return 'True';
      case char.f:
        return 'False';
      case char.n:
        return 'Null';
      default:
        return 'Number';
    }
  }

  /** Where the first element of an array begins; undefined where there is none. */
  firstElement(value: number): number | undefined {
    const at = skipSpace(this.#bytes, value + 1);
    return this.#bytes[at] === char.rightBracket ? undefined : at;
  }

  /** Where the next element begins after one that ends at `end`; undefined where there is none. */
  nextElement(end: number): number | undefined {
    const at = skipSpace(this.#bytes, end);
    return this.#bytes[at] === char.comma ? skipSpace(this.#bytes, at + 1) : undefined;
  }

  /** What follows an array or an object whose last value ends at `end`. */
  closeOf(end: number): number {
    return skipSpace(this.#bytes, end) + 1;
  }

  *elements(value: number): Generator<number> {
    let at = this.firstElement(value);
    while (at !== undefined) {
      yield at;
      at = this.nextElement(this.endOf(at));
    }
  }

  *members(value: number): Generator<Member> {
    let at = skipSpace(this.#bytes, value + 1);
    if (this.#bytes[at] === char.rightBrace) return;
    for (;;) {
      const name = this.textAt(at);
      const colon = skipSpace(this.#bytes, this.endOf(at));
      const inner = skipSpace(this.#bytes, colon + 1);
      yield { name, value: inner };
      const end = skipSpace(this.#bytes, this.endOf(inner));
      if (this.#bytes[end] === char.rightBrace) return;
      at = skipSpace(this.#bytes, end + 1);
    }
  }

  /** Where the value of the first member of a name begins. */
  find(value: number, name: string): number | undefined {
    for (const member of this.members(value)) if (member.name === name) return member.value;
    return undefined;
  }

  /** What follows a value. */
  endOf(value: number): number {
    switch (this.kindAt(value)) {
      case 'String':
        return this.#endOfString(value);
      case 'Array':
      case 'Object':
        return this.#endOfContainer(value);
      default:
        return this.#endOfWord(value);
    }
  }

  /** A number as it is written. */
  literalAt(value: number): string {
    return this.#bytes.toString('latin1', value, this.#endOfWord(value));
  }

  /** A string, or its bytes where they are no UTF-8: neither RapidJSON nor TF Serving asks for that. */
  stringAt(value: number): string | Uint8Array {
    const end = this.#endOfString(value) - 1;
    const raw = this.#bytes.subarray(value + 1, end);
    if (!raw.includes(char.backslash)) return isUtf8(raw) ? raw.toString('utf8') : new Uint8Array(raw);
    const bytes = withoutEscapes(raw);
    return isUtf8(bytes) ? bytes.toString('utf8') : new Uint8Array(bytes);
  }

  /** A string to look at; what is no UTF-8 in it is replaced. */
  textAt(value: number): string {
    const string = this.stringAt(value);
    return typeof string === 'string' ? string : Buffer.from(string).toString('utf8');
  }

  #endOfString(value: number): number {
    for (let from = value + 1; ; ) {
      const quote = this.#bytes.indexOf(char.quote, from);
      let before = quote;
      while (this.#bytes[before - 1] === char.backslash) before--;
      if ((quote - before) % 2 === 0) return quote + 1;
      from = quote + 1;
    }
  }

  #endOfContainer(value: number): number {
    let depth = 0;
    for (let at = value; ; at++) {
      const byte = this.#bytes[at];
      if (byte === char.leftBracket || byte === char.leftBrace) depth++;
      else if (byte === char.quote) at = this.#endOfString(at) - 1;
      else if ((byte === char.rightBracket || byte === char.rightBrace) && --depth === 0) return at + 1;
    }
  }

  #endOfWord(value: number): number {
    let at = value;
    while (isWord(this.#bytes[at])) at++;
    return at;
  }
}

/** True for what numbers, NaN, Infinity, true, false and null are made of. */
function isWord(byte: number | undefined): boolean {
  if (byte === undefined) return false;
  const lower = byte | 0x20;
  return (
    isDigit(byte) ||
    (lower >= 0x61 && lower <= 0x7a) ||
    byte === char.point ||
    byte === char.minus ||
    byte === char.plus
  );
}

/** The number that a literal of JSON, or one of RapidJSON's more, stands for. */
export function numberOf(literal: string): number {
  if (literal.endsWith('NaN')) return Number.NaN;
  if (literal.includes('I'))
    return literal.startsWith('-') ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  return Number(literal);
}

const escaped: Readonly<Record<string, number>> = { b: 8, f: 12, n: 10, r: 13, t: 9 };

/** The bytes that a string means whose escapes are known to be right. */
function withoutEscapes(raw: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(raw.length); // an escape is never shorter than what it means
  let length = 0;
  for (let at = 0; at < raw.length; ) {
    const next = raw.indexOf(char.backslash, at);
    const end = next < 0 ? raw.length : next;
    length += raw.copy(bytes, length, at, end);
    if (next < 0) break;
    const letter = raw[next + 1] as number;
    if (letter !== char.u) {
      bytes[length++] = escaped[String.fromCharCode(letter)] ?? letter;
      at = next + 2;
      continue;
    }
    const units = [hexAt(raw, next + 2)];
    if ((units[0] as number) >= 0xd800 && (units[0] as number) <= 0xdfff) units.push(hexAt(raw, next + 8));
    length += bytes.write(String.fromCharCode(...units), length);
    at = next + 6 * units.length;
  }
  return bytes.subarray(0, length);
}

function hexAt(raw: Buffer, at: number): number {
  return Number.parseInt(raw.toString('latin1', at, at + 4), 16);
}
