import koffi from 'koffi';
import type { Tensor } from '../../core/tensor.js';
import { type OrtApi, OrtError, OutWord, type Pointer } from './c-api.js';
import { elementTypeOf } from './element-type.js';
import { pointer } from './function-table.js';
import type { RunInput, RunOutput } from './run.js';
import { Values } from './values.js';

/** Memory of a device, as runs are bound to it. */
export interface BoundMemory {
  /** Makes the description of the memory; whoever asks releases it. */
  createMemoryInfo(): Pointer;
  /** Copies bytes between this memory and that of JavaScript, in either direction, and is done when it returns. */
  copy: OrtApi['copy'];
  /** Returns when what was copied there has arrived. */
  settle(): void;
}

/** Where the inputs of runs of one shape lie, and what binds a session to them. */
interface BoundRun {
  readonly binding: Pointer;
  readonly memoryInfo: Pointer;
  readonly allocator: Pointer;
  readonly inputs: readonly { readonly value: Pointer; readonly address: Pointer }[];
}

export interface BoundRequest {
  readonly session: Pointer;
  /** Tells runs of one shape from those of others, in this session. */
  readonly shapeId: number;
  readonly runOptions: Pointer;
  readonly inputs: readonly RunInput[];
  readonly outputs: readonly RunOutput[];
}

/** `ORT_NOT_IMPLEMENTED`. Source: onnxruntime_c_api.h, enum OrtErrorCode. */
const notImplemented = 9;

/**
 * Runs sessions on inputs and outputs that stay where they are, which is what a recorded graph of kernels reads and writes:
 * memory of the device's is taken for each shape when it is seen first, and each run's tensors are copied there and back.
 *
 * In one thread, as onnxruntime's recordings are. What is taken is given back by `release`.
 */
export class BoundRuns {
  readonly #api: OrtApi;
  readonly #memory: BoundMemory;
  readonly #values: Values;
  readonly #sessions = new Map<Pointer, Map<number, BoundRun>>();
  readonly #out = new OutWord();

  constructor(api: OrtApi, memory: BoundMemory) {
    this.#api = api;
    this.#memory = memory;
    this.#values = new Values({ ...api, copy: memory.copy });
  }

  /** @throws OrtError with onnxruntime's reason. */
  run(request: BoundRequest): readonly Tensor[] {
    const { session, runOptions, inputs } = request;
    const bound = this.#boundRun(request);
    for (const [index, { tensor }] of inputs.entries()) {
      const data = tensor.data as ArrayBufferView;
      const place = bound.inputs[index] as BoundRun['inputs'][number];
      if (data.byteLength > 0) this.#memory.copy(place.address, data, data.byteLength);
    }
    this.#memory.settle();
    this.#api.RunWithBinding(session, runOptions, bound.binding);
    return this.#readOutputs(bound);
  }

  /** Gives back what runs of a session have; before the session itself. */
  release(session: Pointer): void {
    for (const bound of this.#sessions.get(session)?.values() ?? []) this.#free(bound);
    this.#sessions.delete(session);
  }

  close(): void {
    for (const session of this.#sessions.keys()) this.release(session);
    this.#values.close();
  }

  #boundRun(request: BoundRequest): BoundRun {
    const runs = this.#sessions.get(request.session) ?? new Map<number, BoundRun>();
    this.#sessions.set(request.session, runs);
    const bound = runs.get(request.shapeId) ?? this.#bind(request);
    runs.set(request.shapeId, bound);
    return bound;
  }

  #bind({ session, inputs, outputs }: BoundRequest): BoundRun {
    const memoryInfo = this.#memory.createMemoryInfo();
    const made: { binding: Pointer; allocator: Pointer; values: Pointer[] } = {
      binding: 0n,
      allocator: 0n,
      values: [],
    };
    try {
      made.allocator = this.#create((out) => this.#api.CreateAllocator(session, memoryInfo, out));
      made.binding = this.#create((out) => this.#api.CreateIoBinding(session, out));
      const places = inputs.map(({ nativeName, tensor }) => {
        const value = this.#place(made.allocator, tensor);
        made.values.push(value);
        this.#api.BindInput(made.binding, nativeName, value);
        return { value, address: this.#create((out) => this.#api.GetTensorMutableData(value, out)) };
      });
      for (const { nativeName } of outputs) {
        this.#api.BindOutputToDevice(made.binding, nativeName, memoryInfo);
      }
      return { binding: made.binding, memoryInfo, allocator: made.allocator, inputs: places };
    } catch (error) {
      this.#freeParts(made.binding, made.values, made.allocator, memoryInfo);
      throw error;
    }
  }

  /** Memory of the device's for a tensor of this shape. */
  #place(allocator: Pointer, { dtype, shape }: Tensor): Pointer {
    if (dtype === 'string') throw new OrtError(notImplemented, 'Runs with strings cannot be recorded');
    const sizes = BigInt64Array.from(shape, BigInt);
    return this.#create((out) =>
      this.#api.CreateTensorAsOrtValue(allocator, sizes, sizes.length, elementTypeOf(dtype), out),
    );
  }

  /** In the order in which they were bound. */
  #readOutputs({ binding }: BoundRun): readonly Tensor[] {
    const list = new OutWord();
    const count = new OutWord();
    const allocator = this.#create((out) => this.#api.GetAllocatorWithDefaultOptions(out));
    this.#api.GetBoundOutputValues(binding, allocator, list.memory, count.memory);
    const values: Pointer[] = koffi.decode(list.pointer, pointer, count.count);
    try {
      return values.map((value) => this.#values.toTensor(value, 'tensor'));
    } finally {
      for (const value of values) this.#api.ReleaseValue(value);
      this.#api.AllocatorFree(allocator, list.pointer);
    }
  }

  #create(make: (out: BigUint64Array) => void): Pointer {
    make(this.#out.memory);
    return this.#out.pointer;
  }

  #free({ binding, inputs, allocator, memoryInfo }: BoundRun): void {
    this.#freeParts(
      binding,
      inputs.map(({ value }) => value),
      allocator,
      memoryInfo,
    );
  }

  #freeParts(binding: Pointer, values: readonly Pointer[], allocator: Pointer, memoryInfo: Pointer): void {
    if (binding !== 0n) this.#api.ReleaseIoBinding(binding);
    for (const value of values) this.#api.ReleaseValue(value);
    if (allocator !== 0n) this.#api.ReleaseAllocator(allocator);
    this.#api.ReleaseMemoryInfo(memoryInfo);
  }
}
