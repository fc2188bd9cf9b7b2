import { Worker } from 'node:worker_threads';
import { maxTimerMs, systemClock } from '../../core/clock.js';
import { threadOptions } from '../../core/thread-options.js';
import { ClockTimer } from './clock-timer.js';
import type { DeadlineTimer } from './deadline-timer.js';
import { Lead } from './lead.js';
import { endOfThread, noWake, timerBytes, timerCells } from './timer-cells.js';

/** `process.hrtime`, which all threads share, at the zero of `performance.now`, in nanoseconds. */
const originNs = findOrigin();

/** It may be called this much too early. */
const toleranceMicros = 25;

/**
 * A timer of some tens of microseconds, where `setTimeout` has a floor of a millisecond.
 *
 * A thread sleeps until the moment and sends the host's thread a message. What comes on top, the timer slack of the system
 * (50 µs on Linux) and two wake-ups, is much the same each time; it is measured, and the thread wakes that much earlier.
 *
 * Precision: half of the calls come within some 10 µs of the moment, on a process and a machine that are otherwise idle;
 * a busy host is told when its event loop gets to it, as with any timer. bench/batching/deadline-timer.mjs shows both.
 *
 * Cost: no CPU while no moment is set; a wake-up of the thread and a message for each that is met, some 100 µs of CPU in
 * all, a third of it on the host's thread; a thread, some 9 MB, from the first moment on. Until the thread is there, and where it cannot be, `setTimeout`
 * does it. While a moment is set, the process stays alive: somebody awaits an answer.
 */
export class ThreadTimer implements DeadlineTimer {
  readonly #onDue: () => void;
  readonly #spawn: (memory: SharedArrayBuffer) => Worker;
  readonly #memory = new SharedArrayBuffer(timerBytes);
  readonly #cells = timerCells(this.#memory);
  readonly #lead = new Lead();
  /** Does the thread's work while there is none. */
  readonly #fallback: ClockTimer;
  #worker: Worker | undefined;
  #exited: Promise<void> | undefined;
  #isReady = false;
  #isClosed = false;
  /** The moment that is set, and what the thread was told for it; both undefined while none is. */
  #deadlineMs: number | undefined;
  #wake: bigint | undefined;
  /** Whether there was time to sleep for the thread: else the time that it took says nothing of the next. */
  #hasSlept = false;

  /** @param spawn starts the thread; for tests. */
  constructor(onDue: () => void, spawn: (memory: SharedArrayBuffer) => Worker = spawnThread) {
    this.#onDue = onDue;
    this.#spawn = spawn;
    this.#fallback = new ClockTimer(systemClock, () => this.#fire());
  }

  set(deadlineMs: number): void {
    if (this.#isClosed || deadlineMs === this.#deadlineMs) return;
    if (this.#deadlineMs === undefined) this.#worker?.ref();
    this.#deadlineMs = deadlineMs;
    if (this.#exited === undefined) this.#start();
    if (this.#isReady) this.#tellThread(deadlineMs);
    else this.#fallback.set(deadlineMs);
  }

  clear(): void {
    if (this.#deadlineMs === undefined) return;
    this.#deadlineMs = undefined;
    this.#wake = undefined;
    this.#fallback.clear();
    this.#worker?.unref();
    // Not notified: at the worst the thread wakes once, in vain.
    if (!this.#isClosed) Atomics.store(this.#cells.wakeNs, 0, noWake);
  }

  async close(): Promise<void> {
    this.clear();
    this.#isClosed = true;
    await this.#fallback.close();
    if (this.#worker === undefined) return;
    this.#worker.ref(); // whoever closes the timer awaits its exit
    Atomics.store(this.#cells.wakeNs, 0, endOfThread);
    this.#notify();
    await this.#exited;
  }

  #start(): void {
    this.#exited = Promise.resolve(); // as it is where the system has no thread to give
    let worker: Worker;
    try {
      worker = this.#spawn(this.#memory);
    } catch {
      return; // the fallback does it
    }
    this.#worker = worker;
    worker.on('message', (message: 'ready' | bigint) => this.#receive(message));
    worker.on('error', () => {}); // told by its exit
    this.#exited = new Promise((resolve) => {
      worker.once('exit', () => {
        this.#onExit();
        resolve();
      });
    });
  }

  #receive(message: 'ready' | bigint): void {
    if (message === 'ready') {
      this.#isReady = true; // from the next moment on; the fallback has this one
      if (this.#deadlineMs === undefined) this.#worker?.unref();
    } else if (message === this.#wake && this.#deadlineMs !== undefined) {
      this.#onWoken(this.#deadlineMs);
    }
  }

  #onWoken(deadlineMs: number): void {
    const lateMicros = (performance.now() - deadlineMs) * 1000;
    if (this.#hasSlept) this.#lead.observe(lateMicros);
    if (lateMicros > -toleranceMicros) this.#fire();
    else this.#tellThread(deadlineMs); // it was set so late that there was no time to sleep: once more
  }

  /** The thread has died, or cannot start: the fallback takes over for good. */
  #onExit(): void {
    this.#isReady = false;
    this.#worker = undefined;
    if (this.#deadlineMs !== undefined) this.#fallback.set(this.#deadlineMs);
  }

  #fire(): void {
    this.clear();
    this.#onDue();
  }

  #tellThread(deadlineMs: number): void {
    const leadMicros = this.#lead.micros;
    const nowMs = performance.now();
    this.#hasSlept = (deadlineMs - nowMs) * 1000 > 2 * leadMicros;
    // A moment that no 64-bit number of nanoseconds can hold is asked for again when this one has come.
    const soonerMs = Math.min(deadlineMs, nowMs + maxTimerMs);
    this.#wake = originNs + BigInt(Math.round(soonerMs * 1e6 - leadMicros * 1000));
    this.#fallback.clear();
    const before = Atomics.exchange(this.#cells.wakeNs, 0, this.#wake);
    // A later moment need not be notified: the thread wakes at the earlier one, and looks again.
    if (before === noWake || before > this.#wake) this.#notify();
  }

  #notify(): void {
    Atomics.add(this.#cells.changes, 0, 1);
    Atomics.notify(this.#cells.changes, 0);
  }
}

function spawnThread(memory: SharedArrayBuffer): Worker {
  const entry = new URL('./timer-thread.js', import.meta.url);
  return new Worker(entry, { ...threadOptions, workerData: memory, name: 'servable-timer' });
}

/** Of several readings of both clocks the one with the least time in between: the first calls are slow. */
function findOrigin(): bigint {
  let best = { spreadNs: 2n ** 62n, originNs: 0n };
  for (let reading = 0; reading < 10; reading++) {
    const before = process.hrtime.bigint();
    const nowMs = performance.now();
    const spreadNs = process.hrtime.bigint() - before;
    if (spreadNs >= best.spreadNs) continue;
    best = { spreadNs, originNs: before + spreadNs / 2n - BigInt(Math.round(nowMs * 1e6)) };
  }
  return best.originNs;
}
