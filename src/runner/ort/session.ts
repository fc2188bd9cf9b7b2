import koffi from 'koffi';
import type { ModelMetadata } from '../../core/servable.js';
import { type OrtApi, OutWord, type Pointer } from './c-api.js';
import { readTypeInfo, type ValueType } from './type-info.js';

/** An input or output of a graph. */
export interface GraphValue {
  readonly name: string;
  /** The same name as a `const char *` that lives as long as the session. */
  readonly nativeName: Pointer;
  readonly type: ValueType;
}

/** A session and what its graph says of itself. Plain data: it may cross threads. */
export interface OpenSession {
  readonly session: Pointer;
  /** What the session takes memory from on the CPU; lives as long as the session. */
  readonly allocator: Pointer;
  readonly inputs: readonly GraphValue[];
  /** Initializers that are also graph inputs: inputs with a default. */
  readonly overridableInitializers: readonly GraphValue[];
  readonly outputs: readonly GraphValue[];
  readonly metadata: ModelMetadata;
}

/**
 * Creates a session from a file. Blocks the calling thread for as long as onnxruntime needs.
 *
 * @throws OrtError with onnxruntime's reason; nothing is left behind.
 */
export function openSession(api: OrtApi, environment: Pointer, file: string, options: Pointer): OpenSession {
  const out = new OutWord();
  api.CreateSession(environment, file, options, out.memory);
  const session = out.pointer;
  const names: Pointer[] = [];
  let allocator: Pointer | undefined;
  try {
    allocator = createAllocator(api, session);
    return {
      session,
      allocator,
      inputs: readValues(api, session, 'Input', names),
      overridableInitializers: readValues(api, session, 'OverridableInitializer', names),
      outputs: readValues(api, session, 'Output', names),
      metadata: readMetadata(api, session),
    };
  } catch (error) {
    releaseSession(api, session, allocator, names);
    throw error;
  }
}

/** Gives a session and its names back. No run may be in flight. */
export function closeSession(api: OrtApi, open: OpenSession): void {
  const values = [...open.inputs, ...open.overridableInitializers, ...open.outputs];
  releaseSession(
    api,
    open.session,
    open.allocator,
    values.map((value) => value.nativeName),
  );
}

function releaseSession(
  api: OrtApi,
  session: Pointer,
  allocator: Pointer | undefined,
  names: readonly Pointer[],
): void {
  const plain = defaultAllocator(api);
  for (const name of names) api.AllocatorFree(plain, name);
  if (allocator !== undefined) api.ReleaseAllocator(allocator);
  api.ReleaseSession(session);
}

/** `OrtArenaAllocator` and `OrtMemTypeDefault`. Source: onnxruntime_c_api.h. */
const arena = 1;
const defaultMemory = 0;

function createAllocator(api: OrtApi, session: Pointer): Pointer {
  const out = new OutWord();
  api.CreateCpuMemoryInfo(arena, defaultMemory, out.memory);
  const memory = out.pointer;
  try {
    api.CreateAllocator(session, memory, out.memory);
    return out.pointer;
  } finally {
    api.ReleaseMemoryInfo(memory);
  }
}

/**
 * Bytes that an open session's arena has taken from the system: weights as they were loaded or packed, and what runs have
 * left there for the next ones. Undefined where it has no arena. Takes some microseconds.
 */
export function arenaBytes(api: OrtApi, { allocator }: OpenSession): number | undefined {
  const out = new OutWord();
  api.AllocatorGetStats(allocator, out.memory);
  const stats = out.pointer;
  try {
    const total = api.GetKeyValue(stats, 'TotalAllocated');
    return total === null ? undefined : Number(total);
  } finally {
    api.ReleaseKeyValuePairs(stats);
  }
}

/** onnxruntime's plain CPU allocator; it belongs to the library and is never released. */
export function defaultAllocator(api: OrtApi): Pointer {
  const out = new OutWord();
  api.GetAllocatorWithDefaultOptions(out.memory);
  return out.pointer;
}

type ValueRole = 'Input' | 'Output' | 'OverridableInitializer';

function readValues(api: OrtApi, session: Pointer, role: ValueRole, names: Pointer[]): GraphValue[] {
  const out = new OutWord();
  const allocator = defaultAllocator(api);
  api[`SessionGet${role}Count`](session, out.memory);
  return Array.from({ length: out.count }, (_, index) => {
    api[`SessionGet${role}Name`](session, index, allocator, out.memory);
    const nativeName = out.pointer;
    names.push(nativeName);
    api[`SessionGet${role}TypeInfo`](session, index, out.memory);
    const info = out.pointer;
    try {
      return { name: koffi.decode.string(nativeName), nativeName, type: readTypeInfo(api, info) };
    } finally {
      api.ReleaseTypeInfo(info);
    }
  });
}

function readMetadata(api: OrtApi, session: Pointer): ModelMetadata {
  const out = new OutWord();
  const allocator = defaultAllocator(api);
  api.SessionGetModelMetadata(session, out.memory);
  const metadata = out.pointer;
  /** Reads a `char *` that the call allocates for us. */
  const text = (read: (result: BigUint64Array) => void): string => {
    read(out.memory);
    const chars = out.pointer;
    if (chars === 0n) return '';
    const value = koffi.decode.string(chars);
    api.AllocatorFree(allocator, chars);
    return value;
  };
  try {
    const custom: Record<string, string> = Object.create(null);
    for (const key of readCustomKeys(api, metadata, allocator)) {
      custom[key] = text((result) =>
        api.ModelMetadataLookupCustomMetadataMap(metadata, allocator, key, result),
      );
    }
    const version = new BigInt64Array(1);
    api.ModelMetadataGetVersion(metadata, version);
    return {
      producer: text((result) => api.ModelMetadataGetProducerName(metadata, allocator, result)),
      graph: text((result) => api.ModelMetadataGetGraphName(metadata, allocator, result)),
      description: text((result) => api.ModelMetadataGetDescription(metadata, allocator, result)),
      domain: text((result) => api.ModelMetadataGetDomain(metadata, allocator, result)),
      modelVersion: version[0] as bigint,
      custom,
    };
  } finally {
    api.ReleaseModelMetadata(metadata);
  }
}

function readCustomKeys(api: OrtApi, metadata: Pointer, allocator: Pointer): string[] {
  const keys = new OutWord();
  const count = new OutWord();
  api.ModelMetadataGetCustomMetadataMapKeys(metadata, allocator, keys.memory, count.memory);
  if (keys.pointer === 0n) return [];
  const pointers: Pointer[] = count.count === 0 ? [] : koffi.decode(keys.pointer, 'void *', count.count);
  const names = pointers.map((pointer) => {
    const name = koffi.decode.string(pointer);
    api.AllocatorFree(allocator, pointer);
    return name;
  });
  api.AllocatorFree(allocator, keys.pointer);
  return names;
}
