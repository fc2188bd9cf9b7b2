import { commonRowCount, concatRows, sliceRows } from '../core/rows.js';
import type { Tensor, TensorMap } from '../core/tensor.js';

/** The inputs with so many rows: their own ones over and over. Undefined where they have no rows, or not all as many. */
export function tileRows(inputs: TensorMap, rows: number): TensorMap | undefined {
  const own = commonRowCount(inputs);
  if (own === undefined || own === 0) return undefined;
  return Object.fromEntries(Object.entries(inputs).map(([alias, input]) => [alias, tile(input, own, rows)]));
}

function tile(input: Tensor, own: number, rows: number): Tensor {
  const whole = new Array<Tensor>(Math.floor(rows / own)).fill(input);
  const rest = rows % own === 0 ? [] : [sliceRows(input, 0, rows % own)];
  return concatRows([...whole, ...rest]);
}
