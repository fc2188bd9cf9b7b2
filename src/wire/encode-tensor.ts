import type { NumericData, NumericDType } from '../core/dtype.js';
import type { Tensor } from '../core/tensor.js';
import { ByteSink } from './byte-sink.js';
import { dataTypes } from './data-type.js';
import { fieldOf } from './tensor-fields.js';

/**
 * The bytes of a TensorProto, with every element in the typed field of its dtype.
 *
 * Source: TensorFlow, core/framework/tensor.cc, `Tensor::AsProtoField`.
 */
export function encodeTensor(tensor: Tensor): Uint8Array {
  const sink = new ByteSink();
  writeTensor(sink, tensor);
  return sink.written;
}

/** The same, as what is written into a message. The tensor's data are read when that is put together. */
export function writeTensor(sink: ByteSink, { dtype, shape, data }: Tensor): void {
  sink.number(1, dataTypes[dtype]);
  sink.message(2, (shapes) => {
    for (const size of shape) shapes.message(2, (dim) => dim.number(1, size));
  });
  if (dtype === 'string') writeStrings(sink, data as readonly (string | Uint8Array)[]);
  else if (data.length > 0) sink.field(fieldOf[dtype], packed(dtype, data as NumericData));
}

function writeStrings(sink: ByteSink, strings: readonly (string | Uint8Array)[]): void {
  for (const each of strings) sink.field(fieldOf.string, typeof each === 'string' ? Buffer.from(each) : each);
}

function packed(dtype: NumericDType, data: NumericData): Uint8Array {
  if (dtype === 'float32' || dtype === 'float64') {
    return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  }
  const sink = new ByteSink();
  for (const value of data) {
    if (typeof value === 'bigint') sink.varint64(value);
    else if (value < 0) sink.varint64(BigInt(value));
    else sink.varint(value);
  }
  return sink.written;
}
