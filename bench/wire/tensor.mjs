/**
 * Tensors to the bytes of a TensorProto and back: ours, which goes straight between bytes and typed arrays, beside the code
 * that protobufjs makes for the same message, with the copy that it takes to get a typed array out of what that gives.
 *
 *     node bench/wire/tensor.mjs
 */
import { join } from 'node:path';
import protobuf from 'protobufjs';
import { tensor } from 'servable';
import { dataTypes } from '#dist/wire/data-type.js';
import { decodeTensor } from '#dist/wire/decode-tensor.js';
import { encodeTensor } from '#dist/wire/encode-tensor.js';
import { alternate, paired, timingCells } from '../support/alternate.mjs';
import { randomSource } from '../support/random.mjs';
import { printHead, printTable } from '../support/report.mjs';

const folder = join(import.meta.dirname, '../../protos');
const root = new protobuf.Root();
root.resolvePath = (_origin, target) => (protobuf.common.get(target) ? target : join(folder, target));
root.loadSync('tensorflow/core/framework/tensor.proto', { keepCase: true });
const TensorProto = root.lookupType('tensorflow.TensorProto');

const random = randomSource(7);
const pixels = 224 * 224 * 3;
const most = 30_000;
const tensors = [
  tensor('float32', [1, 224, 224, 3], Float32Array.from({ length: pixels }, random)),
  tensor(
    'uint8',
    [1, 224, 224, 3],
    Uint8Array.from({ length: pixels }, () => random() * 256),
  ),
  tensor(
    'int64',
    [1, 1000],
    BigInt64Array.from({ length: 1000 }, () => BigInt(Math.floor(random() * most))),
  ),
  tensor(
    'string',
    [1, 1000],
    Array.from({ length: 1000 }, () => `word ${Math.floor(random() * most)}`),
  ),
];

printHead('Tensors on the wire', [
  'elements in typed fields; both up to the typed array, in turns; what each makes is checked',
]);
for (const each of tensors) await compare(/** @type {import('servable').Tensor} */ (each));

/** @param {import('servable').Tensor} original */
async function compare(original) {
  const encoded = encodeTensor(original);
  const theirs = protobufjsFor(original, encoded);
  assertSame(decodeTensor(encoded).data, original.data);
  assertSame(theirs.decode(), original.data);
  assertSame(decodeTensor(theirs.encode()).data, original.data);
  const rows = [
    ...(await time(original, 'decode', () => decodeTensor(encoded), theirs.decode)),
    ...(await time(original, 'encode', () => encodeTensor(original), theirs.encode)),
  ];
  printTable(rows);
}

/**
 * @param {import('servable').Tensor} original
 * @param {string} what
 * @param {() => unknown} ours
 * @param {() => unknown} theirs
 */
async function time({ dtype, shape }, what, ours, theirs) {
  const timings = await alternate([
    { name: 'servable', call: ours },
    { name: 'protobufjs', call: theirs },
  ]);
  const [own] = timings;
  if (own === undefined) throw new Error('Nothing was timed');
  return timings.map((timing) => ({
    [`${dtype} [${shape}]`]: what,
    by: timing.name,
    ...timingCells(timing),
    'times servable': paired(timing, own, (value, base) => value / base),
  }));
}

/**
 * @param {import('servable').Tensor} original
 * @param {Uint8Array} encoded
 */
function protobufjsFor(original, encoded) {
  const { dtype, shape } = original;
  const field = { float32: 'float_val', uint8: 'int_val', int64: 'int64_val', string: 'string_val' }[
    /** @type {'float32'} */ (dtype)
  ];
  return {
    decode: () => toData(dtype, /** @type {any} */ (TensorProto.decode(encoded))[field]),
    encode: () =>
      TensorProto.encode({
        dtype: dataTypes[dtype],
        tensor_shape: { dim: shape.map((size) => ({ size })) },
        [field]: toValues(original),
      }).finish(),
  };
}

/** @param {import('servable').Tensor} original */
function toValues({ dtype, data }) {
  if (dtype === 'int64') return Array.from(/** @type {BigInt64Array} */ (data), Number);
  if (dtype === 'string') return /** @type {readonly string[]} */ (data).map((text) => Buffer.from(text));
  return data;
}

/**
 * @param {import('servable').DType} dtype
 * @param {readonly any[]} values
 */
function toData(dtype, values) {
  if (dtype === 'float32') return Float32Array.from(values);
  if (dtype === 'uint8') return Uint8Array.from(values);
  if (dtype === 'string') return values.map((bytes) => Buffer.from(bytes).toString());
  return BigInt64Array.from(values, ({ high, low }) => (BigInt(high) << 32n) | BigInt(low >>> 0));
}

/**
 * @param {ArrayLike<unknown>} actual
 * @param {ArrayLike<unknown>} expected
 */
function assertSame(actual, expected) {
  const wrong = Array.from(expected).findIndex((value, place) => actual[place] !== value);
  if (wrong >= 0 || actual.length !== expected.length) throw new Error(`Element ${wrong} is wrong`);
}
