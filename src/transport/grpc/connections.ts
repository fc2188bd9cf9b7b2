import type { Http2Session } from 'node:http2';
import type { Socket } from 'node:net';
import type * as Grpc from '@grpc/grpc-js';
import type { Clock } from '../../core/clock.js';
import { listenersOf } from './http2-listeners.js';

/**
 * Milliseconds in which a client may read what was written before a connection was ended from this side. As long as it may
 * leave a ping unanswered by default: whoever takes longer has gone, or will never read.
 */
const endingMs = 20_000;
/** Looked at no more often than this, however many connections come. */
const sweepMs = 1000;

/** The connections of a server, and the calls on them from their first byte to their last. */
export class Connections {
  readonly #server: Grpc.Server;
  readonly #clock: Clock;
  readonly #watched = new WeakSet<object>();
  readonly #sockets = new Set<Socket>();
  /** With the socket of each. */
  readonly #sessions = new Map<Http2Session, Socket>();
  /** Since when a session was seen to be destroyed while its socket was not. */
  readonly #destroyed = new WeakMap<Http2Session, number>();
  #sweptAt = Number.NEGATIVE_INFINITY;
  #streams = 0;
  #onIdle: (() => void) | undefined;

  constructor(server: Grpc.Server, clock: Clock) {
    this.#server = server;
    this.#clock = clock;
  }

  /** To be called after each bind. Where grpc-js keeps its listeners in another place, nothing is seen. */
  watch(): void {
    for (const listener of listenersOf(this.#server)) {
      if (this.#watched.has(listener)) continue;
      this.#watched.add(listener);
      let session: Http2Session | undefined;
      listener.on('session', (made) => {
        session = made;
      });
      // Node makes a connection's session in listeners of its own to these events, which came first: without TLS to the one,
      // with it to the other.
      for (const event of ['connection', 'secureConnection'] as const) {
        listener.on(event, (socket) => {
          this.#sweep();
          this.#sockets.add(socket);
          socket.once('close', () => this.#sockets.delete(socket));
          if (session !== undefined) this.#follow(session, socket);
          session = undefined;
        });
      }
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
   * Destroys the sockets of sessions that were destroyed; resolves when all is closed, or is undefined where there are none. To
   * destroy a session is to wait until its client has read all there was (Node 20, `closeSession` in
   * lib/internal/http2/core.js), and grpc-js 1.14, asked to shut down meanwhile, then waits for good.
   */
  dropDestroyed(): Promise<unknown> | undefined {
    const destroyed = [...this.#sessions].filter(([session]) => session.destroyed);
    if (destroyed.length === 0) return undefined;
    const closed = destroyed.map(([session]) => new Promise((resolve) => session.once('close', resolve)));
    for (const [, socket] of destroyed) socket.destroy();
    return Promise.all(closed);
  }

  /**
   * Closes them from this side, whatever the other one does. grpc-js waits for it even where all sessions have been
   * destroyed: the socket of one that has ended in good order lives on until the client closes it.
   */
  destroy(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #follow(session: Http2Session, socket: Socket): void {
    this.#sessions.set(session, socket);
    session.once('close', () => this.#sessions.delete(session));
  }

  /** Done when a connection comes, so that those of clients that never read do not pile up. */
  #sweep(): void {
    const now = this.#clock.now();
    if (now - this.#sweptAt < sweepMs) return;
    this.#sweptAt = now;
    for (const [session, socket] of this.#sessions) {
      if (!session.destroyed) continue;
      const seenAt = this.#destroyed.get(session) ?? now;
      this.#destroyed.set(session, seenAt);
      if (now - seenAt >= endingMs) socket.destroy();
    }
  }

  readonly #onStreamClose = (): void => {
    if (--this.#streams === 0) this.#onIdle?.();
  };
}
