import { type OrtApi, OutWord, type Pointer } from './c-api.js';

/** Whose memory something has: the host's, or that of a CUDA device by its index. */
export type ArenaPlace = 'cpu' | CudaPlace;
export type CudaPlace = `cuda:${number}`;

/** `OrtArenaAllocator` and `OrtMemTypeDefault`. Source: onnxruntime_c_api.h. */
const arenaAllocator = 1;
const defaultMemory = 0;

/** The memory info that stands for a place; the caller releases it. */
export function createMemoryInfo(api: OrtApi, place: ArenaPlace): Pointer {
  const out = new OutWord();
  if (place === 'cpu') api.CreateCpuMemoryInfo(arenaAllocator, defaultMemory, out.memory);
  else api.CreateMemoryInfo('Cuda', arenaAllocator, deviceIndex(place), defaultMemory, out.memory);
  return out.pointer;
}

/** The index that CUDA has for the device in this process. */
export function deviceIndex(place: CudaPlace): number {
  return Number(place.slice('cuda:'.length));
}
