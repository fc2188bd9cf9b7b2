import type { DType } from '../core/dtype.js';
import { invalidArgument, ServingError } from '../core/errors.js';
import { tensorflowName } from '../core/tensorflow-names.js';
import { base64At, decodeBase64 } from './base64.js';
import { debugText } from './debug-text.js';
import { integerLimits } from './integer-limits.js';
import { type JsonDocument, numberOf } from './json-document.js';
import type { TensorSink } from './tensor-sink.js';

/** TensorFlow Serving reads lists that are nested 500,000 deep; more than this is nothing that a model may take. */
const mostLevels = 1_000_000;

/**
 * Reads values, or lists of lists of them, into a sink; the first list of each level says how long all are.
 *
 * Source of the rules and the texts: TF Serving, util/json_tensor.cc, `GetDenseTensorShape` and `FillTensorProto`, which knows
 * the length of a list before its elements. Here they are counted on the way; so an error is held back until it is known
 * that no list around it has a wrong length, which would be told first.
 */
export class TensorReader {
  readonly #document: JsonDocument;
  readonly #sink: TensorSink;
  /** How long the lists of each level are, once the first one has ended: in the end, the shape of what was read last. */
  shape: number[] = [];
  /** How many elements the lists have had that are open. */
  readonly #counts: number[] = [];
  /** How many levels there are, once a value or an empty list was seen. */
  #rank: number | undefined;

  constructor(document: JsonDocument, sink: TensorSink) {
    this.#document = document;
    this.#sink = sink;
  }

  /**
   * @returns what follows the value.
   * @throws ServingError INVALID_ARGUMENT; UNIMPLEMENTED for a dtype that JSON is not read into.
   */
  read(value: number): number {
    this.shape = [];
    this.#rank = undefined;
    for (let at: number | undefined = value; ; ) {
      let end = this.#readOne(at);
      if (end === undefined) {
        at = this.#document.firstElement(at) as number;
        continue;
      }
      at = undefined;
      while (this.#counts.length > 0) {
        at = this.#document.nextElement(end);
        if (at !== undefined) break;
        this.#leave();
        end = this.#document.closeOf(end);
      }
      if (at === undefined) return end;
      this.#count();
    }
  }

  /** @returns what follows it; undefined where it is a list that has elements. */
  #readOne(at: number): number | undefined {
    try {
      if (this.#document.kindAt(at) !== 'Array') return this.#leaf(at);
    } catch (error) {
      throw this.#earlierFault(at) ?? error;
    }
    const level = this.#counts.length;
    const first = this.#document.firstElement(at);
    if (this.#rank !== undefined && level >= this.#rank) {
      const text = `Encountered list at unexpected level: ${level} expected < ${this.#rank}`;
      throw this.#earlierFault(at) ?? invalidArgument(text);
    }
    if (level === mostLevels)
      throw invalidArgument(`Cannot read lists that are nested more than ${mostLevels} deep`);
    this.#counts.push(0);
    if (first !== undefined) {
      this.#count();
      return undefined;
    }
    this.#rank ??= level + 1;
    this.#leave();
    return this.#document.endOf(at);
  }

  #leaf(at: number): number {
    const level = this.#counts.length;
    this.#rank ??= level;
    if (level !== this.#rank) {
      const text = `JSON Value: ${debugText(this.#document, at)} found at incorrect level: ${level + 1}`;
      throw invalidArgument(`${text} in the JSON DOM. Expected at level: ${this.#rank}`);
    }
    addValue(this.#document, at, this.#sink);
    return this.#document.endOf(at);
  }

  #count(): void {
    (this.#counts[this.#counts.length - 1] as number)++;
  }

  /** The list ends that is open at last. */
  #leave(): void {
    const level = this.#counts.length - 1;
    const fault = this.#lengthFault(level, this.#counts[level] as number);
    if (fault !== undefined) throw fault;
    this.shape[level] = this.#counts.pop() as number;
  }

  #lengthFault(level: number, length: number): ServingError | undefined {
    const expected = this.shape[level];
    if (expected === undefined || expected === length) return undefined;
    return invalidArgument(
      `Encountered list at unexpected size: ${length} at level: ${level} expected size: ${expected}`,
    );
  }

  /** What is wrong with the length of the outermost list around a value that is wrong itself. */
  #earlierFault(at: number): ServingError | undefined {
    let fault: ServingError | undefined;
    let end = this.#document.endOf(at);
    for (let level = this.#counts.length - 1; level >= 0; level--) {
      let length = this.#counts[level] as number;
      for (let next = this.#document.nextElement(end); next !== undefined; length++) {
        end = this.#document.endOf(next);
        next = this.#document.nextElement(end);
      }
      fault = this.#lengthFault(level, length) ?? fault;
      end = this.#document.closeOf(end);
    }
    return fault;
  }
}

/** Those of 2^64 - 1, and a sign. */
const mostDigits = 21;

/** Adds a value that is no list. */
function addValue(document: JsonDocument, at: number, sink: TensorSink): void {
  const { dtype } = sink;
  const kind = document.kindAt(at);
  switch (dtype) {
    case 'string':
      if (kind === 'Object') {
        addBase64(document, at, sink);
        return;
      }
      if (kind !== 'String') throw typeError(document, at, dtype);
      sink.string(document.stringAt(at));
      return;
    case 'bool':
      if (kind !== 'True' && kind !== 'False') throw typeError(document, at, dtype);
      sink.number(kind === 'True' ? 1 : 0);
      return;
    case 'uint16': {
      if (kind === 'Object') throw typeError(document, at, dtype);
      const text = `Conversion of JSON Value: ${debugText(document, at)} to type: ${tensorflowName(dtype)}`;
      throw new ServingError('UNIMPLEMENTED', text);
    }
    default:
      if (kind !== 'Number') throw typeError(document, at, dtype);
      addNumber(document, at, sink);
      return;
  }
}

function addBase64(document: JsonDocument, at: number, sink: TensorSink): void {
  const text = base64At(document, at);
  if (text === undefined) {
    const shown = debugText(document, at);
    throw invalidArgument(`JSON Value: ${shown} not formatted correctly for base64 data`);
  }
  sink.string(decodeBase64(document.textAt(text)));
}

function addNumber(document: JsonDocument, at: number, sink: TensorSink): void {
  const literal = document.literalAt(at);
  const range = integerLimits[sink.dtype];
  if (range === undefined) {
    sink.number(numberOf(literal));
    return;
  }
  if (literal.length > mostDigits || !/^-?\d+$/.test(literal)) throw typeError(document, at, sink.dtype);
  const value = BigInt(literal);
  if (value < range[0] || value > range[1]) throw typeError(document, at, sink.dtype);
  if (sink.dtype === 'int64' || sink.dtype === 'uint64') sink.bigint(value);
  else sink.number(Number(value));
}

function typeError(document: JsonDocument, at: number, dtype: DType): ServingError {
  const shown = `JSON Value: ${debugText(document, at)} Type: ${document.kindAt(at)}`;
  return invalidArgument(`${shown} is not of expected type: ${tensorflowName(dtype)}`);
}
