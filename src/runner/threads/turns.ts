import { processWide } from '../process-wide.js';

/** Lets through one at a time, in the order in which they ask. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();

  /** Does this when everything before it has ended; the next waits for it, however it ends. */
  take<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work);
    this.#last = turn.catch(() => {}); // whoever asked is told
    return turn;
  }
}

/** Does this in its turn; at once where there are no turns. */
export function inTurn<T>(turns: Turns | undefined, work: () => Promise<T>): Promise<T> {
  return turns === undefined ? work() : turns.take(work);
}

/**
 * The turns of loads whose weights go to one place, `cpu` or `cuda:0`, where somebody looks at what is free there: a load must
 * not find free what another one is about to take. Nor do two TensorRT engines disturb each other's timings so.
 */
export function loadTurns(place: string): Turns {
  const all = processWide('load-turns', () => new Map<string, Turns>());
  const turns = all.get(place) ?? new Turns();
  all.set(place, turns);
  return turns;
}

/**
 * The turns of everything that WebGPU does in this process: its sessions share one context, whose commands mix when two of
 * them record at once, and the process dies. Source: onnxruntime, issues 32561 and 31627.
 */
export function webGpuTurns(): Turns {
  return processWide('webgpu-turns', () => new Turns());
}
