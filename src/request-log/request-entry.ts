import type { TensorMap } from '../core/tensor.js';

/** A request and its answer, as they are logged. */
export interface RequestEntry {
  /** What the request was resolved to. */
  readonly spec: { readonly model: string; readonly version: number; readonly signature: string };
  /** By alias. Nobody changes them any more; see `captureTensors`. */
  readonly inputs: TensorMap;
  /** The outputs that were asked for; absent where the request named none. */
  readonly outputFilter?: readonly string[];
  /** By alias. Nobody changes them any more. */
  readonly outputs: TensorMap;
  /** When the request came: seconds since 1970. */
  readonly timestampSecs: number;
}

/** Takes sampled requests elsewhere than to files: a message queue, a database. */
export interface RequestCollector {
  /**
   * Is given one sampled request after the other, in a turn of the event loop of their own. Of a promise that it returns
   * the end is awaited before the entries of the next turn: what waits meanwhile is bounded by `maxQueuedBytes`. What it
   * throws or rejects with counts the entry as dropped, and reaches the observer.
   */
  collect(entry: RequestEntry): void | Promise<void>;
}

/**
 * @internal Makes the bytes of a record. May throw; the entry is then dropped.
 *
 * @param samplingRate of the log, which belongs into the record.
 */
export type EncodeEntry = (entry: RequestEntry, samplingRate: number) => Uint8Array;
