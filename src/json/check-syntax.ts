import { asBuffer } from '../core/as-buffer.js';
import { char, isDigit, skipSpace, textStart } from './characters.js';
import { emptyError, type SyntaxFault, syntaxError } from './syntax-error.js';

/**
 * Checks that a text begins with a value, as RapidJSON reads it for TF Serving: NaN, Inf and Infinity are numbers, a
 * byte-order mark may stand in front, and what follows the value is not looked at. Nesting has no limit: nothing here calls
 * itself.
 *
 * Source of what is refused where, and of the offsets: RapidJSON, reader.h (`kParseIterativeFlag`, `kParseNanAndInfFlag`,
 * `kParseStopWhenDoneFlag`).
 *
 * @returns where the value begins.
 * @throws ServingError INVALID_ARGUMENT in RapidJSON's words, with the offset in bytes.
 */
export function checkSyntax(bytes: Uint8Array): number {
  if (bytes.length === 0) throw emptyError();
  return new SyntaxCheck(bytes).run();
}

const object = 1;
const array = 0;

class SyntaxCheck {
  readonly #bytes: Uint8Array;
  #at: number;
  /** For each container that is open, whether it is an object. */
  #open = new Uint8Array(64);
  #depth = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#at = textStart(bytes);
  }

  run(): number {
    this.#skipSpace();
    const start = this.#at;
    this.#value('empty');
    while (this.#depth > 0) {
      this.#skipSpace();
      if (this.#open[this.#depth - 1] === object) this.#afterMember();
      else this.#afterElement();
    }
    return start;
  }

  /** One value, or the beginning of a container with its first value. */
  #value(atNothing: SyntaxFault): void {
    for (let ifNone = atNothing; ; ifNone = 'value') {
      const byte = this.#bytes[this.#at];
      if (byte === char.leftBracket) {
        this.#enter(array);
        if (this.#bytes[this.#at] !== char.rightBracket) continue;
        this.#leave();
        return;
      }
      if (byte === char.leftBrace) {
        this.#enter(object);
        if (this.#bytes[this.#at] === char.rightBrace) {
          this.#leave();
          return;
        }
        this.#memberName();
        continue;
      }
      this.#scalar(byte, ifNone);
      return;
    }
  }

  #scalar(byte: number | undefined, ifNone: SyntaxFault): void {
    switch (byte) {
      case char.quote:
        this.#string();
        return;
      case char.t:
        this.#literal('true');
        return;
      case char.f:
        this.#literal('false');
        return;
      case char.n:
        this.#literal('null');
        return;
      case undefined:
      case 0:
      case char.comma:
      case char.colon:
      case char.rightBracket:
      case char.rightBrace:
        this.#fail(ifNone);
        return;
      default:
        this.#number();
        return;
    }
  }

  #afterElement(): void {
    const byte = this.#bytes[this.#at];
    if (byte === char.rightBracket) {
      this.#leave();
      return;
    }
    if (byte !== char.comma) this.#fail('elementEnd');
    this.#at++;
    this.#skipSpace();
    this.#value('value');
  }

  #afterMember(): void {
    const byte = this.#bytes[this.#at];
    if (byte === char.rightBrace) {
      this.#leave();
      return;
    }
    if (byte !== char.comma) this.#fail('memberEnd');
    this.#at++;
    this.#skipSpace();
    this.#memberName();
    this.#value('value');
  }

  /** A name and its colon; the value comes next. */
  #memberName(): void {
    if (this.#bytes[this.#at] !== char.quote) this.#fail('memberName');
    this.#string();
    this.#skipSpace();
    if (this.#bytes[this.#at] !== char.colon) this.#fail('colon');
    this.#at++;
    this.#skipSpace();
  }

  #enter(kind: number): void {
    if (this.#depth === this.#open.length) {
      const longer = new Uint8Array(2 * this.#depth);
      longer.set(this.#open);
      this.#open = longer;
    }
    this.#open[this.#depth++] = kind;
    this.#at++;
    this.#skipSpace();
  }

  #leave(): void {
    this.#depth--;
    this.#at++;
  }

  #literal(word: string): void {
    for (let place = 0; place < word.length; place++) {
      if (this.#bytes[this.#at] !== word.charCodeAt(place)) this.#fail('value');
      this.#at++;
    }
  }

  #string(): void {
    const bytes = this.#bytes;
    let at = this.#at + 1;
    for (;;) {
      let byte = bytes[at] as number;
      while (byte >= 0x20 && byte !== char.quote && byte !== char.backslash) byte = bytes[++at] as number;
      if (byte === char.quote) break;
      if (byte === char.backslash) {
        at = this.#escape(at);
        continue;
      }
      if (byte === undefined || byte === 0) throw syntaxError('quote', at);
      if (byte < 0x20) throw syntaxError('encoding', at);
      at++;
    }
    this.#at = at + 1;
  }

  /** @returns what follows it. */
  #escape(start: number): number {
    const byte = this.#bytes[start + 1];
    if (byte !== char.u) {
      if (byte === undefined || !escapes.has(byte)) throw syntaxError('escape', start);
      return start + 2;
    }
    const unit = this.#hex4(start + 2, start);
    if (unit < 0xd800 || unit > 0xdfff) return start + 6;
    const isPair =
      unit < 0xdc00 && this.#bytes[start + 6] === char.backslash && this.#bytes[start + 7] === char.u;
    if (!isPair) throw syntaxError('surrogate', start);
    const second = this.#hex4(start + 8, start);
    if (second < 0xdc00 || second > 0xdfff) throw syntaxError('surrogate', start);
    return start + 12;
  }

  #hex4(at: number, start: number): number {
    let unit = 0;
    for (let place = at; place < at + 4; place++) {
      const digit = hexValue(this.#bytes[place]);
      if (digit === undefined) throw syntaxError('hexDigit', start);
      unit = unit * 16 + digit;
    }
    return unit;
  }

  #number(): void {
    const bytes = this.#bytes;
    const start = this.#at;
    if (bytes[this.#at] === char.minus) this.#at++;
    const first = bytes[this.#at];
    if (first === char.N) {
      this.#literal('NaN');
      return;
    }
    if (first === char.I) {
      this.#infiniteWord();
      return;
    }
    if (!isDigit(first)) this.#fail('value');
    this.#at++;
    if (first !== char.zero) this.#digits();
    if (bytes[this.#at] === char.point) {
      this.#at++;
      if (!isDigit(bytes[this.#at])) this.#fail('fraction');
      this.#digits();
    }
    const mayBeTooBig = this.#at - start > 300;
    if (bytes[this.#at] === char.e || bytes[this.#at] === char.E) this.#exponent();
    else if (!mayBeTooBig) return;
    const text = asBuffer(bytes).toString('latin1', start, this.#at);
    if (!Number.isFinite(Number(text))) throw syntaxError('numberTooBig', start);
  }

  #exponent(): void {
    this.#at++;
    const sign = this.#bytes[this.#at];
    if (sign === char.plus || sign === char.minus) this.#at++;
    if (!isDigit(this.#bytes[this.#at])) this.#fail('exponent');
    this.#digits();
  }

  #digits(): void {
    while (isDigit(this.#bytes[this.#at])) this.#at++;
  }

  #infiniteWord(): void {
    this.#literal('Inf');
    if (this.#bytes[this.#at] === 'i'.charCodeAt(0)) this.#literal('inity');
  }

  #skipSpace(): void {
    this.#at = skipSpace(this.#bytes, this.#at);
  }

  #fail(fault: SyntaxFault): never {
    throw syntaxError(fault, this.#at);
  }
}

/** What may follow a backslash, but for `u`. */
const escapes: ReadonlySet<number> = new Set(Buffer.from('"\\/bfnrt', 'latin1'));

function hexValue(byte: number | undefined): number | undefined {
  if (byte === undefined) return undefined;
  if (isDigit(byte)) return byte - char.zero;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x61 + 10 : undefined;
}
