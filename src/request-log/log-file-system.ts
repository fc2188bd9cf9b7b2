import { access, type FileHandle, mkdir, open, rename, rm } from 'node:fs/promises';

/** As much of a file system as writing logs takes. */
export interface LogFileSystem {
  /** Makes a folder and those around it, where they are missing. */
  makeFolder(path: string): Promise<void>;
  exists(path: string): Promise<boolean>;
  /** Makes a file, and rejects with EEXIST where there is one. */
  create(path: string): Promise<LogFile>;
  rename(from: string, to: string): Promise<void>;
  remove(path: string): Promise<void>;
}

/** A file that is open for writing. */
export interface LogFile {
  /** Writes bytes at a place, and resolves with how many of them: all, or some. */
  write(bytes: Uint8Array, position: number): Promise<number>;
  truncate(bytes: number): Promise<void>;
  /** Whether it is still in a folder: what is written into a file that was removed is lost. */
  isInFolder(): Promise<boolean>;
  close(): Promise<void>;
}

/** The machine's own file system. */
export const nodeLogFileSystem: LogFileSystem = {
  async makeFolder(path) {
    await mkdir(path, { recursive: true });
  },
  exists: (path) =>
    access(path).then(
      () => true,
      () => false, // Who may not look will not be able to write either, and is told then.
    ),
  create: async (path) => new NodeLogFile(await open(path, 'wx')),
  rename: (from, to) => rename(from, to),
  remove: (path) => rm(path, { force: true }),
};

class NodeLogFile implements LogFile {
  readonly #handle: FileHandle;

  constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  async write(bytes: Uint8Array, position: number): Promise<number> {
    return (await this.#handle.write(bytes, 0, bytes.length, position)).bytesWritten;
  }

  truncate(bytes: number): Promise<void> {
    return this.#handle.truncate(bytes);
  }

  async isInFolder(): Promise<boolean> {
    return (await this.#handle.stat()).nlink > 0;
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}
