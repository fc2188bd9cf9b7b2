import { type Deferred, deferred } from '#dist/core/deferred.js';
import { type LogFile, type LogFileSystem, nodeLogFileSystem } from '#dist/request-log/log-file-system.js';

type Action = 'makeFolder' | 'create' | 'write' | 'truncate' | 'closeFile' | 'rename' | 'remove';

/** The machine's file system, with faults as told. */
export class FaultyFileSystem implements LogFileSystem {
  /** What fails, and with which code. */
  readonly faults = new Map<Action, string>();
  /** Bytes that one write takes, at most. */
  mostWritten = Number.POSITIVE_INFINITY;
  /** Bytes that are free: a write takes as many, and the next one fails with ENOSPC. */
  freeBytes = Number.POSITIVE_INFINITY;
  /** Files that are open. */
  open = 0;
  readonly calls: Action[] = [];
  #stalled: Deferred<void> | undefined;

  /** Writes wait from now on, until what is returned is called. */
  stall(): () => void {
    this.#stalled = deferred();
    return () => this.#stalled?.resolve();
  }

  async makeFolder(path: string): Promise<void> {
    this.#fail('makeFolder');
    await nodeLogFileSystem.makeFolder(path);
  }

  exists(path: string): Promise<boolean> {
    return nodeLogFileSystem.exists(path);
  }

  async create(path: string): Promise<LogFile> {
    this.#fail('create');
    const file = await nodeLogFileSystem.create(path);
    this.open++;
    return {
      write: (bytes, position) => this.#write(file, bytes, position),
      truncate: async (bytes) => {
        this.#fail('truncate');
        await file.truncate(bytes);
      },
      isInFolder: () => file.isInFolder(),
      close: async () => {
        this.open--;
        await file.close();
        this.#fail('closeFile');
      },
    };
  }

  async rename(from: string, to: string): Promise<void> {
    this.#fail('rename');
    await nodeLogFileSystem.rename(from, to);
  }

  async remove(path: string): Promise<void> {
    this.#fail('remove');
    await nodeLogFileSystem.remove(path);
  }

  async #write(file: LogFile, bytes: Uint8Array, position: number): Promise<number> {
    await this.#stalled?.promise;
    this.#fail('write');
    if (this.freeBytes <= 0) throw errno('ENOSPC', 'write');
    const written = bytes.subarray(0, Math.min(this.mostWritten, this.freeBytes));
    this.freeBytes -= written.length;
    return await file.write(written, position);
  }

  #fail(action: Action): void {
    this.calls.push(action);
    const code = this.faults.get(action);
    if (code !== undefined) throw errno(code, action);
  }
}

function errno(code: string, syscall: string): Error {
  return Object.assign(new Error(`${code}: as the test wants it, ${syscall}`), { code, syscall });
}
