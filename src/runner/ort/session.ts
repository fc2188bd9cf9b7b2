import koffi from 'koffi';
import type { ModelMetadata } from '../../core/servable.js';
import { type OrtApi, OutWord, type Pointer } from './c-api.js';
import { createMemoryInfo } from './memory-info.js';
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
  /** What the session takes memory from, on the CPU unless it was asked for another place; lives as long as the session. */
  readonly allocator: Pointer;
  readonly inputs: readonly GraphValue[];
  /** Initializers that are also graph inputs: inputs with a default. */
  readonly overridableInitializers: readonly GraphValue[];
  readonly outputs: readonly GraphValue[];
  readonly metadata: ModelMetadata;
  /** Memory of a shared arena that is held without being used, in the place of weights that lie outside of it. */
  readonly held?: Pointer;
}

/**
 * Creates a session from a file. Blocks the calling thread for as long as onnxruntime needs.
 *
 * @param memoryInfo the place whose memory is asked for; the CPU's without it
 * @throws OrtError with onnxruntime's reason; nothing is left behind.
 */
export function openSession(
  api: OrtApi,
  environment: Pointer,
  file: string,
  options: Pointer,
  memoryInfo?: Pointer,
): OpenSession {
  const out = new OutWord();
  api.CreateSession(environment, file, options, out.memory);
  return readSession(api, out.pointer, memoryInfo);
}

/** The same from bytes in memory. */
export function openSessionFromBytes(
  api: OrtApi,
  environment: Pointer,
  bytes: Uint8Array,
  options: Pointer,
  memoryInfo?: Pointer,
): OpenSession {
  const out = new OutWord();
  api.CreateSessionFromArray(environment, bytes, bytes.length, options, out.memory);
  return readSession(api, out.pointer, memoryInfo);
}

function readSession(api: OrtApi, session: Pointer, memoryInfo: Pointer | undefined): OpenSession {
  const names: Pointer[] = [];
  let allocator: Pointer | undefined;
  try {
    allocator = createAllocator(api, session, memoryInfo);
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
  if (open.held !== undefined) api.AllocatorFree(open.allocator, open.held);
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

function createAllocator(api: OrtApi, session: Pointer, memoryInfo: Pointer | undefined): Pointer {
  const out = new OutWord();
  if (memoryInfo !== undefined) {
    api.CreateAllocator(session, memoryInfo, out.memory);
    return out.pointer;
  }
  const memory = createMemoryInfo(api, 'cpu');
  try {
    api.CreateAllocator(session, memory, out.memory);
    return out.pointer;
  } finally {
    api.ReleaseMemoryInfo(memory);
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
