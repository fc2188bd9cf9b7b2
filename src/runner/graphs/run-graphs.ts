import type { RunInput, RunOutput } from '../ort/run.js';

/** Shapes of which graphs are kept, at most: each has memory of its own on the device. */
const mostGraphs = 64;

/** The annotation by which CUDA's provider runs without recording. Source: onnxruntime, cuda_graph.h. */
const notRecorded = '-1';

/** The recorded runs of one session: which shapes and outputs they have. */
export class RunGraphs {
  /** The CUDA device, whose one thread records and replays them. */
  readonly deviceIndex: number;
  readonly #ids = new Map<string, number>();

  constructor(deviceIndex: number) {
    this.deviceIndex = deviceIndex;
  }

  /** The number that runs of this shape have; undefined for one shape too many, and for what cannot be recorded. */
  idOf(inputs: readonly RunInput[], outputs: readonly RunOutput[]): number | undefined {
    if (outputs.some(({ kind }) => kind !== 'tensor')) return undefined;
    if (inputs.some(({ tensor }) => tensor.dtype === 'string' || tensor.shape.includes(0))) return undefined;
    const shapes = inputs.map(({ nativeName, tensor }) => `${nativeName}:${tensor.shape.join('x')}`);
    const key = `${shapes.join()}→${outputs.map(({ nativeName }) => nativeName).join()}`;
    const known = this.#ids.get(key);
    if (known !== undefined || this.#ids.size >= mostGraphs) return known;
    this.#ids.set(key, this.#ids.size);
    return this.#ids.size - 1;
  }
}

/** The run options by which CUDA's provider knows which graph is meant. Source: onnxruntime_run_options_config_keys.h. */
export function graphEntries(id: number | undefined): Readonly<Record<string, string>> {
  return { gpu_graph_id: id === undefined ? notRecorded : String(id) };
}
