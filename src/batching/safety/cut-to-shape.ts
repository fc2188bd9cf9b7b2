import type { DType, TensorDataByDType } from '../../core/dtype.js';
import { newData } from '../../core/dtype.js';
import type { Tensor } from '../../core/tensor.js';
import { elementCount } from '../../core/tensor.js';

/**
 * The first elements of each axis, in a tensor with data of its own; the tensor itself where it has that shape.
 *
 * @param shape of the same rank, and nowhere larger
 */
export function cutToShape<D extends DType>(tensor: Tensor<D>, shape: readonly number[]): Tensor<D> {
  if (shape.every((size, axis) => size === tensor.shape[axis])) return tensor;
  const data = newData(tensor.dtype, elementCount(shape)) as unknown as unknown[];
  for (let index = 0; index < data.length; index++) {
    data[index] = tensor.data[sourceIndex(index, shape, tensor.shape)];
  }
  return { dtype: tensor.dtype, shape, data: data as unknown as TensorDataByDType[D] };
}

/** Where the element that is at `index` in the smaller shape lies in the larger one, both row-major. */
function sourceIndex(index: number, smaller: readonly number[], larger: readonly number[]): number {
  let rest = index;
  let stride = 1;
  let source = 0;
  for (let axis = smaller.length - 1; axis >= 0; axis--) {
    const size = smaller[axis] as number;
    source += (rest % size) * stride;
    rest = Math.floor(rest / size);
    stride *= larger[axis] as number;
  }
  return source;
}
