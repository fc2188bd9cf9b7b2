// Hot path of every sampled request. Guarded by bench/request-log/cost.mjs.

import { type NumericData, numericDTypes } from '../core/dtype.js';
import { putTensor, type Tensor, type TensorMap } from '../core/tensor.js';
import { unfilledMemory } from '../core/unfilled-memory.js';

/** What an element of a string tensor takes besides its text or bytes, about: a reference, and the head of the string. */
const stringHeadBytes = 24;
/** The same where elements are arrays of bytes, which are objects with a buffer each. */
const bytesHeadBytes = 200;

/** Copies of tensors that share no memory with them: whoever made them may go on using his arrays. */
export function captureTensors(tensors: TensorMap): TensorMap {
  const copies: Record<string, Tensor> = {};
  for (const alias of Object.keys(tensors)) putTensor(copies, alias, copyTensor(tensors[alias] as Tensor));
  return copies;
}

/** Bytes of memory that the data of tensors take, about; for text, as if each character took two. */
export function tensorBytes(tensors: TensorMap): number {
  let bytes = 0;
  for (const alias of Object.keys(tensors)) bytes += dataBytes((tensors[alias] as Tensor).data);
  return bytes;
}

function copyTensor({ dtype, shape, data, classes }: Tensor): Tensor {
  const copy = { dtype, shape: shape.slice(), data: copyData(dtype, data) };
  return classes === undefined ? copy : { ...copy, classes: classes.slice() };
}

function copyData(dtype: Tensor['dtype'], data: Tensor['data']): Tensor['data'] {
  if (dtype === 'string') {
    const elements = data as readonly (string | Uint8Array)[];
    return elements.map((element) =>
      typeof element === 'string' ? element : Uint8Array.from(element),
    ) as Tensor['data'];
  }
  // Not by `slice`: that of a Buffer is a view.
  const { byteLength, length } = data as NumericData;
  const copy = new numericDTypes[dtype].array(unfilledMemory(byteLength), 0, length);
  (copy as Uint8Array).set(data as Uint8Array);
  return copy;
}

function dataBytes(data: Tensor['data']): number {
  if (ArrayBuffer.isView(data)) return data.byteLength;
  let bytes = 0;
  for (const element of data) {
    if (typeof element === 'string') bytes += 2 * element.length + stringHeadBytes;
    else bytes += element.byteLength + bytesHeadBytes;
  }
  return bytes;
}
