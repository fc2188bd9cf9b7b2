import { ServingError } from '../core/errors.js';
import type { RunTimes } from './inline/run-times.js';
import type { Pointer } from './ort/c-api.js';
import type { RunInput, RunOutput } from './ort/run.js';

/** One inference, in native terms. */
export interface EngineRun {
  readonly session: Pointer;
  readonly inputs: readonly RunInput[];
  readonly outputs: readonly RunOutput[];
  /** What runs of this model cost; the engine reads and updates it. */
  readonly times: RunTimes;
  readonly runConfigEntries?: Readonly<Record<string, string>> | undefined;
  /** True where no two runs of such a model may overlap in the process. */
  readonly isExclusive?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What an aborted run or load rejects with. */
export function cancelled(signal: AbortSignal | undefined): ServingError {
  return new ServingError('CANCELLED', 'The request was aborted', { cause: signal?.reason });
}
