import { BatchDispatcher, type BatchedOptions, batched } from 'servable';
import type { RunRequest, Servable } from '#dist/core/servable.js';
import { type Tensor, type TensorMap, tensor } from '#dist/core/tensor.js';
import { FakeClock } from './fake-clock.js';
import { type ScriptedOptions, ScriptedServable, scripted } from './scripted-servable.js';

/** A batched servable whose runs are scripted, on a clock that stands still. */
export interface BatchingBench {
  readonly clock: FakeClock;
  readonly inner: ScriptedServable;
  readonly servable: Servable;
  readonly dispatcher: BatchDispatcher;
  /** Asks for `y` of rows of one element each, or as told. */
  ask(values: readonly number[] | Tensor, request?: Partial<RunRequest>): Promise<TensorMap>;
}

export function batchingBench(
  options: BatchedOptions = {},
  { numBatchThreads = 1, ...script }: ScriptedOptions & { readonly numBatchThreads?: number } = {},
): BatchingBench {
  const clock = new FakeClock();
  const dispatcher = new BatchDispatcher({ numBatchThreads, clock });
  const inner = new ScriptedServable(script);
  const servable = batched(inner, { dispatcher, ...options });
  return { clock, inner, servable, dispatcher, ask: (values, request) => ask(servable, values, request) };
}

/** Asks a servable for `y` of rows of one element each, or as told. */
export function ask(
  servable: Servable,
  values: readonly number[] | Tensor,
  request: Partial<RunRequest> = {},
): Promise<TensorMap> {
  const x = 'dtype' in values ? values : tensor('float32', [values.length], values);
  return servable.run({ signature: scripted, inputs: { x }, outputs: ['y'], ...request });
}

/** The elements of `y`. */
export async function y(answer: Promise<TensorMap>): Promise<unknown[]> {
  return Array.from((await answer).y?.data as Iterable<unknown>);
}
