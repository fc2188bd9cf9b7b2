import type * as Grpc from '@grpc/grpc-js';
import { listenersOf } from './http2-listeners.js';

/** Counts the calls of a server from their first byte to their last. */
export class OpenStreams {
  readonly #server: Grpc.Server;
  readonly #watched = new WeakSet<object>();
  #count = 0;
  #onNone: (() => void) | undefined;

  constructor(server: Grpc.Server) {
    this.#server = server;
  }

  /** To be called after each bind. Where grpc-js keeps its listeners in another place, nothing is counted. */
  watch(): void {
    for (const listener of listenersOf(this.#server)) {
      if (this.#watched.has(listener)) continue;
      this.#watched.add(listener);
      listener.on('stream', (stream) => {
        this.#count++;
        stream.once('close', this.#onClose);
      });
    }
  }

  /** Calls back when there is none, now or later. */
  whenNone(callback: () => void): void {
    this.#onNone = callback;
    if (this.#count === 0) callback();
  }

  readonly #onClose = (): void => {
    if (--this.#count === 0) this.#onNone?.();
  };
}
