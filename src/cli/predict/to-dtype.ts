import type { DType } from '../../core/dtype.js';
import { invalidArgument, ServingError } from '../../core/errors.js';
import { decodeBfloat16, decodeFloat16 } from '../../core/half.js';
import { type Tensor, tensor } from '../../core/tensor.js';

/**
 * A tensor with the elements of another one as another dtype: NumPy makes float64 and int64 where nobody asks for less.
 * Floats are rounded; all else must fit as it is.
 *
 * @throws ServingError INVALID_ARGUMENT where an element does not fit.
 */
export function toDType(given: Tensor, dtype: DType, alias: string): Tensor {
  if (given.dtype === dtype) return given;
  try {
    return tensor(dtype, given.shape, valuesFor(given, dtype) as never);
  } catch (cause) {
    const { message } = ServingError.from(cause);
    throw invalidArgument(`Cannot use ${given.dtype} for input "${alias}" of ${dtype}: ${message}`, {
      cause,
    });
  }
}

function valuesFor(given: Tensor, dtype: DType): readonly unknown[] {
  const values = valuesOf(given);
  if (dtype === 'int64' || dtype === 'uint64') return values;
  return values.map((value) => (typeof value === 'bigint' ? Number(value) : value));
}

function valuesOf({ dtype, data }: Tensor): readonly unknown[] {
  if (dtype === 'float16') return [...decodeFloat16(data as Uint16Array)];
  if (dtype === 'bfloat16') return [...decodeBfloat16(data as Uint16Array)];
  return [...(data as Iterable<unknown>)];
}
