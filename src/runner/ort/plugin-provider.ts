import koffi from 'koffi';
import type { ProviderOptions } from '../session-options.js';
import { type OrtApi, OrtError, OutWord, type Pointer } from './c-api.js';
import { pointer } from './function-table.js';
import { withKeyValues } from './native-strings.js';

/** `ORT_INVALID_ARGUMENT`. Source: onnxruntime_c_api.h, enum OrtErrorCode. */
const invalidArgument = 2;

/** What onnxruntime says where another session has loaded the library before. */
const alreadyRegistered = /already registered/;

/**
 * Loads a plugin's library into the environment, once, and appends the first device on which it has the provider.
 *
 * @throws OrtError with onnxruntime's reason, or the providers that there are where the plugin has no such one.
 */
export function appendPlugin(
  api: OrtApi,
  environment: Pointer,
  native: Pointer,
  { name, options = {}, library }: ProviderOptions & { readonly library: string },
): void {
  try {
    api.RegisterExecutionProviderLibrary(environment, library, library);
  } catch (error) {
    if (!(error instanceof OrtError) || !alreadyRegistered.test(error.message)) throw error;
  }
  const devices = epDevices(api, environment);
  const device = devices.find((each) => api.EpDevice_EpName(each) === name);
  if (device === undefined) {
    const names = devices.map((each) => api.EpDevice_EpName(each)).join(', ');
    throw new OrtError(invalidArgument, `${library} has no such provider, there are ${names}`);
  }
  withKeyValues(options, (keys, values, length) => {
    const chosen = BigUint64Array.of(device);
    api.SessionOptionsAppendExecutionProvider_V2(native, environment, chosen, 1, keys, values, length);
  });
}

/** Every device that a provider of the environment can use; they belong to the environment. */
function epDevices(api: OrtApi, environment: Pointer): readonly Pointer[] {
  const list = new OutWord();
  const count = new OutWord();
  api.GetEpDevices(environment, list.memory, count.memory);
  return count.count === 0 ? [] : koffi.decode(list.pointer, pointer, count.count);
}
