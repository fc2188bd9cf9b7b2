import { ServingError } from '../../core/errors.js';
import type { Gpus } from '../devices/nvidia/gpus.js';
import type { EngineOptions } from '../engine-options.js';
import type { RunMemory } from '../engine-run.js';
import type { ArenaConfig } from '../ort/arena.js';
import { type ArenaPlace, type CudaPlace, deviceIndex } from '../ort/memory-info.js';
import { weightsTooLarge } from '../ort/weights-too-large.js';

/** An arena with a limit, and what the limit is called where it was set. */
export interface Limit {
  readonly name: string;
  readonly config: ArenaConfig;
}

type LimitOptions = Pick<EngineOptions, 'memoryLimitBytes' | 'gpuMemoryFraction' | 'allowGrowth'>;

/** What an engine's options say of memory, in bytes of this machine. */
export class MemoryLimits {
  readonly #options: LimitOptions;
  readonly #gpus: Gpus;

  constructor(options: LimitOptions, gpus: Gpus) {
    this.#options = options;
    this.#gpus = gpus;
  }

  /**
   * Refuses weights for which a GPU has no room, as far as its driver tells that, and those above a limit of the model's
   * own, which onnxruntime would load all the same.
   */
  async assertRoom(place: CudaPlace, weightBytes: number, ownLimit: RunMemory | undefined): Promise<void> {
    if (ownLimit !== undefined && this.#options.gpuMemoryFraction) throw twoLimits(ownLimit);
    if (ownLimit !== undefined && weightBytes > ownLimit.limitBytes) {
      throw weightsTooLarge(weightBytes, ownLimit.limitBytes, `${ownLimit.limitName} ${ownLimit.limitBytes}`);
    }
    const gpu = await this.#gpus.get(deviceIndex(place)).catch(() => undefined);
    const reading = gpu && this.#gpus.read(gpu);
    if (reading === undefined) return;
    const { memoryTotalBytes, memoryUsedBytes } = reading;
    const free = memoryTotalBytes - memoryUsedBytes;
    if (weightBytes > free) throw weightsTooLarge(weightBytes, free, `${place}'s ${memoryTotalBytes}`);
  }

  /**
   * Refuses recorded runs where sessions share an arena: what was recorded goes on using memory that others are given.
   *
   * @throws ServingError INVALID_ARGUMENT
   */
  assertUnshared(): void {
    if (this.#options.gpuMemoryFraction) throw recordedAndShared(this.#options.gpuMemoryFraction);
  }

  /** Which arena a session takes its memory from; undefined where nobody has limited that. */
  async limitOf(place: ArenaPlace | undefined): Promise<Limit | undefined> {
    const { memoryLimitBytes = Number.POSITIVE_INFINITY, gpuMemoryFraction = 0 } = this.#options;
    const { allowGrowth = true } = this.#options;
    if (place === undefined || place === 'cpu') {
      if (memoryLimitBytes === Number.POSITIVE_INFINITY) return undefined;
      const config: ArenaConfig = { place: 'cpu', limitBytes: memoryLimitBytes, allowGrowth };
      return { name: 'memoryLimitBytes', config };
    }
    if (gpuMemoryFraction === 0) return undefined;
    const gpu = await this.#gpus.get(deviceIndex(place));
    const total = this.#gpus.read(gpu)?.memoryTotalBytes;
    if (total === undefined) throw unknownMemory(place);
    return {
      name: `gpuMemoryFraction ${gpuMemoryFraction} of ${place},`,
      config: { place, limitBytes: Math.floor(total * gpuMemoryFraction), allowGrowth },
    };
  }
}

function recordedAndShared(fraction: number): ServingError {
  return new ServingError(
    'INVALID_ARGUMENT',
    `Cannot use cuda.graphs and the server's gpuMemoryFraction ${fraction}: what was recorded goes on using memory that all models share; limit it by gpuMemoryLimitBytes`,
    { option: 'cuda.graphs', actual: 'true', expected: 'one of the two' },
  );
}

function unknownMemory(place: string): ServingError {
  return new ServingError(
    'FAILED_PRECONDITION',
    `Cannot limit the memory of ${place}: its driver does not say how much it has`,
    { actual: 'unknown', expected: 'the memory of the device, from NVML' },
  );
}

function twoLimits({ limitName, limitBytes }: RunMemory): ServingError {
  return new ServingError(
    'INVALID_ARGUMENT',
    `Cannot use ${limitName} ${limitBytes} and the server's gpuMemoryFraction: memory of its own would not count there`,
    { option: limitName, actual: `${limitBytes}`, expected: 'one of the two' },
  );
}
