import { stat } from 'node:fs/promises';

/** What can be told of a file without reading it. */
interface FileState {
  /** Another text whenever the content may be another one. */
  readonly revision: string;
  readonly bytes: number;
}

/** Remembers how files are, to tell later whether one of them has changed. A file that is not there is one of them too. */
export class Revisions {
  readonly #states = new Map<string, FileState>();

  /** Bytes of all that were there. */
  get bytes(): number {
    let sum = 0;
    for (const state of this.#states.values()) sum += state.bytes;
    return sum;
  }

  /** Looks at files and remembers what it sees. Never rejects. */
  async note(files: readonly string[]): Promise<void> {
    for (const file of files) this.#states.set(file, await look(file));
  }

  /** The first of the files that is not as it was. Never rejects. */
  async firstChanged(): Promise<string | undefined> {
    for (const [file, { revision }] of this.#states) {
      if ((await look(file)).revision !== revision) return file;
    }
    return undefined;
  }
}

async function look(file: string): Promise<FileState> {
  try {
    const { size, mtimeNs, ino, dev } = await stat(file, { bigint: true });
    return { revision: `${size} ${mtimeNs} ${dev}:${ino}`, bytes: Number(size) };
  } catch (error) {
    return { revision: String((error as NodeJS.ErrnoException).code), bytes: 0 };
  }
}
