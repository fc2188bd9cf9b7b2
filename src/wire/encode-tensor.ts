import type { NumericData, NumericDType } from '../core/dtype.js';
import type { Tensor } from '../core/tensor.js';
import { ByteSink } from './byte-sink.js';
import { dataTypes } from './data-type.js';
import { packVarints } from './pack-varints.js';
import { fieldOf } from './tensor-fields.js';

export interface EncodeTensorOptions {
  /**
   * The elements as they lie in memory, in `tensor_content`: less to do, and fewer bytes where integers are large.
   *
   * @default false: every element in the typed field of its dtype, as TF Serving answers by default
   */
  readonly asTensorContent?: boolean;
}

/**
 * The bytes of a TensorProto.
 *
 * Source: TensorFlow, core/framework/tensor.cc, `Tensor::AsProtoField` and `Tensor::AsProtoTensorContent`.
 */
export function encodeTensor(tensor: Tensor, options: EncodeTensorOptions = {}): Uint8Array {
  const sink = new ByteSink();
  writeTensor(sink, tensor, options);
  return sink.written;
}

/** The same, as what is written into a message. The tensor's data are read when that is put together. */
export function writeTensor(sink: ByteSink, tensor: Tensor, options: EncodeTensorOptions = {}): void {
  const { dtype, shape, data } = tensor;
  const { asTensorContent = false } = options;
  sink.number(1, dataTypes[dtype]);
  sink.message(2, (shapes) => {
    for (const size of shape) shapes.message(2, (dim) => dim.number(1, size));
  });
  if (data.length === 0) return;
  if (dtype === 'string') writeStrings(sink, data as readonly (string | Uint8Array)[], asTensorContent);
  else if (asTensorContent) sink.field(4, bytesOf(data as NumericData));
  else sink.field(fieldOf[dtype], packed(dtype, data as NumericData));
}

/** As content, all lengths stand before all bytes. */
function writeStrings(
  sink: ByteSink,
  strings: readonly (string | Uint8Array)[],
  asTensorContent: boolean,
): void {
  const all = strings.map((each) => (typeof each === 'string' ? Buffer.from(each) : each));
  if (asTensorContent) {
    const lengths = packVarints(Uint32Array.from(all, ({ length }) => length));
    sink.field(4, Buffer.concat([lengths, ...all]));
  } else for (const each of all) sink.field(fieldOf.string, each);
}

function packed(dtype: NumericDType, data: NumericData): Uint8Array {
  return dtype === 'float32' || dtype === 'float64' ? bytesOf(data) : packVarints(data as Int32Array);
}

/** On the wire as in memory: little-endian, as are all machines that onnxruntime is built for. */
function bytesOf(data: NumericData): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}
