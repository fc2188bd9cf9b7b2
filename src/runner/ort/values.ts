// Hot path: tensors in and out of onnxruntime, one call for each run. Guarded by bench/runner/engine-run.mjs.
import { type NumericDType, numericDTypes } from '../../core/dtype.js';
import type { Tensor } from '../../core/tensor.js';
import { unfilledMemory } from '../../core/unfilled-memory.js';
import { type OrtApi, OrtError, OutWord, type Pointer } from './c-api.js';
import { decodeStrings } from './decode-strings.js';
import { dtypeOf, elementTypeName, elementTypeOf } from './element-type.js';
import { defaultAllocator } from './session.js';
import { stackRows } from './stack-rows.js';

/** How an output is to be read: as the tensor it is, or as the scores that a map or a sequence of maps holds. */
export type OutputKind = 'tensor' | 'map' | 'map-rows';

/** `ORT_NOT_IMPLEMENTED`. Source: onnxruntime_c_api.h, enum OrtErrorCode. */
const notImplemented = 9;

/** `OrtDeviceAllocator` and `OrtMemTypeDefault`. */
const deviceAllocator = 0;
const defaultMemory = 0;

/** Makes native values of tensors and tensors of native values, in one thread. */
export class Values {
  readonly #api: OrtApi;
  readonly #allocator: Pointer;
  readonly #cpuMemory: Pointer;
  readonly #out = new OutWord();
  readonly #typeOut = new OutWord();
  readonly #shapeOut = new OutWord();
  /** Room for the sizes of a shape, kept from call to call as the words of `SessionRunner` are. */
  #sizes = new BigInt64Array(16);

  constructor(api: OrtApi) {
    this.#api = api;
    this.#allocator = defaultAllocator(api);
    api.CreateCpuMemoryInfo(deviceAllocator, defaultMemory, this.#out.memory);
    this.#cpuMemory = this.#out.pointer;
  }

  /**
   * A native value over a tensor's own memory (strings are copied). The caller keeps the tensor reachable and
   * unchanged until it has released the value.
   */
  fromTensor(tensor: Tensor): Pointer {
    const rank = tensor.shape.length;
    const shape = this.#sizesOf(rank);
    for (let axis = 0; axis < rank; axis++) shape[axis] = BigInt(tensor.shape[axis] as number);
    if (tensor.dtype === 'string')
      return this.#fromStrings(shape, rank, tensor.data as readonly (string | Uint8Array)[]);
    const data = tensor.data as Exclude<Tensor['data'], readonly unknown[]>;
    // An empty typed array has no address, and onnxruntime insists on one.
    const memory = data.byteLength === 0 ? noBytes : data;
    const type = elementTypeOf(tensor.dtype);
    this.#api.CreateTensorWithDataAsOrtValue(
      this.#cpuMemory,
      memory,
      data.byteLength,
      shape,
      rank,
      type,
      this.#out.memory,
    );
    return this.#out.pointer;
  }

  /** Reads an output into JavaScript memory of its own; the caller releases the value. */
  toTensor(value: Pointer, kind: OutputKind): Tensor {
    // onnxruntime's readers take a null for granted not to be one.
    if (value === 0n) throw new OrtError(notImplemented, 'An output has no value');
    switch (kind) {
      case 'tensor':
        return this.#readTensor(value);
      case 'map':
        return this.#readMap(value);
      case 'map-rows':
        return this.#readMapRows(value);
      default:
        return kind satisfies never;
    }
  }

  close(): void {
    this.#api.ReleaseMemoryInfo(this.#cpuMemory);
  }

  #readTensor(value: Pointer): Tensor {
    this.#api.GetTensorElementTypeAndShapeDataReference(
      value,
      this.#typeOut.memory,
      this.#out.memory,
      this.#shapeOut.memory,
    );
    const elementType = this.#typeOut.int;
    const dtype = dtypeOf(elementType);
    if (dtype === undefined) {
      throw new OrtError(notImplemented, `An output has element type ${elementTypeName(elementType)}`);
    }
    const shape = this.#readShape(this.#out.pointer, this.#shapeOut.count);
    const count = shape.reduce((product, size) => product * size, 1);
    if (dtype === 'string') return { dtype, shape, data: this.#readStrings(value, count) };
    return { dtype, shape, data: this.#readNumbers(value, dtype, count) };
  }

  #readShape(address: Pointer, rank: number): number[] {
    if (rank === 0) return [];
    const sizes = this.#sizesOf(rank);
    this.#api.copy(sizes, address, rank * BigInt64Array.BYTES_PER_ELEMENT);
    const shape = new Array<number>(rank);
    for (let axis = 0; axis < rank; axis++) shape[axis] = Number(sizes[axis]);
    return shape;
  }

  #readNumbers(value: Pointer, dtype: NumericDType, count: number): Tensor['data'] {
    const { array: Data, bytes } = numericDTypes[dtype];
    const data = new Data(unfilledMemory(count * bytes), 0, count);
    if (data.byteLength === 0) return data;
    this.#api.GetTensorMutableData(value, this.#out.memory);
    this.#api.copy(data, this.#out.pointer, data.byteLength);
    return data;
  }

  #sizesOf(rank: number): BigInt64Array {
    if (rank > this.#sizes.length) this.#sizes = new BigInt64Array(rank);
    return this.#sizes;
  }

  #fromStrings(shape: BigInt64Array, rank: number, strings: readonly (string | Uint8Array)[]): Pointer {
    this.#api.CreateTensorAsOrtValue(this.#allocator, shape, rank, elementTypeOf('string'), this.#out.memory);
    const value = this.#out.pointer;
    try {
      for (const [index, text] of strings.entries()) {
        const bytes = typeof text === 'string' ? Buffer.from(text) : text;
        // By length, not up to a NUL: text may contain one.
        this.#api.GetResizedStringTensorElementBuffer(value, index, bytes.byteLength, this.#out.memory);
        if (bytes.byteLength > 0) this.#api.copy(this.#out.pointer, bytes, bytes.byteLength);
      }
      return value;
    } catch (error) {
      this.#api.ReleaseValue(value);
      throw error;
    }
  }

  #readStrings(value: Pointer, count: number): readonly string[] | readonly Uint8Array[] {
    if (count === 0) return [];
    this.#api.GetStringTensorDataLength(value, this.#out.memory);
    const bytes = new Uint8Array(this.#out.count);
    const offsets = new BigUint64Array(count);
    // With no byte in all of the strings there is nothing to read, and no address to read it into.
    if (bytes.byteLength === 0) return new Array<string>(count).fill('');
    this.#api.GetStringTensorContent(value, bytes, bytes.byteLength, offsets, count);
    return decodeStrings(bytes, Array.from(offsets, Number));
  }

  /** A map as a tensor [classes] of its values. */
  #readMap(value: Pointer): Tensor {
    const keys = this.#readPart(value, 0, (part) => this.#readTensor(part));
    const values = this.#readPart(value, 1, (part) => this.#readTensor(part));
    return { ...values, classes: Array.from(keys.data as Iterable<unknown>, String) };
  }

  /** A sequence of maps with equal keys, one a row, as a tensor [rows, classes]. */
  #readMapRows(value: Pointer): Tensor {
    this.#api.GetValueCount(value, this.#out.memory);
    const rows = Array.from({ length: this.#out.count }, (_, row) =>
      this.#readPart(value, row, (map) => this.#readMap(map)),
    );
    return stackRows(rows);
  }

  /** Reads an element of a sequence, or the keys (0) or values (1) of a map. */
  #readPart(value: Pointer, index: number, read: (part: Pointer) => Tensor): Tensor {
    this.#api.GetValue(value, index, this.#allocator, this.#out.memory);
    const part = this.#out.pointer;
    try {
      return read(part);
    } finally {
      this.#api.ReleaseValue(part);
    }
  }
}

/** Something to point at where a tensor has no bytes. */
const noBytes = new Uint8Array(8);
