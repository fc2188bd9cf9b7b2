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
import { median } from '../support/stats.mjs';

const folder = join(import.meta.dirname, '../../protos');
const root = new protobuf.Root();
root.resolvePath = (_origin, target) => (protobuf.common.get(target) ? target : join(folder, target));
root.loadSync('tensorflow/core/framework/tensor.proto', { keepCase: true });
const TensorProto = root.lookupType('tensorflow.TensorProto');

const fields = {
  float32: 'float_val',
  float64: 'double_val',
  float16: 'half_val',
  uint8: 'int_val',
  int32: 'int_val',
  int64: 'int64_val',
  bool: 'bool_val',
  string: 'string_val',
};

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
  tensor('float16', [1, 224, 224, 3], Float32Array.from({ length: pixels }, random)),
  tensor('float64', [1, 1000], Float64Array.from({ length: 1000 }, random)),
  tensor(
    'int32',
    [1, 1000],
    Int32Array.from({ length: 1000 }, () => random() * most),
  ),
  tensor(
    'bool',
    [1, 1000],
    Uint8Array.from({ length: 1000 }, () => (random() < 0.5 ? 1 : 0)),
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
await compare(/** @type {import('servable').Tensor} */ (tensors[0]), { asTensorContent: true });

/**
 * @param {import('servable').Tensor} original
 * @param {{ asTensorContent?: boolean }} [options]
 */
async function compare(original, options = {}) {
  const encoded = encodeTensor(original, options);
  const theirs = protobufjsFor(original, encoded, options);
  assertSame(decodeTensor(encoded).data, original.data);
  assertSame(theirs.decode(), original.data);
  assertSame(decodeTensor(theirs.encode()).data, original.data);
  const title = `${original.dtype} [${original.shape}]${options.asTensorContent ? ' as content' : ''}`;
  const bytes = encoded.length;
  const rows = [
    ...(await time({ title, bytes }, 'decode', () => decodeTensor(encoded), theirs.decode)),
    ...(await time({ title, bytes }, 'encode', () => encodeTensor(original, options), theirs.encode)),
  ];
  printTable(rows);
}

/**
 * @param {{ title: string, bytes: number }} message
 * @param {string} what
 * @param {() => unknown} ours
 * @param {() => unknown} theirs
 */
async function time({ title, bytes }, what, ours, theirs) {
  const timings = await alternate([
    { name: 'servable', call: ours },
    { name: 'protobufjs', call: theirs },
  ]);
  const [own] = timings;
  if (own === undefined) throw new Error('Nothing was timed');
  return timings.map((timing) => ({
    [title]: what,
    by: timing.name,
    ...timingCells(timing),
    'MB/s': Math.round(bytes / median(timing.rounds)),
    'times servable': paired(timing, own, (value, base) => value / base),
  }));
}

/**
 * @param {import('servable').Tensor} original
 * @param {Uint8Array} encoded
 * @param {{ asTensorContent?: boolean }} options
 */
function protobufjsFor(original, encoded, { asTensorContent = false }) {
  const { dtype, shape } = original;
  const field = asTensorContent ? 'tensor_content' : fields[/** @type {keyof typeof fields} */ (dtype)];
  return {
    decode: () => {
      const values = /** @type {any} */ (TensorProto.decode(encoded))[field];
      // Copied, as a view of the message need not begin where a Float32Array can.
      return asTensorContent ? new Float32Array(new Uint8Array(values).buffer) : toData(dtype, values);
    },
    encode: () =>
      TensorProto.encode({
        dtype: dataTypes[dtype],
        tensor_shape: { dim: shape.map((size) => ({ size })) },
        [field]: asTensorContent ? bytesOf(original) : toValues(original),
      }).finish(),
  };
}

/** @param {import('servable').Tensor} original */
function bytesOf({ data }) {
  const { buffer, byteOffset, byteLength } = /** @type {Float32Array} */ (data);
  return new Uint8Array(buffer, byteOffset, byteLength);
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
  if (dtype === 'float64') return Float64Array.from(values);
  if (dtype === 'int32') return Int32Array.from(values);
  if (dtype === 'float16') return Uint16Array.from(values);
  if (dtype === 'bool') return Uint8Array.from(values, Number);
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
