import { isUtf8 } from 'node:buffer';
import { createReadStream } from 'node:fs';
import type { Clock } from '../core/clock.js';
import { deferred } from '../core/deferred.js';
import { ServingError } from '../core/errors.js';
import { unreadableConfig } from './config-fault.js';

/** Reads a file, but no more than `maxBytes` and one. */
export type ReadFile = (path: string, maxBytes: number) => Promise<Uint8Array>;

/** @internal From the machine's own file system. */
export const readNodeFile: ReadFile = async (path, maxBytes) => {
  const chunks: Uint8Array[] = [];
  // `end` is the last byte that is read, so that one more than `maxBytes` tells a file that is too large.
  for await (const chunk of createReadStream(path, { end: maxBytes })) chunks.push(chunk);
  return Buffer.concat(chunks);
};

/** @internal */
export interface TextFileOptions {
  readonly path: string;
  /** What the file is, for errors. @default 'config file' */
  readonly kind?: string;
  readonly readTimeoutMs: number;
  readonly maxFileBytes: number;
  readonly clock: Clock;
  readonly readFile: ReadFile;
}

/** @internal The text of one file, read when asked for, within limits of time and size. Reads never overlap. */
export class TextFile {
  readonly #options: TextFileOptions;
  /** Whether the file system has yet to answer, also where nobody waits for it any more. */
  #isReading = false;
  #giveUp: ((error: ServingError) => void) | undefined;

  constructor(options: TextFileOptions) {
    this.#options = options;
  }

  /**
   * @throws ServingError NOT_FOUND, PERMISSION_DENIED, FAILED_PRECONDITION (a directory), INVALID_ARGUMENT (too large, not
   *   UTF-8), UNAVAILABLE (in time, or for another reason).
   */
  async read(): Promise<string> {
    const { path, maxFileBytes } = this.#options;
    const bytes = await this.#readInTime();
    if (bytes.length > maxFileBytes) {
      throw new ServingError('INVALID_ARGUMENT', `${this.#action}: it is larger than ${maxFileBytes} bytes`);
    }
    if (!isUtf8(bytes)) throw unreadableConfig(path, 'it is not UTF-8', firstLineNotUtf8(bytes));
    return new TextDecoder().decode(bytes);
  }

  /** Fails the read under way with an error, for its caller; the file system goes on with it. */
  giveUp(error: ServingError): void {
    this.#giveUp?.(error);
  }

  async #readInTime(): Promise<Uint8Array> {
    const { clock, readTimeoutMs } = this.#options;
    // A second read of a file system that hangs would hang too, and take another of the few threads that do such work.
    if (this.#isReading) throw this.#late();
    const outcome = deferred<Uint8Array>();
    const cancelTimer = clock.schedule(readTimeoutMs, () => outcome.reject(this.#late()));
    this.#giveUp = outcome.reject;
    void this.#readBytes().then(outcome.resolve, outcome.reject);
    try {
      return await outcome.promise;
    } catch (error) {
      throw unreadable(this.#action, error);
    } finally {
      cancelTimer();
      this.#giveUp = undefined;
    }
  }

  async #readBytes(): Promise<Uint8Array> {
    const { path, maxFileBytes, readFile } = this.#options;
    this.#isReading = true;
    try {
      return await readFile(path, maxFileBytes);
    } finally {
      this.#isReading = false;
    }
  }

  get #action(): string {
    const { path, kind = 'config file' } = this.#options;
    return `Cannot read ${kind} '${path}'`;
  }

  #late(): ServingError {
    const { readTimeoutMs } = this.#options;
    const message = `${this.#action}: its file system has not answered within ${readTimeoutMs} ms`;
    return new ServingError('UNAVAILABLE', message);
  }
}

function unreadable(action: string, error: unknown): ServingError {
  if (error instanceof ServingError) return error;
  const cause: NodeJS.ErrnoException = error instanceof Error ? error : new Error(String(error));
  switch (cause.code) {
    case 'ENOENT':
      return new ServingError('NOT_FOUND', `${action}: it does not exist`, { cause });
    case 'EISDIR':
      return new ServingError('FAILED_PRECONDITION', `${action}: it is a directory`, { cause });
    case 'ENOTDIR':
      return new ServingError('FAILED_PRECONDITION', `${action}: its path leads through a file`, { cause });
    case 'EACCES':
    case 'EPERM':
      return new ServingError('PERMISSION_DENIED', `${action}: this process has no permission to read it`, {
        cause,
      });
    default:
      return new ServingError('UNAVAILABLE', `${action}: ${cause.message}`, { cause });
  }
}

/** Line breaks are never part of another character in UTF-8, so every line can be looked at alone. */
function firstLineNotUtf8(bytes: Uint8Array): number {
  for (let line = 1, start = 0; ; line++) {
    const end = bytes.indexOf(10, start);
    if (end < 0 || !isUtf8(bytes.subarray(start, end))) return line;
    start = end + 1;
  }
}
