import { type BatchingOptions, resolveBatching } from '../batching/batching-options.js';
import type { RowRange } from '../runner/devices/tensorrt/tensorrt-options.js';

/**
 * The rows that a model's runs may have: as many as a batch may, and mostly that many under load; one where requests do not
 * share runs.
 */
export function rowRange(batching: BatchingOptions | false | undefined): RowRange {
  if (!batching) return { min: 1, opt: 1, max: 1 };
  const { maxRows: max } = resolveBatching(batching, 'batching');
  return { min: 1, opt: max, max };
}
