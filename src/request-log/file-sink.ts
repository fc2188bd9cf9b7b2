import { frameRecord } from '../wire/tfrecord.js';
import type { EntrySink } from './entry-sink.js';
import type { RecordFiles } from './record-files.js';
import type { EncodeEntry, RequestEntry } from './request-entry.js';

/** Writes entries to files, as records. */
export class FileSink implements EntrySink {
  readonly #files: RecordFiles;
  readonly #encode: EncodeEntry;
  readonly #samplingRate: number;
  #frames: Uint8Array[] = [];

  constructor(files: RecordFiles, encode: EncodeEntry, samplingRate: number) {
    this.#files = files;
    this.#encode = encode;
    this.#samplingRate = samplingRate;
  }

  get isResting(): boolean {
    return this.#files.isResting;
  }

  add(entry: RequestEntry): number {
    const frame = frameRecord(this.#encode(entry, this.#samplingRate));
    this.#frames.push(frame);
    return frame.length;
  }

  async commit(): Promise<readonly boolean[]> {
    const frames = this.#frames;
    this.#frames = [];
    const kept = await this.#files.append(frames);
    return frames.map((_, index) => index < kept);
  }

  settled(): Promise<void> {
    return this.#files.settled();
  }

  close(): Promise<void> {
    return this.#files.close();
  }
}
