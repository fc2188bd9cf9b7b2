/** The address of a native object. Valid in every thread of the process; 0n is null. */
export type Pointer = bigint;

/**
 * The version of onnxruntime's C API that the table below is written against. The table only grows, so any library
 * that knows this version will do.
 */
export const apiVersion = 25;

/** The type of every address, in koffi's words. */
export const pointer = 'void *';
/** Text in the platform's path encoding (`ORTCHAR_T`). */
const path = (process.platform === 'win32' ? 'str16' : 'str') as 'str';

/**
 * The functions in use: place in the table and arguments. All of them return an `OrtStatus *`.
 *
 * Source: onnxruntime, include/onnxruntime/core/session/onnxruntime_c_api.h, `struct OrtApi`; places checked
 * against the offsets of release 1.25 and by use on 1.30.0.
 */
export const statusFunctions = {
  CreateEnv: [3, ['int', 'str', pointer]],
  DisableTelemetryEvents: [6, [pointer]],
  CreateSession: [7, [pointer, path, pointer, pointer]],
  CreateSessionFromArray: [8, [pointer, pointer, 'size_t', pointer, pointer]],
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
  CreateMemoryInfo: [68, ['str', 'int', 'int', 'int', pointer]],
  CreateCpuMemoryInfo: [69, ['int', 'int', pointer]],
  AllocatorAlloc: [75, [pointer, 'size_t', pointer]],
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
  CreateAllocator: [131, [pointer, pointer, pointer]],
  RunWithBinding: [133, [pointer, pointer, pointer]],
  CreateIoBinding: [134, [pointer, pointer]],
  BindInput: [136, [pointer, pointer, pointer]],
  BindOutputToDevice: [138, [pointer, pointer, pointer]],
  GetBoundOutputValues: [140, [pointer, pointer, pointer, pointer]],
  CreateArenaCfgV2: [164, [pointer, pointer, 'size_t', pointer]],
  AddRunConfigEntry: [165, [pointer, 'str', 'str']],
  SessionOptionsAppendExecutionProvider_TensorRT_V2: [170, [pointer, pointer]],
  CreateTensorRTProviderOptions: [171, [pointer]],
  UpdateTensorRTProviderOptions: [172, [pointer, pointer, pointer, 'size_t']],
  UnregisterAllocator: [177, [pointer, pointer]],
  SessionOptionsAppendExecutionProvider_CUDA_V2: [204, [pointer, pointer]],
  CreateCUDAProviderOptions: [205, [pointer]],
  UpdateCUDAProviderOptions: [206, [pointer, pointer, pointer, 'size_t']],
  SessionOptionsAppendExecutionProvider: [216, [pointer, 'str', pointer, pointer, 'size_t']],
  GetResizedStringTensorElementBuffer: [252, [pointer, 'size_t', 'size_t', pointer]],
  CreateAndRegisterAllocatorV2: [259, [pointer, 'str', pointer, pointer, pointer, pointer, 'size_t']],
  SessionOptionsSetLoadCancellationFlag: [293, [pointer, 'bool']],
  RegisterExecutionProviderLibrary: [301, [pointer, 'str', path]],
  GetEpDevices: [303, [pointer, pointer, pointer]],
  SessionOptionsAppendExecutionProvider_V2: [
    304,
    [pointer, pointer, pointer, 'size_t', pointer, pointer, 'size_t'],
  ],
  AllocatorGetStats: [319, [pointer, pointer]],
  Session_GetEpGraphAssignmentInfo: [407, [pointer, pointer, pointer]],
  EpAssignedSubgraph_GetEpName: [408, [pointer, pointer]],
  EpAssignedSubgraph_GetNodes: [409, [pointer, pointer, pointer]],
  GetTensorElementTypeAndShapeDataReference: [414, [pointer, pointer, pointer, pointer]],
} as const satisfies Readonly<Record<string, readonly [number, readonly string[]]>>;

/** The functions that return a text, which belongs to the object asked; null where it has none. */
export const textFunctions = {
  GetKeyValue: [297, [pointer, 'str']],
  EpDevice_EpName: [312, [pointer]],
} as const satisfies Readonly<Record<string, readonly [number, readonly string[]]>>;

/** The functions that take one object and give it back; they return nothing. */
export const releaseFunctions = {
  ReleaseEnv: 92,
  ReleaseStatus: 93,
  ReleaseMemoryInfo: 94,
  ReleaseSession: 95,
  ReleaseValue: 96,
  ReleaseRunOptions: 97,
  ReleaseTypeInfo: 98,
  ReleaseSessionOptions: 100,
  ReleaseModelMetadata: 118,
  ReleaseAllocator: 132,
  ReleaseIoBinding: 135,
  ReleaseArenaCfg: 157,
  ReleaseTensorRTProviderOptions: 174,
  ReleaseCUDAProviderOptions: 208,
  ReleaseKeyValuePairs: 300,
} as const;

/** Functions in the table of that version. */
export const functionCount = 415;

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
} & {
  readonly [N in keyof typeof textFunctions]: (
    ...args: ArgumentsOf<(typeof textFunctions)[N][1]>
  ) => string | null;
} & { readonly [N in keyof typeof releaseFunctions]: (object: Pointer) => void };
