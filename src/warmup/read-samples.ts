import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Servable } from '../core/servable.js';
import type { TensorMap } from '../core/tensor.js';
import { readWarmupRequests, warmupFile } from './warmup-file.js';

/** Requests that are enough to see what a model does with its rows. */
const mostSamples = 16;

/**
 * The first inputs in the warm-up file of a version, by the names of their signatures. None where there is no such file; one
 * that is damaged is told of when the version is warmed up.
 */
export async function readSamples(
  servable: Servable,
  path: string,
  signal?: AbortSignal,
): Promise<ReadonlyMap<string, readonly TensorMap[]>> {
  const samples = new Map<string, TensorMap[]>();
  if (!existsSync(join(path, warmupFile))) return samples;
  let count = 0;
  try {
    for await (const { signature = 'serving_default', inputs } of readWarmupRequests(
      servable,
      path,
      signal,
    )) {
      samples.set(signature, [...(samples.get(signature) ?? []), inputs]);
      if (++count === mostSamples) break;
    }
  } catch {
    // It fails once more, and is heard, when the version is warmed up.
  }
  return samples;
}
