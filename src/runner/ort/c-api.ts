import koffi from 'koffi';
import { ServingError } from '../../core/errors.js';
import { cRuntimeLibrary } from './library.js';

/** The address of a native object. Valid in every thread of the process; 0n is null. */
export type Pointer = bigint;

/**
 * The version of onnxruntime's C API that the table below is written against. The table only grows, so any library
 * that knows this version will do.
 */
const apiVersion = 24;

/**
 * koffi runs native code on a stack of its own, 2 MiB unless told otherwise. onnxruntime recurses over nested
 * subgraphs while it builds a session; the threads it starts itself get 8 MiB from Linux, so we give as much.
 */
const nativeStackBytes = 8 * 1024 * 1024;

const pointer = 'void *';
/** Text in the platform's path encoding (`ORTCHAR_T`). */
const path = (process.platform === 'win32' ? 'str16' : 'str') as 'str';

/**
 * The functions in use: place in the table and arguments. All of them return an `OrtStatus *`.
 *
 * Source: onnxruntime, include/onnxruntime/core/session/onnxruntime_c_api.h, `struct OrtApi`; places checked
 * against the offsets of release 1.24 and by use on 1.30.0.
 */
const statusFunctions = {
  CreateEnv: [3, ['int', 'str', pointer]],
  DisableTelemetryEvents: [6, [pointer]],
  CreateSession: [7, [pointer, path, pointer, pointer]],
  Run: [9, [pointer, pointer, pointer, pointer, 'size_t', pointer, 'size_t', pointer]],
  CreateSessionOptions: [10, [pointer]],
  SetSessionExecutionMode: [13, [pointer, 'int']],
  DisableMemPattern: [17, [pointer]],
  DisableCpuMemArena: [19, [pointer]],
  SetSessionLogSeverityLevel: [22, [pointer, 'int']],
  SetSessionGraphOptimizationLevel: [23, [pointer, 'int']],
  SetIntraOpNumThreads: [24, [pointer, 'int']],
  SetInterOpNumThreads: [25, [pointer, 'int']],
  SessionGetInputCount: [30, [pointer, pointer]],
  SessionGetOutputCount: [31, [pointer, pointer]],
  SessionGetOverridableInitializerCount: [32, [pointer, pointer]],
  SessionGetInputTypeInfo: [33, [pointer, 'size_t', pointer]],
  SessionGetOutputTypeInfo: [34, [pointer, 'size_t', pointer]],
  SessionGetOverridableInitializerTypeInfo: [35, [pointer, 'size_t', pointer]],
  SessionGetInputName: [36, [pointer, 'size_t', pointer, pointer]],
  SessionGetOutputName: [37, [pointer, 'size_t', pointer, pointer]],
  SessionGetOverridableInitializerName: [38, [pointer, 'size_t', pointer, pointer]],
  CreateRunOptions: [39, [pointer]],
  RunOptionsSetRunLogSeverityLevel: [41, [pointer, 'int']],
  RunOptionsSetTerminate: [46, [pointer]],
  RunOptionsUnsetTerminate: [47, [pointer]],
  CreateTensorAsOrtValue: [48, [pointer, pointer, 'size_t', 'int', pointer]],
  CreateTensorWithDataAsOrtValue: [49, [pointer, pointer, 'size_t', pointer, 'size_t', 'int', pointer]],
  GetTensorMutableData: [51, [pointer, pointer]],
  GetStringTensorDataLength: [53, [pointer, pointer]],
  GetStringTensorContent: [54, [pointer, pointer, 'size_t', pointer, 'size_t']],
  CastTypeInfoToTensorInfo: [55, [pointer, pointer]],
  GetOnnxTypeFromTypeInfo: [56, [pointer, pointer]],
  GetTensorElementType: [60, [pointer, pointer]],
  GetDimensionsCount: [61, [pointer, pointer]],
  GetDimensions: [62, [pointer, pointer, 'size_t']],
  GetSymbolicDimensions: [63, [pointer, pointer, 'size_t']],
  CreateCpuMemoryInfo: [69, ['int', 'int', pointer]],
  AllocatorFree: [76, [pointer, pointer]],
  GetAllocatorWithDefaultOptions: [78, [pointer]],
  GetValue: [80, [pointer, 'int', pointer, pointer]],
  GetValueCount: [81, [pointer, pointer]],
  CastTypeInfoToMapTypeInfo: [103, [pointer, pointer]],
  CastTypeInfoToSequenceTypeInfo: [104, [pointer, pointer]],
  GetMapKeyType: [105, [pointer, pointer]],
  GetMapValueType: [106, [pointer, pointer]],
  GetSequenceElementType: [107, [pointer, pointer]],
  SessionGetModelMetadata: [111, [pointer, pointer]],
  ModelMetadataGetProducerName: [112, [pointer, pointer, pointer]],
  ModelMetadataGetGraphName: [113, [pointer, pointer, pointer]],
  ModelMetadataGetDomain: [114, [pointer, pointer, pointer]],
  ModelMetadataGetDescription: [115, [pointer, pointer, pointer]],
  ModelMetadataLookupCustomMetadataMap: [116, [pointer, pointer, 'str', pointer]],
  ModelMetadataGetVersion: [117, [pointer, pointer]],
  ModelMetadataGetCustomMetadataMapKeys: [123, [pointer, pointer, pointer, pointer]],
  AddFreeDimensionOverrideByName: [124, [pointer, 'str', 'int64_t']],
  AddSessionConfigEntry: [130, [pointer, 'str', 'str']],
  AddRunConfigEntry: [165, [pointer, 'str', 'str']],
  SessionOptionsAppendExecutionProvider_TensorRT_V2: [170, [pointer, pointer]],
  CreateTensorRTProviderOptions: [171, [pointer]],
  UpdateTensorRTProviderOptions: [172, [pointer, pointer, pointer, 'size_t']],
  SessionOptionsAppendExecutionProvider_CUDA_V2: [204, [pointer, pointer]],
  CreateCUDAProviderOptions: [205, [pointer]],
  UpdateCUDAProviderOptions: [206, [pointer, pointer, pointer, 'size_t']],
  SessionOptionsAppendExecutionProvider: [216, [pointer, 'str', pointer, pointer, 'size_t']],
  GetResizedStringTensorElementBuffer: [252, [pointer, 'size_t', 'size_t', pointer]],
  SessionOptionsSetLoadCancellationFlag: [293, [pointer, 'bool']],
  GetTensorElementTypeAndShapeDataReference: [414, [pointer, pointer, pointer, pointer]],
} as const satisfies Readonly<Record<string, readonly [number, readonly string[]]>>;

/** The functions that take one object and give it back; they return nothing. */
const releaseFunctions = {
  ReleaseEnv: 92,
  ReleaseStatus: 93,
  ReleaseMemoryInfo: 94,
  ReleaseSession: 95,
  ReleaseValue: 96,
  ReleaseRunOptions: 97,
  ReleaseTypeInfo: 98,
  ReleaseSessionOptions: 100,
  ReleaseModelMetadata: 118,
  ReleaseTensorRTProviderOptions: 174,
  ReleaseCUDAProviderOptions: 208,
} as const;

const functionCount = 415;

type ArgumentOf<T> = T extends 'void *'
  ? Pointer | ArrayBufferView | null
  : T extends 'str'
    ? string
    : T extends 'int64_t'
      ? bigint
      : T extends 'bool'
        ? boolean
        : number;
type ArgumentsOf<T extends readonly string[]> = { -readonly [K in keyof T]: ArgumentOf<T[K]> };

/** The C API as functions that throw {@link OrtError} where the C function returns a status. */
export type OrtFunctions = {
  readonly [N in keyof typeof statusFunctions]: (
    ...args: ArgumentsOf<(typeof statusFunctions)[N][1]>
  ) => void;
} & { readonly [N in keyof typeof releaseFunctions]: (object: Pointer) => void };

/** A failure as onnxruntime reports it; translated by whoever knows what was being done. */
export class OrtError extends Error {
  override readonly name = 'OrtError';
  /** `OrtErrorCode`, by number. */
  readonly ortCode: number;

  constructor(ortCode: number, message: string) {
    super(message);
    this.ortCode = ortCode;
  }
}

/** onnxruntime's C API, bound in this thread. Addresses that it hands out are valid in every thread. */
export interface OrtApi extends OrtFunctions {
  /** The version of the library, as in `1.30.0`. */
  readonly version: string;
  /** Copies `bytes` bytes between native memory and a JavaScript buffer, in either direction. */
  copy(to: Pointer | ArrayBufferView, from: Pointer | ArrayBufferView, bytes: number): void;
}

/** What has been bound in this thread, by file: koffi keeps the types of a binding for ever. */
const bound = new Map<string, OrtApi>();

/**
 * Binds the shared library in the calling thread, once; the library itself is loaded once in the process.
 *
 * @throws ServingError FAILED_PRECONDITION where the file cannot be loaded, is no onnxruntime, or one that is too old.
 */
export function bindOrtApi(libraryFile: string): OrtApi {
  const api = bound.get(libraryFile) ?? bind(libraryFile);
  bound.set(libraryFile, api);
  return api;
}

function bind(libraryFile: string): OrtApi {
  if (koffi.config().sync_stack_size !== nativeStackBytes) raiseStackSize();
  const { version, table } = openTable(libraryFile);
  if (table === null) {
    throw new ServingError(
      'FAILED_PRECONDITION',
      `Cannot start the engine: ${libraryFile} is onnxruntime ${version}, expected one with C API ${apiVersion} or newer`,
      { actual: version, expected: `C API ${apiVersion}` },
    );
  }
  const addresses: Pointer[] = koffi.decode(table, pointer, functionCount);
  const copy = load(cRuntimeLibrary()).func('memcpy', pointer, [pointer, pointer, 'size_t']);
  return { version, copy, ...bindFunctions(addresses) };
}

/** The library's version, and its table of functions: null where it does not know our version of it. */
function openTable(libraryFile: string): { version: string; table: Pointer | null } {
  try {
    const base: Pointer = load(libraryFile).func('OrtGetApiBase', pointer, [])();
    const [getApi, getVersion] = koffi.decode(base, pointer, 2) as [Pointer, Pointer];
    const version: string = koffi.decode(getVersion, koffi.proto('str', []))();
    return { version, table: koffi.decode(getApi, koffi.proto(pointer, ['uint32_t']))(apiVersion) };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ServingError(
      'FAILED_PRECONDITION',
      `Cannot start the engine: cannot load ${libraryFile}: ${reason}`,
      {
        cause,
      },
    );
  }
}

/**
 * Loaded libraries of this thread. koffi unloads a library when its handle is collected, and functions bound by
 * address, as ours are, do not keep the handle.
 */
const libraries: ReturnType<typeof koffi.load>[] = [];

function load(file: string | null): ReturnType<typeof koffi.load> {
  const library = koffi.load(file);
  libraries.push(library);
  return library;
}

function raiseStackSize(): void {
  try {
    koffi.config({ sync_stack_size: nativeStackBytes });
  } catch {
    // The host has already called native code through koffi in this thread; its stack size stands.
  }
}

function bindFunctions(addresses: readonly Pointer[]): OrtFunctions {
  const bind = (index: number, result: string, args: readonly string[]) =>
    koffi.decode(addresses[index], koffi.proto(result, [...args])) as (...args: unknown[]) => unknown;
  const getErrorCode = bind(1, 'int', [pointer]);
  const getErrorMessage = bind(2, 'str', [pointer]);
  const releaseStatus = bind(releaseFunctions.ReleaseStatus, 'void', [pointer]);
  const functions: Record<string, unknown> = {};
  for (const [name, [index, args]] of Object.entries(statusFunctions)) {
    const native = bind(index, pointer, args);
    functions[name] = (...given: unknown[]) => {
      const status = native(...given);
      if (status === null) return;
      const error = new OrtError(getErrorCode(status) as number, getErrorMessage(status) as string);
      releaseStatus(status);
      throw error;
    };
  }
  for (const [name, index] of Object.entries(releaseFunctions))
    functions[name] = bind(index, 'void', [pointer]);
  return functions as unknown as OrtFunctions;
}

/** One native word that a function writes its result into. Not reentrant: read it before the next call. */
export class OutWord {
  /** Pass this to the native function. */
  readonly memory = new BigUint64Array(1);

  /** The result as an address. */
  get pointer(): Pointer {
    return this.memory[0] as bigint;
  }

  /** The result as a count (`size_t`). */
  get count(): number {
    return Number(this.memory[0]);
  }

  /** The result as a C `int` or enum: the low 32 bits (every platform we run on is little-endian). */
  get int(): number {
    return Number(BigInt.asIntN(32, this.memory[0] as bigint));
  }
}
