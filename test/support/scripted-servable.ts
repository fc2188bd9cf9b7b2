import { type Deferred, deferred } from '#dist/core/deferred.js';
import { cancelled, type ServingError } from '#dist/core/errors.js';
import type { RunRequest, Servable } from '#dist/core/servable.js';
import type { ServableId } from '#dist/core/servable-id.js';
import type { Signature, TensorSpec } from '#dist/core/signature.js';
import type { Tensor, TensorMap } from '#dist/core/tensor.js';
import { noMetadata } from './fake-loader.js';

const spec = (name: string, dtype: TensorSpec['dtype'], shape: TensorSpec['shape']): TensorSpec => ({
  name,
  dtype,
  shape,
});

/** `x` float32 [batch] or [batch, length], text or not → `y` = x / 2 + 2, `copy` = x; what is asked for, of any shape. */
export const scripted: Signature = {
  name: 'serving_default',
  method: 'predict',
  inputs: { x: spec('x', 'float32', ['batch', 'length']) },
  outputs: {
    y: spec('y', 'float32', ['batch', 'length']),
    copy: spec('copy', 'float32', ['batch', 'length']),
  },
};

/** A run that the servable was asked for. */
export interface ScriptedRun {
  readonly request: RunRequest;
  /** The elements of `x`, in the order of its rows. */
  readonly x: readonly unknown[];
  readonly rows: number;
  /** Ends it with the right answer, or the one given. */
  finish(outputs?: TensorMap): void;
  fail(error: unknown): void;
}

export interface ScriptedOptions {
  readonly id?: ServableId;
  /** Runs wait to be told how they end. */
  readonly isManual?: boolean;
  /** Values of `x` that fail the run that they are in, with this error. */
  readonly failsOn?: (value: unknown) => Error | undefined;
  readonly signatures?: readonly Signature[];
}

/** Writes down every run, and answers at once unless told otherwise. */
export class ScriptedServable implements Servable {
  readonly id: ServableId;
  readonly signatures: ReadonlyMap<string, Signature>;
  readonly metadata = noMetadata;
  /** Oldest first. */
  readonly runs: ScriptedRun[] = [];
  unloads = 0;
  /** What it was abandoned with, each time. */
  readonly abandons: ServingError[] = [];
  readonly #options: ScriptedOptions;

  constructor(options: ScriptedOptions = {}) {
    this.id = options.id ?? { model: 'scripted', version: 1 };
    this.signatures = new Map((options.signatures ?? [scripted]).map((it) => [it.name, it]));
    this.#options = options;
  }

  /** The elements of `x` of every run. */
  get batches(): unknown[][] {
    return this.runs.map(({ x }) => [...x]);
  }

  run(request: RunRequest): Promise<TensorMap> {
    const { promise, resolve, reject }: Deferred<TensorMap> = deferred();
    const x = request.inputs.x;
    const values = x === undefined ? [] : Array.from(x.data as Iterable<unknown>);
    const run: ScriptedRun = {
      request,
      x: values,
      rows: x?.shape[0] ?? 0,
      finish: (outputs = answer(request, x)) => resolve(outputs),
      fail: reject,
    };
    this.runs.push(run);
    const error = values.map((value) => this.#options.failsOn?.(value)).find((it) => it !== undefined);
    if (error !== undefined) reject(error);
    else if (!this.#options.isManual) run.finish();
    request.signal?.addEventListener('abort', () => reject(cancelled(request.signal)));
    return promise;
  }

  /** Ends every run that has not ended. */
  abandon(reason: ServingError): void {
    this.abandons.push(reason);
    for (const run of this.runs) run.fail(reason);
  }

  async unload(): Promise<void> {
    this.unloads++;
  }
}

/** What `x` float32 is answered with. */
export function half(values: readonly number[]): number[] {
  return values.map((value) => value / 2 + 2);
}

function answer({ outputs }: RunRequest, x: Tensor | undefined): TensorMap {
  if (x === undefined) return {};
  const halves = { ...x, data: Float32Array.from(half(Array.from(x.data as Iterable<number>))) } as Tensor;
  const copy = { ...x, data: x.data.slice() } as Tensor;
  return Object.fromEntries(outputs.map((alias) => [alias, alias === 'copy' ? copy : halves]));
}
