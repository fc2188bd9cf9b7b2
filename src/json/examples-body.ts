import { invalidArgument } from '../core/errors.js';
import type { Example, Feature } from '../core/example.js';
import { base64At, decodeBase64, isBase64Object } from './base64.js';
import { debugText } from './debug-text.js';
import { type JsonDocument, numberOf } from './json-document.js';
import { objectOf, signatureNameOf } from './predict-body.js';
import type { TakeBytes } from './tensor-sink.js';

/** What a classify or regress request says. */
export interface ExamplesBody {
  readonly signature: string | undefined;
  readonly examples: readonly Example[];
}

/** About what an example, a feature and a value have in memory. */
const costBytes = { example: 256, feature: 256, value: 64 };

/**
 * Reads the body of a classify or regress request: examples, objects of features, and a context that holds where they say
 * nothing. A literal says of which kind a feature is: a decimal is a float, an integer or a boolean an int64, a string or
 * an object of base64 bytes.
 *
 * Source of the rules and the texts: TF Serving, util/json_tensor.cc, `FillClassifyRegressRequestFromJson`.
 *
 * @throws ServingError INVALID_ARGUMENT for what does not fit.
 */
export function decodeExamplesBody(bytes: Uint8Array, takeBytes: TakeBytes): ExamplesBody {
  const document = objectOf(bytes);
  const signature = signatureNameOf(document);
  const reader = new ExampleReader(document, takeBytes);
  const { root } = document;
  const contextAt = document.find(root, 'context');
  const context = contextAt === undefined ? new Map() : reader.read(contextAt, new Map());
  const fault = (text: string) => invalidArgument(`JSON Value: ${debugText(document, root)} ${text}`);
  const list = document.find(root, 'examples');
  if (list === undefined) {
    throw fault("When method is classify, key 'examples' is expected and was not found");
  }
  if (document.kindAt(list) !== 'Array') throw fault("Expecting 'examples' value to be an list/array");
  if (document.firstElement(list) === undefined) throw fault("'examples' value is an empty array");
  const examples: Example[] = [];
  for (const at of document.elements(list)) examples.push(reader.read(at, context));
  return { signature, examples };
}

type Kind = Feature['kind'];

class ExampleReader {
  readonly #document: JsonDocument;
  readonly #takeBytes: TakeBytes;

  constructor(document: JsonDocument, takeBytes: TakeBytes) {
    this.#document = document;
    this.#takeBytes = takeBytes;
  }

  /** @param context what holds where the example says nothing. */
  read(at: number, context: Example): Example {
    const kind = this.#document.kindAt(at);
    if (kind !== 'Object') throw invalidArgument(`Example must be JSON object but got JSON ${kind}`);
    this.#takeBytes(costBytes.example + context.size * costBytes.value);
    const example = new Map(context);
    for (const { name, value } of this.#document.members(at)) {
      this.#takeBytes(costBytes.feature);
      const feature = this.#feature(name, value);
      if (feature === undefined) example.delete(name);
      else example.set(name, feature);
    }
    return example;
  }

  /** Undefined for an empty list, which has no kind. */
  #feature(name: string, at: number): Feature | undefined {
    const isList = this.#document.kindAt(at) === 'Array';
    let kind: Kind | undefined;
    const values: unknown[] = [];
    for (const each of isList ? this.#document.elements(at) : [at]) {
      const itsKind = this.#kindOf(name, each);
      if (kind !== undefined && itsKind !== kind) {
        throw invalidArgument(`Unexpected element type in feature: ${name} expecting type: ${kind}`);
      }
      kind = itsKind;
      this.#takeBytes(costBytes.value);
      values.push(this.#value(name, each));
    }
    return kind && ({ kind, values } as Feature);
  }

  #kindOf(name: string, at: number): Kind {
    const kind = this.#document.kindAt(at);
    if (kind === 'Number') return /[.eEIN]/.test(this.#document.literalAt(at)) ? 'float' : 'int64';
    if (kind === 'True' || kind === 'False') return 'int64';
    if (kind === 'String' || isBase64Object(this.#document, at)) return 'bytes';
    throw invalidArgument(`Feature: ${name} has element with unexpected JSON type: ${kind}`);
  }

  #value(name: string, at: number): number | bigint | Uint8Array {
    const kind = this.#document.kindAt(at);
    if (kind === 'True') return 1n;
    if (kind === 'False') return 0n;
    if (kind === 'Number') {
      const literal = this.#document.literalAt(at);
      return /[.eEIN]/.test(literal) ? Math.fround(numberOf(literal)) : int64(name, literal);
    }
    const text = base64At(this.#document, at);
    if (text !== undefined) return decodeBase64(this.#document.textAt(text));
    const string = this.#document.stringAt(at);
    this.#takeBytes(string.length);
    return typeof string === 'string' ? Buffer.from(string) : string;
  }
}

/** 20 digits are more than 64 bits have: such a number is a double to RapidJSON, and here too large all the same. */
const mostDigits = 20;

function int64(name: string, literal: string): bigint {
  const value = literal.length > mostDigits + 1 ? 2n ** 64n : BigInt(literal);
  if (value === BigInt.asIntN(64, value)) return value;
  throw invalidArgument(`Feature: ${name} has uint64_t element. Only int64_t is supported.`);
}
