import { loadLibrary } from '../../ort/native-library.js';

/** Libraries of NVIDIA's driver, by file. */
export interface NvidiaLibraries {
  /** The management library (NVML). */
  readonly nvml: string;
  /** The driver's own library. */
  readonly cuda: string;
}

/** As the driver installs them. */
export const nvidiaLibraries: NvidiaLibraries =
  process.platform === 'win32'
    ? { nvml: 'nvml.dll', cuda: 'nvcuda.dll' }
    : { nvml: 'libnvidia-ml.so.1', cuda: 'libcuda.so.1' };

/** A GPU as NVML knows it: an address that is valid in every thread. */
export type GpuHandle = bigint;

/** What a GPU has to do. */
export interface GpuReading {
  /** All that the GPU has. */
  readonly memoryTotalBytes: number;
  /** What all processes together hold of it. */
  readonly memoryUsedBytes: number;
  /** The part of the last second or so in which it computed; undefined where the driver does not say. */
  readonly utilization: number | undefined;
}

/** What a GPU is. */
export interface GpuFacts {
  readonly name: string;
  readonly uuid: string;
}

/** Longer than any name or version. */
const textBytes = 96;

/**
 * NVIDIA's management library, bound in this thread. Initialised by the constructor, counted; `close` gives it back, once for each.
 *
 * Source of names, arguments and structs: NVIDIA, nvml.h (API version 12).
 */
export class Nvml {
  readonly #functions: ReturnType<typeof bind>;

  /** @throws Error where the library is not there, or the driver does not answer. */
  constructor(libraries: NvidiaLibraries = nvidiaLibraries) {
    this.#functions = bind(libraries.nvml);
    this.#check('nvmlInit_v2', this.#functions.init());
  }

  get driverVersion(): string {
    return this.#text('nvmlSystemGetDriverVersion', (memory) =>
      this.#functions.driverVersion(memory, textBytes),
    );
  }

  /** The newest CUDA that the driver runs: `12.8`. */
  get cudaVersion(): string {
    const out = new Int32Array(1);
    this.#check('nvmlSystemGetCudaDriverVersion_v2', this.#functions.cudaVersion(out));
    const number = out[0] as number;
    return `${Math.floor(number / 1000)}.${Math.floor((number % 1000) / 10)}`;
  }

  /** All GPUs of the machine, as the driver orders them. */
  handles(): readonly GpuHandle[] {
    const count = new Uint32Array(1);
    this.#check('nvmlDeviceGetCount_v2', this.#functions.count(count));
    const out = new BigUint64Array(1);
    return Array.from({ length: count[0] as number }, (_, index) => {
      this.#check('nvmlDeviceGetHandleByIndex_v2', this.#functions.byIndex(index, out));
      return out[0] as bigint;
    });
  }

  /** The GPU with this UUID (`GPU-…`). @throws Error where there is none. */
  byUuid(uuid: string): GpuHandle {
    const out = new BigUint64Array(1);
    this.#check('nvmlDeviceGetHandleByUUID', this.#functions.byUuid(uuid, out));
    return out[0] as bigint;
  }

  facts(gpu: GpuHandle): GpuFacts {
    return {
      name: this.#text('nvmlDeviceGetName', (memory) => this.#functions.name(gpu, memory, textBytes)),
      uuid: this.#text('nvmlDeviceGetUUID', (memory) => this.#functions.uuid(gpu, memory, textBytes)),
    };
  }

  /** Takes some 10 µs. */
  read(gpu: GpuHandle): GpuReading {
    const memory = new BigUint64Array(3); // nvmlMemory_t: total, free, used
    this.#check('nvmlDeviceGetMemoryInfo', this.#functions.memory(gpu, memory));
    const rates = new Uint32Array(2); // nvmlUtilization_t: gpu and memory, in percent
    const hasRates = this.#functions.utilization(gpu, rates) === 0;
    return {
      memoryTotalBytes: Number(memory[0]),
      memoryUsedBytes: Number(memory[2]),
      utilization: hasRates ? (rates[0] as number) / 100 : undefined,
    };
  }

  close(): void {
    this.#functions.shutdown();
  }

  #text(name: string, call: (memory: Uint8Array) => number): string {
    const memory = new Uint8Array(textBytes);
    this.#check(name, call(memory));
    return Buffer.from(memory.subarray(0, memory.indexOf(0))).toString();
  }

  #check(name: string, code: number): void {
    if (code !== 0) throw new Error(`${name}: ${this.#functions.errorText(code)}`);
  }
}

function bind(file: string) {
  const library = loadLibrary(file);
  const code = 'int';
  const pointer = 'void *';
  const func = (name: string, result: string, args: readonly string[]) =>
    library.func(name, result, [...args]) as unknown;
  return {
    init: func('nvmlInit_v2', code, []) as () => number,
    shutdown: func('nvmlShutdown', code, []) as () => number,
    errorText: func('nvmlErrorString', 'str', [code]) as (code: number) => string,
    driverVersion: func('nvmlSystemGetDriverVersion', code, [pointer, 'uint']) as TextReader,
    cudaVersion: func('nvmlSystemGetCudaDriverVersion_v2', code, [pointer]) as (out: Int32Array) => number,
    count: func('nvmlDeviceGetCount_v2', code, [pointer]) as (out: Uint32Array) => number,
    byIndex: func('nvmlDeviceGetHandleByIndex_v2', code, ['uint', pointer]) as (
      index: number,
      out: BigUint64Array,
    ) => number,
    byUuid: func('nvmlDeviceGetHandleByUUID', code, ['str', pointer]) as (
      uuid: string,
      out: BigUint64Array,
    ) => number,
    name: func('nvmlDeviceGetName', code, [pointer, pointer, 'uint']) as GpuTextReader,
    uuid: func('nvmlDeviceGetUUID', code, [pointer, pointer, 'uint']) as GpuTextReader,
    memory: func('nvmlDeviceGetMemoryInfo', code, [pointer, pointer]) as (
      gpu: bigint,
      out: BigUint64Array,
    ) => number,
    utilization: func('nvmlDeviceGetUtilizationRates', code, [pointer, pointer]) as (
      gpu: bigint,
      out: Uint32Array,
    ) => number,
  };
}

type TextReader = (memory: Uint8Array, bytes: number) => number;
type GpuTextReader = (gpu: bigint, memory: Uint8Array, bytes: number) => number;
