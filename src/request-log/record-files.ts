import { dirname } from 'node:path';
import type { Clock } from '../core/clock.js';
import { ServingError } from '../core/errors.js';
import type { FailureReports } from './failure-reports.js';
import type { LogFileSystem } from './log-file-system.js';
import { RecordFile } from './record-file.js';
import type { ResolvedRequestLogConfig } from './request-log-config.js';

/** Milliseconds from trouble to the next try: doubled each time, until a write has gone well. */
const firstRestMs = 1000;
const longestRestMs = 60_000;

export interface RecordFilesOptions {
  readonly config: ResolvedRequestLogConfig;
  readonly clock: Clock;
  /** Milliseconds since 1970, for the names of files. */
  readonly wallMs: () => number;
  readonly fileSystem: LogFileSystem;
  readonly reports: FailureReports;
}

/**
 * Files of records, one after the other: a file is made for the first record, and completed when it is full or old
 * enough, whether or not another follows.
 *
 *     nothing ─ record ─► open ─ full, old, closed ─► complete
 *        ▲                  │
 *        └── some time ── resting ◄─ trouble: cut back to its last whole record, and completed where it has one
 */
export class RecordFiles {
  readonly #options: RecordFilesOptions;
  /** What is done with files is done one after the other; never rejects. */
  #last: Promise<unknown> = Promise.resolve();
  #file: RecordFile | undefined;
  #cancelAge = () => {};
  #number = 0;
  #restUntilMs = Number.NEGATIVE_INFINITY;
  #restMs = firstRestMs;

  constructor(options: RecordFilesOptions) {
    this.#options = options;
  }

  /** True from trouble until the next try is due. */
  get isResting(): boolean {
    return this.#options.clock.now() < this.#restUntilMs;
  }

  /** Adds records; resolves with how many of them are in files, the first ones. Never rejects. */
  append(frames: readonly Uint8Array[]): Promise<number> {
    return this.#inTurn(() => this.#append(frames));
  }

  /** Resolves when nothing is being done. */
  async settled(): Promise<void> {
    await this.#last;
  }

  /** Completes the file that is open. The next record opens another. Never rejects. */
  close(): Promise<void> {
    return this.#inTurn(() => this.#try(() => this.#complete()));
  }

  #inTurn<T>(action: () => Promise<T>): Promise<T> {
    const done = this.#last.then(action);
    this.#last = done;
    return done;
  }

  async #append(frames: readonly Uint8Array[]): Promise<number> {
    let kept = 0;
    await this.#try(async () => {
      while (kept < frames.length) {
        const file = await this.#fileFor(frames[kept] as Uint8Array);
        const before = file.records;
        try {
          await file.append(this.#fitting(file, frames, kept));
        } finally {
          kept += file.records - before;
        }
        this.#recover();
        if (this.#isFull(file)) await this.#complete();
      }
    });
    return kept;
  }

  /** The file that is open, where it has room, or else another. */
  async #fileFor({ length }: Uint8Array): Promise<RecordFile> {
    const { maxFileBytes } = this.#options.config;
    if (this.#file !== undefined && this.#file.bytes + length > maxFileBytes) await this.#complete();
    this.#file ??= await this.#open();
    return this.#file;
  }

  /** As many of the frames as the file has room for; the first in any case. */
  #fitting(file: RecordFile, frames: readonly Uint8Array[], first: number): readonly Uint8Array[] {
    const { maxFileBytes, maxFileRecords } = this.#options.config;
    const mostEnd = Math.min(frames.length, first + maxFileRecords - file.records);
    let bytes = file.bytes + (frames[first] as Uint8Array).length;
    let end = first + 1;
    while (end < mostEnd && bytes + (frames[end] as Uint8Array).length <= maxFileBytes) {
      bytes += (frames[end] as Uint8Array).length;
      end++;
    }
    return frames.slice(first, end);
  }

  #isFull({ records, bytes }: RecordFile): boolean {
    const { maxFileBytes, maxFileRecords } = this.#options.config;
    return records >= maxFileRecords || bytes >= maxFileBytes;
  }

  async #open(): Promise<RecordFile> {
    const { config, clock, fileSystem } = this.#options;
    await fileSystem.makeFolder(dirname(`${config.filenamePrefix}-`));
    const file = await this.#create();
    if (Number.isFinite(config.maxFileAgeMs))
      this.#cancelAge = clock.schedule(config.maxFileAgeMs, () => this.#retire(file));
    return file;
  }

  /** Another log may write under the same prefix, also in another process that has the same number in its container. */
  async #create(): Promise<RecordFile> {
    const { config, wallMs, fileSystem } = this.#options;
    while (true) {
      const time = new Date(wallMs()).toISOString().replace(/[-:.]/g, '');
      const number = String(++this.#number).padStart(6, '0'); // so that names sort as files were written
      const path = `${config.filenamePrefix}-${time}-${process.pid}-${number}.tfrecord`;
      if (await fileSystem.exists(path)) continue;
      try {
        return await RecordFile.create(fileSystem, path);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
    }
  }

  /** Completes a file, unless that has been done when its turn comes. */
  #retire(file: RecordFile): void {
    void this.#inTurn(() =>
      this.#try(async () => {
        if (this.#file === file) await this.#complete();
      }),
    );
  }

  async #complete(): Promise<void> {
    this.#cancelAge();
    const file = this.#file;
    this.#file = undefined;
    await file?.close();
  }

  /** Does something with files; where it fails, says so, completes the file that is open, and rests. */
  async #try(action: () => Promise<void>): Promise<void> {
    try {
      await action();
    } catch (error) {
      this.#tell(error);
      this.#restUntilMs = this.#options.clock.now() + this.#restMs;
      this.#restMs = Math.min(2 * this.#restMs, longestRestMs);
      await this.#complete().catch((another: unknown) => this.#tell(another));
    }
  }

  #recover(): void {
    this.#restMs = firstRestMs;
    this.#options.reports.forget();
  }

  #tell(error: unknown): void {
    const { code = '', syscall = '', message = String(error) } = Object(error);
    const text = `Cannot write request log ${this.#options.config.filenamePrefix}: ${message}`;
    this.#options.reports.tell(
      `${code} ${syscall}`,
      new ServingError(statusOf(code), text, { cause: error }),
    );
  }
}

function statusOf(code: string): 'RESOURCE_EXHAUSTED' | 'PERMISSION_DENIED' | 'UNAVAILABLE' {
  if (['ENOSPC', 'EDQUOT', 'EFBIG', 'EMFILE', 'ENFILE'].includes(code)) return 'RESOURCE_EXHAUSTED';
  if (['EACCES', 'EPERM', 'EROFS'].includes(code)) return 'PERMISSION_DENIED';
  return 'UNAVAILABLE';
}
