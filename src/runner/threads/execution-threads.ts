import type { Transferable, Worker } from 'node:worker_threads';
import { deferred } from '../../core/deferred.js';
import { ServingError } from '../../core/errors.js';
import { OrtError } from '../ort/c-api.js';
import type { ThreadAnswer, ThreadFailure, ThreadMessage, ThreadRequest } from '../worker/messages.js';
import { ArenaFullError } from './arena-full-error.js';

/** A request on its way through the pool. */
export interface ThreadTask {
  readonly request: ThreadRequest;
  /** Buffers that are moved to the thread, not copied; the caller's views of them become empty. */
  readonly transfer?: readonly ArrayBuffer[];
  /** Called when a thread has begun to open a session, with the options to cancel it by. */
  readonly onOpening?: (options: bigint) => void;
}

interface QueuedTask extends ThreadTask {
  readonly resolve: (answer: ThreadAnswer) => void;
  readonly reject: (error: unknown) => void;
}

interface Thread {
  readonly worker: Worker;
  isReady: boolean;
  /** What the thread is doing; undefined while it is idle. */
  task: QueuedTask | undefined;
  /** The error that the thread died of, told before its exit. */
  error: Error | undefined;
}

export interface ExecutionThreadsOptions {
  /** Threads at most. At least 1. */
  readonly size: number;
  /** Starts one thread. A death is answered by calling it again. */
  readonly spawn: () => Worker;
  /** What the threads are called in messages: `batch thread`. */
  readonly name: string;
}

/** What the threads of a pool have to do. */
export interface ThreadUsage {
  /** Threads at most. */
  readonly size: number;
  /** Threads that there are; they are started as they are needed. */
  readonly started: number;
  /** Of those, the ones that are at work. */
  readonly busy: number;
  /** Runs or loads that wait for one. */
  readonly waiting: number;
}

/** Threads that die this many times in a row without becoming ready are not replaced any more. */
const maxFailedStarts = 3;

/**
 * Threads that do one request at a time, first come, first served.
 *
 * The first one is started by `start`, each further one, one after the other, while requests find none free: a thread costs
 * its host some 10 MB, and a machine has many CPUs that its models may never need.
 *
 * An idle thread costs no CPU and does not keep the process alive; one that works does. A thread that dies fails the
 * request it was at with UNAVAILABLE and is replaced; the requests that wait are not touched.
 *
 * ```
 *   submit ──► #queue ──► idle thread ──► answer ──► promise
 *                 ▲            │ dies
 *                 │            ▼
 *                 └──── replacement     its request: UNAVAILABLE
 * ```
 */
export class ExecutionThreads {
  readonly #options: ExecutionThreadsOptions;
  readonly #threads = new Set<Thread>();
  /** Ready and without a task. A stack: the thread that ran last has the warmest caches. */
  readonly #idle: Thread[] = [];
  readonly #queue: QueuedTask[] = [];
  #failedStarts = 0;
  #isClosing = false;
  #closed: Promise<void> | undefined;

  constructor(options: ExecutionThreadsOptions) {
    this.#options = options;
  }

  /** As of now. */
  get usage(): ThreadUsage {
    const busy = [...this.#threads].filter(({ task }) => task !== undefined).length;
    return { size: this.#options.size, started: this.#threads.size, busy, waiting: this.#queue.length };
  }

  /** Starts the first thread. It takes work as soon as it is ready. */
  start(): void {
    if (this.#threads.size === 0) this.#spawn();
  }

  /**
   * Gives a request to the next free thread.
   *
   * @throws ServingError UNAVAILABLE where the thread died or the threads are closed; OrtError and ServingError as
   *   the thread threw them; what `withdraw` was given.
   */
  submit(task: ThreadTask): Promise<ThreadAnswer> {
    if (this.#isClosing) return Promise.reject(this.#unavailable('is closed'));
    if (this.#threads.size === 0) this.#startAnew();
    const { promise, resolve, reject } = deferred<ThreadAnswer>();
    const queued = { ...task, resolve, reject };
    const thread = this.#idle.pop();
    if (thread !== undefined) {
      this.#assign(thread, queued);
    } else {
      this.#queue.push(queued);
      this.#grow();
      this.#keepAliveWhileQueued();
    }
    return promise;
  }

  /** Takes a request that still waits out of the queue and rejects it; false where a thread already has it. */
  withdraw(request: ThreadRequest, error: Error): boolean {
    const place = this.#queue.findIndex((task) => task.request === request);
    if (place < 0) return false;
    for (const task of this.#queue.splice(place, 1)) task.reject(error);
    return true;
  }

  /** Lets the threads finish what they are at, fails what waits, and ends them. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#isClosing = true;
    for (const task of this.#queue.splice(0)) task.reject(this.#unavailable('is closed'));
    const exits = [...this.#threads].map(
      (thread) => new Promise<void>((resolve) => thread.worker.once('exit', () => resolve())),
    );
    for (const { worker } of this.#threads) {
      worker.ref();
      worker.postMessage({ kind: 'exit' } satisfies ThreadRequest);
    }
    await Promise.all(exits);
  }

  /** Starts a thread more. One at a time: a burst is over before the second would have started. */
  #grow(): void {
    if (this.#threads.size === this.#options.size) return;
    for (const { isReady } of this.#threads) if (!isReady) return;
    this.#spawn();
  }

  /** After all threads have died at their start: whoever asks again is worth another try. */
  #startAnew(): void {
    this.#failedStarts = 0;
    this.start();
  }

  #spawn(): void {
    const thread: Thread = {
      worker: this.#options.spawn(),
      isReady: false,
      task: undefined,
      error: undefined,
    };
    this.#threads.add(thread);
    thread.worker.on('message', (message: ThreadMessage) => this.#receive(thread, message));
    thread.worker.on('error', (error: Error) => {
      thread.error = error;
    });
    thread.worker.on('exit', (code) => this.#onExit(thread, code));
    thread.worker.unref();
  }

  #assign(thread: Thread, task: QueuedTask): void {
    try {
      thread.worker.postMessage(task.request, task.transfer as Transferable[] | undefined);
    } catch (error) {
      task.reject(error); // it holds something that cannot be sent
      this.#next(thread);
      return;
    }
    thread.task = task;
    thread.worker.ref();
  }

  #receive(thread: Thread, message: ThreadMessage): void {
    if (message.kind === 'opening') {
      thread.task?.onOpening?.(message.options);
      return;
    }
    const task = thread.task;
    thread.task = undefined;
    if (message.kind === 'ready') {
      thread.isReady = true;
      this.#failedStarts = 0;
    }
    this.#next(thread);
    if (message.kind === 'ready') {
      if (this.#queue.length > 0) this.#grow();
      return;
    }
    if (message.kind === 'failed') task?.reject(rebuild(message));
    else task?.resolve(message);
  }

  #next(thread: Thread): void {
    const task = this.#queue.shift();
    if (task !== undefined) {
      this.#assign(thread, task);
    } else {
      this.#idle.push(thread);
      if (!this.#isClosing) thread.worker.unref(); // whoever closes the threads awaits their exit
    }
  }

  #onExit(thread: Thread, exitCode: number): void {
    this.#threads.delete(thread);
    const place = this.#idle.indexOf(thread);
    if (place >= 0) this.#idle.splice(place, 1);
    const reason = thread.error ?? new Error(`exit code ${exitCode}`);
    thread.task?.reject(this.#unavailable(`died: ${reason.message}`, reason));
    if (this.#isClosing) return;
    if (!thread.isReady) this.#failedStarts++;
    if (this.#failedStarts < maxFailedStarts) {
      this.#spawn();
      this.#keepAliveWhileQueued();
    } else if (this.#threads.size === 0) {
      for (const task of this.#queue.splice(0))
        task.reject(this.#unavailable(`cannot start: ${reason.message}`, reason));
    }
  }

  /** Whoever awaits a queued request expects an answer: a starting thread must then hold the process. */
  #keepAliveWhileQueued(): void {
    if (this.#queue.length === 0) return;
    for (const thread of this.#threads) if (!thread.isReady) thread.worker.ref();
  }

  #unavailable(what: string, cause?: Error): ServingError {
    return new ServingError(
      'UNAVAILABLE',
      `The ${this.#options.name} ${what}`,
      cause === undefined ? {} : { cause },
    );
  }
}

/** An error as the thread threw it. */
function rebuild({ message, ortCode, code, facts, inputs }: ThreadFailure): Error {
  if (ortCode !== undefined && inputs !== undefined) return new ArenaFullError(ortCode, message, inputs);
  if (ortCode !== undefined) return new OrtError(ortCode, message);
  return new ServingError(code ?? 'INTERNAL', message, facts);
}
