import { deepStrictEqual } from 'node:assert/strict';
import { tensor } from 'servable';
import { heavyWeight, width } from './model.mjs';
import { median } from './stats.mjs';

/**
 * `x` float32 [rows, 256]: whole numbers, so that sums of them are exact.
 *
 * @param {number} rows
 */
export function rowsOf(rows) {
  return tensor(
    'float32',
    [rows, width],
    Float32Array.from({ length: rows * width }, (_, index) => index % 13),
  );
}

/**
 * What to feed the model that spins, and what it must answer.
 *
 * @param {number} turns
 */
export function spinInputs(turns) {
  const x = rowsOf(1);
  const from = (/** @type {number} */ column) => (((column - turns) % width) + width) % width;
  const expected = Float32Array.from({ length: width }, (_, column) => Number(x.data[from(column)]));
  return { inputs: { x, n: tensor('int64', [], [BigInt(turns)]) }, expected };
}

/**
 * Turns that make one run of the spinning model last so long.
 *
 * @param {number} wantedMs
 * @param {(inputs: import('servable').TensorMap) => unknown} run
 */
export async function turnsFor(wantedMs, run) {
  let turns = 100;
  for (let refinement = 0; refinement < 4; refinement++) {
    const times = [];
    for (let repeat = 0; repeat < 7; repeat++) {
      const started = performance.now();
      await run(spinInputs(turns).inputs);
      times.push(performance.now() - started);
    }
    turns = Math.max(1, Math.round((turns * wantedMs) / median(times)));
  }
  return turns;
}

/**
 * What the model of so many MiB answers to one row.
 *
 * @param {number} megabytes
 * @param {import('servable').Tensor} x float32 [1, 256]
 */
export function heavyAnswer(megabytes, x) {
  const columns = megabytes * 1024;
  let sum = 0;
  for (let index = 0; index < width * columns; index++)
    sum += heavyWeight(index) * Number(x.data[Math.floor(index / columns)]);
  return Float32Array.of(sum);
}

/**
 * @param {import('servable').TensorMap | Record<string, { readonly data: unknown }>} outputs
 * @param {unknown} expected the elements of `y`
 */
export function assertAnswer(outputs, expected) {
  deepStrictEqual(outputs.y?.data, expected);
}
