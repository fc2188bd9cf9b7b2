import { ServingError } from '../../../core/errors.js';
import { type GpuReading, type NvidiaLibraries, Nvml } from './nvml.js';
import type { VisibleGpu, VisibleGpus } from './visible-gpus.js';

/** A GPU and what it has to do. */
export interface GpuStatus extends GpuReading {
  /** As models name it: `cuda:0`. */
  readonly device: `cuda:${number}`;
  /** NVIDIA's name of the product. */
  readonly name: string;
  /** The same for this GPU in every process and after every restart. */
  readonly uuid: string;
}

/** The GPUs of this process, looked for when somebody first asks. */
export class Gpus {
  readonly #libraries: NvidiaLibraries;
  readonly #find: () => Promise<VisibleGpus>;
  #found: Promise<VisibleGpus> | undefined;
  #known: readonly VisibleGpu[] = [];
  #nvml: Nvml | undefined;
  #isClosed = false;

  /** @param find looks for them, off the event loop, and leaves NVML initialised. */
  constructor(libraries: NvidiaLibraries, find: () => Promise<VisibleGpus>) {
    this.#libraries = libraries;
    this.#find = find;
  }

  /** @throws ServingError FAILED_PRECONDITION with the reason where there is no driver, or it does not answer. */
  async list(): Promise<VisibleGpus> {
    this.#found ??= this.#look();
    try {
      return await this.#found;
    } catch (error) {
      this.#found = undefined; // it may be there the next time
      throw error;
    }
  }

  /** The GPU of `cuda:<index>`. @throws ServingError FAILED_PRECONDITION where there is none, or that cannot be told. */
  async get(index: number): Promise<VisibleGpu> {
    const { gpus } = await this.list();
    const gpu = gpus.find((each) => each.index === index);
    if (gpu !== undefined) return gpu;
    const actual = gpus.length === 1 ? '1 GPU' : `${gpus.length} GPUs`;
    throw new ServingError(
      'FAILED_PRECONDITION',
      `There is no cuda:${index}: CUDA has ${actual} in this process (CUDA_VISIBLE_DEVICES hides and renumbers them)`,
      { actual, expected: `more than ${index}` },
    );
  }

  /** What a GPU has to do; undefined where that cannot be told. Takes some 10 µs. */
  read(gpu: VisibleGpu): GpuReading | undefined {
    try {
      return this.#nvml?.read(gpu.handle);
    } catch {
      return undefined; // a GPU may fall off the bus
    }
  }

  /** What those that somebody has asked for have to do. */
  statuses(): readonly GpuStatus[] {
    return this.#known.flatMap((gpu) => {
      const reading = this.read(gpu);
      const { index, name, uuid } = gpu;
      return reading === undefined ? [] : [{ device: `cuda:${index}`, name, uuid, ...reading }];
    });
  }

  close(): void {
    this.#isClosed = true;
    this.#nvml?.close();
    this.#nvml = undefined;
    this.#known = [];
  }

  async #look(): Promise<VisibleGpus> {
    const found = await this.#find();
    const nvml = new Nvml(this.#libraries);
    nvml.close(); // once for the thread that has looked: this one keeps it initialised
    if (this.#isClosed) {
      nvml.close();
      return found;
    }
    this.#nvml = nvml;
    this.#known = found.gpus;
    return found;
  }
}
