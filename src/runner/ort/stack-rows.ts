import { concatRows } from '../../core/rows.js';
import type { Tensor } from '../../core/tensor.js';
import { OrtError } from './c-api.js';

/** `ORT_INVALID_ARGUMENT`. Source: onnxruntime_c_api.h, enum OrtErrorCode. */
const invalidArgument = 2;

/**
 * The maps of a sequence, each a tensor [classes] that names its classes, as one tensor [rows, classes].
 *
 * @throws OrtError where the maps have different keys: no tensor can stand for them.
 */
export function stackRows(rows: readonly Tensor[]): Tensor {
  const [first] = rows;
  if (first === undefined) return { dtype: 'float32', shape: [0, 0], data: new Float32Array(0), classes: [] };
  const classes = first.classes ?? [];
  const uneven = rows.findIndex((row) => !isSameList(row.classes ?? [], classes));
  if (uneven >= 0) {
    throw new OrtError(
      invalidArgument,
      `An output is a sequence of maps whose keys differ: row 0 has ${classes.join(',')}, row ${uneven} has ` +
        `${rows[uneven]?.classes?.join(',')}; only maps with equal keys make a tensor`,
    );
  }
  return concatRows(rows.map((row) => ({ ...row, shape: [1, classes.length] })));
}

function isSameList(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((item, index) => item === b[index]);
}
