import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Clock, systemClock } from '../core/clock.js';
import { ServingError } from '../core/errors.js';
import { notify } from '../core/notify.js';
import { formatServableId } from '../core/servable-id.js';
import { CollectorSink } from './collector-sink.js';
import { EntryQueue } from './entry-queue.js';
import type { EntrySink } from './entry-sink.js';
import { FailureReports } from './failure-reports.js';
import { FileSink } from './file-sink.js';
import { type LogFileSystem, nodeLogFileSystem } from './log-file-system.js';
import { RecordFiles } from './record-files.js';
import type { EncodeEntry, RequestEntry } from './request-entry.js';
import {
  type RequestLogConfig,
  type ResolvedRequestLogConfig,
  resolveRequestLogConfig,
} from './request-log-config.js';
import type {
  DroppedRequest,
  LogDropReason,
  LoggedRequest,
  RequestLogObserver,
} from './request-log-observer.js';

/** Milliseconds of one turn of the event loop that go into encoding, until the entry at hand is done. */
const maxTurnMs = 1;
/** Bytes of records that are encoded before they are written. */
const maxTurnBytes = 2 ** 20;

/** @internal What logs work with. */
export interface RequestLogParts {
  readonly encode: EncodeEntry;
  readonly observer?: RequestLogObserver | undefined;
  readonly clock?: Clock;
  /** Numbers in [0, 1) that decide what is sampled. @default Math.random */
  readonly random?: () => number;
  /** Milliseconds since 1970, for the names of files. @default Date.now */
  readonly wallMs?: () => number;
  readonly fileSystem?: LogFileSystem;
}

/**
 * Writes sampled requests and their answers to files, as records that TF Serving reads as warm-up requests. Several models
 * may share one.
 *
 * A request is never held up and never fails: `sample` draws a number, `offer` puts an entry into a queue that is bounded
 * in bytes. Encoding and writing come in later turns of the event loop, and all trouble ends in entries that are dropped,
 * which the observer is told of: each entry that is offered is logged once or dropped once.
 *
 * A file is written under another name (`….tfrecord.open`) until it is complete, so whoever collects `*.tfrecord` never
 * meets half of one. A process that ends without `close` leaves its last file under that name, good up to its last whole
 * record. Nothing is synced to the disk: what a crash of the machine takes of a log is not worth what a sync costs.
 *
 * When the disk is full, the folder is gone or may not be written, what is queued is dropped, and another file is tried a
 * second later at the earliest, then after two seconds, and so on up to a minute, when there is something to write.
 *
 * @internal
 */
export class RequestLog {
  readonly #config: ResolvedRequestLogConfig;
  readonly #parts: RequestLogParts;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #samplingRate: number;
  readonly #sink: EntrySink;
  readonly #encodeReports: FailureReports;
  /** An entry stays in it until it is settled. */
  readonly #queue: EntryQueue;
  #isDraining = false;
  #closed: Promise<void> | undefined;

  /** @throws ServingError INVALID_ARGUMENT naming the option. */
  constructor(options: RequestLogConfig & RequestLogParts) {
    const { encode, observer, clock, random, wallMs, fileSystem, ...config } = options;
    this.#config = resolveRequestLogConfig(config, 'requestLog');
    this.#samplingRate = this.#config.samplingRate;
    this.#parts = options;
    this.#clock = clock ?? systemClock;
    this.#random = random ?? Math.random;
    this.#encodeReports = new FailureReports(observer);
    this.#queue = new EntryQueue(this.#config.maxQueuedBytes);
    this.#sink = this.#makeSink();
  }

  /** Whether to log a request; to be asked once for each. Hot path of every request, guarded by bench/request-log/cost.mjs. */
  sample(): boolean {
    const rate = this.#samplingRate;
    return rate > 0 && (rate >= 1 || this.#random() < rate);
  }

  /**
   * Takes an entry to be logged; its tensors are the log's from now on. False where it is dropped at once: there is no
   * room, the disk has just failed, or the log is closed. Never throws.
   */
  offer(entry: RequestEntry): boolean {
    const reason = this.#push(entry);
    if (reason !== undefined) this.#drop(entry, reason);
    else if (!this.#isDraining) void this.#drain();
    return reason === undefined;
  }

  /** Resolves when all that was accepted so far is in a file, or dropped. It may be in one that is still open. */
  async flush(): Promise<void> {
    await this.#queue.passed();
    await this.#sink.settled();
  }

  /**
   * Takes no more entries, writes those that it has, and completes the file. Once: a second call returns the first one's
   * promise. Never rejects; waits as long as the disk makes it.
   */
  close(): Promise<void> {
    this.#closed ??= this.flush().then(() => this.#sink.close());
    return this.#closed;
  }

  #makeSink(): EntrySink {
    const { encode, observer, wallMs = Date.now, fileSystem = nodeLogFileSystem } = this.#parts;
    const config = this.#config;
    const reports = new FailureReports(observer);
    if (config.collector !== undefined) return new CollectorSink(config.collector, reports);
    const files = new RecordFiles({ config, clock: this.#clock, wallMs, fileSystem, reports });
    return new FileSink(files, encode, config.samplingRate);
  }

  #push(entry: RequestEntry): LogDropReason | undefined {
    if (this.#closed !== undefined) return 'closed';
    if (this.#sink.isResting) return 'write failed';
    return this.#queue.push(entry) ? undefined : 'queue full';
  }

  async #drain(): Promise<void> {
    this.#isDraining = true;
    while (this.#queue.length > 0) {
      await nextTurn();
      const bytes = this.#addSome();
      const kept = (await this.#sink.commit()).values();
      this.#settle(bytes, kept);
      if (!this.#sink.isResting) continue;
      for (const entry of this.#queue.take(this.#queue.length)) this.#drop(entry, 'write failed');
    }
    this.#isDraining = false; // in the same step as the look at the queue: nobody is left behind in it
  }

  /** Gives the sink as much as one turn has time for, one entry at least; what each makes, or undefined where it failed. */
  #addSome(): (number | undefined)[] {
    const endMs = this.#clock.now() + maxTurnMs;
    const bytes: (number | undefined)[] = [];
    let total = 0;
    for (const entry of this.#queue) {
      const made = this.#add(entry);
      bytes.push(made);
      total += made ?? 0;
      if (total >= maxTurnBytes || this.#clock.now() >= endMs) break;
    }
    return bytes;
  }

  #add(entry: RequestEntry): number | undefined {
    try {
      return this.#sink.add(entry);
    } catch (cause) {
      const { model, version } = entry.spec;
      const id = { model, version };
      const { code, message } = ServingError.from(cause);
      const text = `Cannot encode a request to ${formatServableId(id)} for the request log: ${message}`;
      this.#encodeReports.tell(`${model} ${code}`, new ServingError(code, text, { id, cause }));
      return undefined;
    }
  }

  /** Lets go of the first entries, of which these many bytes were made; and says what became of them. */
  #settle(made: readonly (number | undefined)[], kept: Iterator<boolean>): void {
    for (const [index, entry] of this.#queue.take(made.length).entries()) {
      const bytes = made[index];
      if (bytes === undefined) this.#drop(entry, 'encode failed');
      else if (kept.next().value !== true) this.#drop(entry, 'write failed');
      else this.#tellLogged({ model: entry.spec.model, bytes });
    }
  }

  #tellLogged(request: LoggedRequest): void {
    notify((told: LoggedRequest) => this.#parts.observer?.onLogged?.(told), request);
  }

  #drop({ spec: { model } }: RequestEntry, reason: LogDropReason): void {
    notify((told: DroppedRequest) => this.#parts.observer?.onDropped?.(told), { model, reason });
  }
}
