import { type JsonDocument, numberOf } from './json-document.js';

/** A value is cut where it is longer. Source: TF Serving, util/json_tensor.cc. */
const maxBytes = 256;
const indent = '    ';

/**
 * A value as TF Serving shows it in its messages: numbers as they were read, members on lines of their own, elements on one
 * line, cut after 256 bytes.
 */
export function debugText(document: JsonDocument, value: number): string {
  const writer = new DebugWriter(document);
  writer.value(value, 1);
  return writer.text;
}

class DebugWriter {
  readonly #document: JsonDocument;
  text = '';

  constructor(document: JsonDocument) {
    this.#document = document;
  }

  /** Each level of nesting writes something, so that it ends before the stack does. */
  value(at: number, depth: number): void {
    switch (this.#document.kindAt(at)) {
      case 'Array':
        this.#array(at, depth);
        return;
      case 'Object':
        this.#object(at, depth);
        return;
      case 'String':
        this.#put(JSON.stringify(this.#document.textAt(at)));
        return;
      case 'Number':
        this.#put(numberText(this.#document.literalAt(at)));
        return;
      default:
        this.#put(this.#document.literalAt(at));
        return;
    }
  }

  #array(at: number, depth: number): void {
    this.#put('[');
    let separator = '';
    for (const element of this.#document.elements(at)) {
      if (this.#isFull) return;
      this.#put(separator);
      this.value(element, depth + 1);
      separator = ', ';
    }
    this.#put(']');
  }

  #object(at: number, depth: number): void {
    this.#put('{');
    let separator = '';
    for (const { name, value } of this.#document.members(at)) {
      if (this.#isFull) return;
      this.#put(`${separator}\n${indent.repeat(depth)}${JSON.stringify(name)}: `);
      this.value(value, depth + 1);
      separator = ',';
    }
    this.#put(separator === '' ? '}' : `\n${indent.repeat(depth - 1)}}`);
  }

  get #isFull(): boolean {
    return this.text.length >= maxBytes;
  }

  #put(text: string): void {
    if (!this.#isFull) this.text = (this.text + text).slice(0, maxBytes);
  }
}

/** As RapidJSON's writer shows a number: one with a point or an exponent is a double. */
function numberText(literal: string): string {
  if (/^-?\d+$/.test(literal) && Number.isSafeInteger(Number(literal))) return String(BigInt(literal));
  const text = String(numberOf(literal)).replace('e+', 'e');
  return /[.eIN]/.test(text) ? text : /[.eE]/.test(literal) ? `${text}.0` : literal;
}
