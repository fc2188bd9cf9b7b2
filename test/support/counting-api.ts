import type { OrtApi, Pointer } from '#dist/runner/ort/c-api.js';

/** Functions that hand out an object in their last argument, and the function that takes it back. */
const owners: Readonly<Record<string, keyof OrtApi>> = {
  CreateEnv: 'ReleaseEnv',
  CreateSession: 'ReleaseSession',
  CreateSessionOptions: 'ReleaseSessionOptions',
  CreateRunOptions: 'ReleaseRunOptions',
  CreateCpuMemoryInfo: 'ReleaseMemoryInfo',
  CreateIoBinding: 'ReleaseIoBinding',
  CreateAllocator: 'ReleaseAllocator',
  CreateTensorAsOrtValue: 'ReleaseValue',
  CreateTensorWithDataAsOrtValue: 'ReleaseValue',
  GetValue: 'ReleaseValue',
  SessionGetInputTypeInfo: 'ReleaseTypeInfo',
  SessionGetOutputTypeInfo: 'ReleaseTypeInfo',
  SessionGetOverridableInitializerTypeInfo: 'ReleaseTypeInfo',
  GetMapValueType: 'ReleaseTypeInfo',
  GetSequenceElementType: 'ReleaseTypeInfo',
  SessionGetModelMetadata: 'ReleaseModelMetadata',
  CreateCUDAProviderOptions: 'ReleaseCUDAProviderOptions',
  CreateTensorRTProviderOptions: 'ReleaseTensorRTProviderOptions',
  SessionGetInputName: 'AllocatorFree',
  SessionGetOutputName: 'AllocatorFree',
  SessionGetOverridableInitializerName: 'AllocatorFree',
  ModelMetadataGetProducerName: 'AllocatorFree',
  ModelMetadataGetGraphName: 'AllocatorFree',
  ModelMetadataGetDomain: 'AllocatorFree',
  ModelMetadataGetDescription: 'AllocatorFree',
  ModelMetadataLookupCustomMetadataMap: 'AllocatorFree',
};

/** onnxruntime's C API with an account of what it has handed out and not got back. */
export interface CountingApi {
  readonly api: OrtApi;
  /** What is out: the functions that would take it back, each as often as it is owed. */
  outstanding(): string[];
  /** How many objects have been handed out in all: a check that counts nothing proves nothing. */
  handedOut(): number;
}

/** Wraps a bound API. With `skip`, that function does nothing: a leak on purpose. */
export function countingApi(bound: OrtApi, skip?: keyof OrtApi): CountingApi {
  const out = new Map<Pointer, string>();
  let handedOut = 0;
  const give = (pointer: Pointer, owner: string) => {
    if (pointer === 0n) return;
    out.set(pointer, owner);
    handedOut++;
  };
  const wrap =
    (name: string, native: (...args: unknown[]) => unknown) =>
    (...args: unknown[]) => {
      if (name === skip) return;
      // Before the call: the address may be handed out again by another thread right after it.
      if (name === 'AllocatorFree') out.delete(args[1] as Pointer);
      else if (name.startsWith('Release')) out.delete(args[0] as Pointer);
      native(...args);
      const owner = owners[name];
      if (owner !== undefined) give((args.at(-1) as BigUint64Array)[0] as Pointer, owner);
      if (name === 'Run') for (const value of args.at(-1) as BigUint64Array) give(value, 'ReleaseValue');
    };
  const entries = Object.entries(bound).map(([name, member]) =>
    typeof member === 'function' && name !== 'copy' ? [name, wrap(name, member)] : [name, member],
  );
  return {
    api: Object.fromEntries(entries) as OrtApi,
    outstanding: () => [...out.values()].sort(),
    handedOut: () => handedOut,
  };
}
