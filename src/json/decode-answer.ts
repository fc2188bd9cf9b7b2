// Hot path: once for each predict request that was answered over REST. Guarded by bench/client/predict.mjs.
import { isUtf8 } from 'node:buffer';
import { asBuffer } from '../core/as-buffer.js';
import { invalidArgument, type ServingError } from '../core/errors.js';
import type { Dim, Signature, TensorSpec } from '../core/signature.js';
import { putTensor, type Tensor, type TensorMap } from '../core/tensor.js';
import { debugText } from './debug-text.js';
import { type JsonDocument, numberOf } from './json-document.js';
import { objectOf } from './predict-body.js';
import { scanInputs } from './scan-inputs.js';
import { TensorReader } from './tensor-reader.js';
import { TensorSink } from './tensor-sink.js';

const keys = { rows: 'predictions', columns: 'outputs' };
const takeNothing = () => {};

/**
 * The outputs in the answer to a predict request that was asked in columns; the signature says what JSON does not: dtypes,
 * and the name of an only output.
 *
 * An output without elements has lost the sizes of the axes behind the first empty one. They are what the signature says of
 * them, and 0 where it says nothing.
 *
 * @throws ServingError INVALID_ARGUMENT for what is no such answer.
 */
export function decodeOutputs(bytes: Uint8Array, { outputs: specs, ...rest }: Signature): TensorMap {
  const scanned = scanInputs(asBuffer(bytes), { ...rest, inputs: specs, outputs: {} }, takeNothing, keys);
  const outputs = scanned?.form === 'columnar' ? scanned.inputs : readOutputs(objectOf(bytes), specs);
  const whole: Record<string, Tensor> = {};
  for (const [name, { shape }] of Object.entries(specs)) {
    if (Object.hasOwn(outputs, name)) putTensor(whole, name, withLostAxes(outputs[name] as Tensor, shape));
  }
  return whole;
}

function readOutputs(document: JsonDocument, specs: Signature['outputs']): TensorMap {
  const value = document.find(document.root, keys.columns);
  if (value === undefined) throw unfit(document, document.root, "has no key 'outputs'");
  const names = Object.keys(specs);
  const [only] = names;
  const outputs: Record<string, Tensor> = {};
  const add = (name: string, at: number) =>
    putTensor(outputs, name, readTensor(document, at, specs[name] as TensorSpec));
  if (names.length === 1 && only !== undefined) add(only, value);
  else if (document.kindAt(value) !== 'Object') throw unfit(document, value, 'is not an object of outputs');
  else {
    for (const member of document.members(value)) {
      if (!Object.hasOwn(specs, member.name)) {
        throw invalidArgument(`it has the output ${member.name}, which the signature does not have`);
      }
      add(member.name, member.value);
    }
    const missing = names.find((name) => !Object.hasOwn(outputs, name));
    if (missing !== undefined) throw invalidArgument(`it is without the output ${missing}`);
  }
  return outputs;
}

function readTensor(document: JsonDocument, at: number, { dtype }: TensorSpec): Tensor {
  const sink = new TensorSink(dtype, takeNothing);
  const reader = new TensorReader(document, sink);
  reader.read(at);
  const tensor = sink.tensor(reader.shape);
  return dtype === 'string' ? asText(tensor as Tensor<'string'>) : tensor;
}

/** As over gRPC, strings are text where all of them are UTF-8; what came in base64 is no less so. */
function asText(tensor: Tensor<'string'>): Tensor {
  const { data } = tensor;
  if (typeof data[0] === 'string' || !(data as readonly Uint8Array[]).every((each) => isUtf8(each))) {
    return tensor;
  }
  return { ...tensor, data: (data as readonly Uint8Array[]).map((each) => asBuffer(each).toString('utf8')) };
}

function withLostAxes(tensor: Tensor, declared: readonly Dim[]): Tensor {
  const { shape } = tensor;
  if (!shape.includes(0) || shape.length >= declared.length) return tensor;
  const lost = declared.slice(shape.length).map((dim) => (typeof dim === 'number' ? dim : 0));
  return { ...tensor, shape: [...shape, ...lost] };
}

/**
 * Labels with their scores, of each example.
 *
 * @throws ServingError INVALID_ARGUMENT for what is no answer to a classify request.
 */
export function decodeClassifications(
  bytes: Uint8Array,
): readonly (readonly { readonly label: string; readonly score: number }[])[] {
  return decodeResults(bytes, (document, at) =>
    elementsOf(document, at).map((pair) => {
      const [label, score, ...more] = elementsOf(document, pair);
      if (label === undefined || score === undefined || more.length > 0)
        throw unfit(document, pair, 'is not a label and a score');
      if (document.kindAt(label) !== 'String') throw unfit(document, label, 'is not a label');
      return { label: document.textAt(label), score: numberAt(document, score) };
    }),
  );
}

/**
 * A value of each example.
 *
 * @throws ServingError INVALID_ARGUMENT for what is no answer to a regress request.
 */
export function decodeRegressions(bytes: Uint8Array): readonly number[] {
  return decodeResults(bytes, numberAt);
}

function decodeResults<T>(bytes: Uint8Array, read: (document: JsonDocument, at: number) => T): readonly T[] {
  const document = objectOf(bytes);
  const results = document.find(document.root, 'results');
  if (results === undefined) throw unfit(document, document.root, "has no key 'results'");
  return elementsOf(document, results).map((at) => read(document, at));
}

function elementsOf(document: JsonDocument, at: number): readonly number[] {
  if (document.kindAt(at) !== 'Array') throw unfit(document, at, 'is not a list');
  return [...document.elements(at)];
}

/** Floats on TF Serving's wire: a score is a float32, however many digits it has. */
function numberAt(document: JsonDocument, at: number): number {
  if (document.kindAt(at) !== 'Number') throw unfit(document, at, 'is not a number');
  return Math.fround(numberOf(document.literalAt(at)));
}

function unfit(document: JsonDocument, at: number, why: string): ServingError {
  return invalidArgument(`JSON Value: ${debugText(document, at)} ${why}`);
}
