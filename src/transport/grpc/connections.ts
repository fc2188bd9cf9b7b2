import type { Socket } from 'node:net';
import type * as Grpc from '@grpc/grpc-js';
import { listenersOf } from './http2-listeners.js';

/** The connections of a server, and the calls on them from their first byte to their last. */
export class Connections {
  readonly #server: Grpc.Server;
  readonly #watched = new WeakSet<object>();
  readonly #sockets = new Set<Socket>();
  #streams = 0;
  #onIdle: (() => void) | undefined;

  constructor(server: Grpc.Server) {
    this.#server = server;
  }

  /** To be called after each bind. Where grpc-js keeps its listeners in another place, nothing is seen. */
  watch(): void {
    for (const listener of listenersOf(this.#server)) {
      if (this.#watched.has(listener)) continue;
      this.#watched.add(listener);
      listener.on('connection', (socket) => {
        this.#sockets.add(socket);
        socket.once('close', () => this.#sockets.delete(socket));
      });
      listener.on('stream', (stream) => {
        this.#streams++;
        stream.once('close', this.#onStreamClose);
      });
    }
  }

  /** Calls back when there is no call, now or later. */
  whenIdle(callback: () => void): void {
    this.#onIdle = callback;
    if (this.#streams === 0) callback();
  }

  /**
   * Closes them from this side, whatever the other one does. grpc-js waits for it even where all sessions have been
   * destroyed: the socket of one that has ended in good order lives on until the client closes it.
   */
  destroy(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  readonly #onStreamClose = (): void => {
    if (--this.#streams === 0) this.#onIdle?.();
  };
}
