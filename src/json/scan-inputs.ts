// Hot path: once for each predict request over REST. Guarded by bench/json/decode.mjs.
import type { Signature } from '../core/signature.js';
import { elementCount, putTensor, type Tensor, type TensorMap } from '../core/tensor.js';
import { char, skipSpace, textStart } from './characters.js';
import type { DecodedInputs } from './decoded-inputs.js';
import { onlyInput, requiredInputs } from './input-names.js';
import { NumberScanner } from './scan-numbers.js';
import { type TakeBytes, TensorSink } from './tensor-sink.js';

/** What the two forms of a text are called: of requests by default. */
const requestKeys = { rows: 'instances', columns: 'inputs' };

/**
 * Reads the inputs of a request in one go, without looking at anything twice: numbers in rows or columns, with or without
 * names, and beside them at most a signature's name.
 *
 * @param keys of another text of the same form: an answer has outputs in their place.
 * @returns undefined for everything else, right or wrong: then the whole is to be read again the slow way.
 * @throws ServingError RESOURCE_EXHAUSTED of `takeBytes`.
 */
export function scanInputs(
  bytes: Buffer,
  signature: Signature,
  takeBytes: TakeBytes,
  keys = requestKeys,
): DecodedInputs | undefined {
  for (const name in signature.inputs) {
    if (!NumberScanner.reads((signature.inputs[name] as Signature['inputs'][string]).dtype)) return undefined;
  }
  return new InputScanner(bytes, signature, takeBytes).run(keys);
}

/** One input of rows: its elements so far, and the shape that every row has. */
interface Column {
  readonly sink: TensorSink;
  readonly shape: readonly number[];
}

class InputScanner {
  readonly #bytes: Buffer;
  readonly #signature: Signature;
  readonly #takeBytes: TakeBytes;
  readonly #numbers: NumberScanner;
  #at: number;

  constructor(bytes: Buffer, signature: Signature, takeBytes: TakeBytes) {
    this.#bytes = bytes;
    this.#signature = signature;
    this.#takeBytes = takeBytes;
    this.#numbers = new NumberScanner(bytes);
    this.#at = textStart(bytes);
  }

  run(keys: typeof requestKeys): DecodedInputs | undefined {
    if (!this.#take(char.leftBrace)) return undefined;
    let decoded: DecodedInputs | undefined;
    do {
      const name = this.#plainString();
      if (name === undefined || !this.#take(char.colon)) return undefined;
      if (name === 'signature_name') {
        if (this.#plainString() === undefined) return undefined;
        continue;
      }
      if (decoded !== undefined) return undefined;
      if (name === keys.rows) decoded = this.#rows();
      else if (name === keys.columns) decoded = this.#columns();
      if (decoded === undefined) return undefined;
    } while (this.#take(char.comma));
    return this.#take(char.rightBrace) ? decoded : undefined;
  }

  #rows(): DecodedInputs | undefined {
    if (this.#next() !== char.leftBracket) return undefined;
    const first = skipSpace(this.#bytes, this.#at + 1);
    const inputs = this.#bytes[first] === char.leftBrace ? this.#namedRows() : this.#only();
    return inputs && { form: 'row', inputs };
  }

  #columns(): DecodedInputs | undefined {
    const inputs = this.#next() === char.leftBrace ? this.#namedColumns() : this.#only();
    return inputs && { form: 'columnar', inputs };
  }

  /** The value of the only input: rows in a list are the same as a whole tensor. */
  #only(): TensorMap | undefined {
    const name = onlyInput(this.#signature);
    const read = name === undefined ? undefined : this.#tensor(name);
    return read && { [name as string]: read };
  }

  #namedColumns(): TensorMap | undefined {
    const inputs: Record<string, Tensor> = {};
    const seen = new Set<string>();
    this.#take(char.leftBrace);
    do {
      const name = this.#inputName();
      const read = name === undefined || seen.has(name) ? undefined : this.#tensor(name);
      if (read === undefined) return undefined;
      putTensor(inputs, name as string, read);
      seen.add(name as string);
    } while (this.#take(char.comma));
    return this.#take(char.rightBrace) && this.#hasAll(seen) ? inputs : undefined;
  }

  #namedRows(): TensorMap | undefined {
    const columns = new Map<string, Column>();
    let rows = 0;
    this.#take(char.leftBracket);
    do {
      if (!this.#take(char.leftBrace)) return undefined;
      const seen = new Set<string>();
      do {
        const name = this.#inputName();
        if (name === undefined || seen.has(name) || !this.#row(name, columns, rows)) return undefined;
        seen.add(name);
      } while (this.#take(char.comma));
      if (!this.#take(char.rightBrace) || !this.#hasAll(seen)) return undefined;
      rows++;
    } while (this.#take(char.comma));
    if (!this.#take(char.rightBracket)) return undefined;
    const inputs: Record<string, Tensor> = {};
    for (const [name, { sink, shape }] of columns) {
      if (sink.length !== rows * elementCount(shape)) return undefined;
      putTensor(inputs, name, sink.tensor([rows, ...shape]));
    }
    return inputs;
  }

  /** Adds a row of an input to those before. */
  #row(name: string, columns: Map<string, Column>, rows: number): boolean {
    const column = columns.get(name);
    const sink = column?.sink ?? this.#sink(name);
    if (!this.#numbers.read(this.#skip(), sink)) return false;
    this.#at = this.#numbers.end;
    const { shape } = this.#numbers;
    if (column === undefined) columns.set(name, { sink, shape });
    else if (!isSameShape(shape, column.shape)) return false;
    return column !== undefined || rows === 0;
  }

  #tensor(name: string): Tensor | undefined {
    const sink = this.#sink(name);
    if (!this.#numbers.read(this.#skip(), sink)) return undefined;
    this.#at = this.#numbers.end;
    return sink.tensor(this.#numbers.shape);
  }

  #sink(name: string): TensorSink {
    const { dtype, shape } = this.#signature.inputs[name] as Signature['inputs'][string];
    let expected = 1;
    for (const dim of shape) expected *= typeof dim === 'number' ? dim : 1;
    // Never more than the text can hold: two characters for each.
    return new TensorSink(
      dtype,
      this.#takeBytes,
      Math.min(expected, (this.#bytes.length - this.#at) / 2) | 0,
    );
  }

  /** The name of an input, and its colon. */
  #inputName(): string | undefined {
    const name = this.#plainString();
    if (name === undefined || !this.#take(char.colon)) return undefined;
    return Object.hasOwn(this.#signature.inputs, name) ? name : undefined;
  }

  #hasAll(names: ReadonlySet<string>): boolean {
    return requiredInputs(this.#signature.inputs).every((name) => names.has(name));
  }

  /** A string of ASCII without escapes. */
  #plainString(): string | undefined {
    if (this.#next() !== char.quote) return undefined;
    const start = this.#at + 1;
    let at = start;
    for (;;) {
      const byte = this.#bytes[at];
      if (byte === char.quote) break;
      if (byte === undefined || byte < 0x20 || byte >= 0x80 || byte === char.backslash) return undefined;
      at++;
    }
    this.#at = at + 1;
    return this.#bytes.toString('latin1', start, at);
  }

  /** Passes the byte if it comes next. */
  #take(byte: number): boolean {
    if (this.#next() !== byte) return false;
    this.#at++;
    return true;
  }

  #next(): number | undefined {
    return this.#bytes[this.#skip()];
  }

  #skip(): number {
    this.#at = skipSpace(this.#bytes, this.#at);
    return this.#at;
  }
}

function isSameShape(a: readonly number[], b: readonly number[]): boolean {
  if (a.length !== b.length) return false;
  for (let axis = 0; axis < a.length; axis++) if (a[axis] !== b[axis]) return false;
  return true;
}
