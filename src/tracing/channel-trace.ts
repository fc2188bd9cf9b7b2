import { type TracingChannel, tracingChannel } from 'node:diagnostics_channel';
import type { Trace } from '../core/trace.js';

/** Follows work on a tracing channel of Node's, which is one for the whole process. */
export class ChannelTrace<Message extends object> implements Trace<Message> {
  readonly #channel: TracingChannel<unknown, Message>;

  /** @param name of the channel; those of its events are `tracing:<name>:start` and so on. */
  constructor(name: string) {
    this.#channel = tracingChannel<unknown, Message>(name);
  }

  /** Node has this of its own from 20.13 on. */
  get isOn(): boolean {
    const { start, end, asyncStart, asyncEnd, error } = this.#channel;
    return (
      start.hasSubscribers ||
      end.hasSubscribers ||
      asyncStart.hasSubscribers ||
      asyncEnd.hasSubscribers ||
      error.hasSubscribers
    );
  }

  follow<T>(message: Message, work: () => Promise<T>): Promise<T> {
    return this.#channel.tracePromise(work, message);
  }
}
