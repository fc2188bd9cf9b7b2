import type { LogFile, LogFileSystem } from './log-file-system.js';

/** What the name of a file ends in while it is written. */
const openEnding = '.open';

/** One file of records, under a name of its own until it is complete. Used by one caller at a time. */
export class RecordFile {
  readonly #fileSystem: LogFileSystem;
  readonly #file: LogFile;
  readonly #path: string;
  #records = 0;
  /** Where the last whole record ends. */
  #bytes = 0;
  /** There may be something after the last whole record. */
  #isTorn = false;
  #isRemoved = false;

  /** Makes it. Rejects as the file system does. */
  static async create(fileSystem: LogFileSystem, path: string): Promise<RecordFile> {
    return new RecordFile(fileSystem, await fileSystem.create(`${path}${openEnding}`), path);
  }

  private constructor(fileSystem: LogFileSystem, file: LogFile, path: string) {
    this.#fileSystem = fileSystem;
    this.#file = file;
    this.#path = path;
  }

  /** Whole records that it holds. */
  get records(): number {
    return this.#records;
  }

  /** Bytes of them. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Adds records. Rejects as the file system does; those that are whole all the same are counted. */
  async append(frames: readonly Uint8Array[]): Promise<void> {
    this.#isRemoved = !(await this.#file.isInFolder());
    if (this.#isRemoved) throw Object.assign(new Error('the file was removed'), { code: 'ENOENT' });
    const bytes = frames.length === 1 ? (frames[0] as Uint8Array) : Buffer.concat(frames);
    let written = 0;
    this.#isTorn = true;
    try {
      while (written < bytes.length) {
        const more = await this.#file.write(bytes.subarray(written), this.#bytes + written);
        if (more === 0) throw Object.assign(new Error('nothing more can be written'), { code: 'EIO' });
        written += more;
      }
      this.#isTorn = false;
    } finally {
      this.#count(frames, written);
    }
  }

  /**
   * Gives it its name, without what follows its last whole record; without a record it is removed. Rejects as the file
   * system does, and then leaves it under the name that it was written under.
   */
  async close(): Promise<void> {
    try {
      if (this.#isTorn && !this.#isRemoved) await this.#file.truncate(this.#bytes);
    } finally {
      await this.#file.close();
    }
    if (this.#isRemoved) return;
    const openPath = `${this.#path}${openEnding}`;
    if (this.#records === 0) await this.#fileSystem.remove(openPath);
    else await this.#fileSystem.rename(openPath, this.#path);
  }

  #count(frames: readonly Uint8Array[], written: number): void {
    let end = 0;
    for (const { length } of frames) {
      end += length;
      if (end > written) return;
      this.#records++;
      this.#bytes += length;
    }
  }
}
