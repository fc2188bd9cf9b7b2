import { constants } from 'node:os';
import { deferred } from '../../core/deferred.js';

/** The part of `process` that signals come by. */
export interface SignalSource {
  on(signal: NodeJS.Signals, listener: (signal: NodeJS.Signals) => void): unknown;
  off(signal: NodeJS.Signals, listener: (signal: NodeJS.Signals) => void): unknown;
}

const stopping = ['SIGTERM', 'SIGINT'] as const;

/** SIGTERM and SIGINT: the first one asks for an end in good order, the second one for an end at once. */
export class StopSignals {
  readonly #source: SignalSource;
  readonly #onSecond: (exitCode: number) => void;
  readonly #first = deferred<NodeJS.Signals>();
  #count = 0;

  /** @param onSecond is given what a shell would report of a program that the signal has ended: 128 and its number. */
  constructor(source: SignalSource, onSecond: (exitCode: number) => void) {
    this.#source = source;
    this.#onSecond = onSecond;
    for (const signal of stopping) source.on(signal, this.#onSignal);
  }

  /** Resolves with the first signal. */
  get first(): Promise<NodeJS.Signals> {
    return this.#first.promise;
  }

  /** Signals do again what they do by default. */
  close(): void {
    for (const signal of stopping) this.#source.off(signal, this.#onSignal);
  }

  readonly #onSignal = (signal: NodeJS.Signals): void => {
    if (++this.#count === 1) this.#first.resolve(signal);
    else this.#onSecond(128 + constants.signals[signal]);
  };
}
