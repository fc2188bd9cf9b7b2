import { type OrtApi, OutWord, type Pointer } from './c-api.js';

/** `ORT_LOGGING_LEVEL_FATAL`: a guest does not write to the host's stderr. */
const fatal = 4;

const telemetrySwitch = 'ORT_DISABLE_TELEMETRY';

/**
 * Opens onnxruntime's environment. The process has one, counted: each call is paired with one `ReleaseEnv`.
 *
 * onnxruntime 1.29 and later start their telemetry (a thread, files under the user's cache folder, a log) with the
 * first environment, unless this variable is set at that moment; `DisableTelemetryEvents` comes too late for the
 * files and the thread. A host that has set the variable itself has the last word.
 */
export function openEnvironment(api: OrtApi): Pointer {
  const isSetByHost = process.env[telemetrySwitch] !== undefined;
  if (!isSetByHost) process.env[telemetrySwitch] = '1';
  try {
    const out = new OutWord();
    api.CreateEnv(fatal, 'servable', out.memory);
    const environment = out.pointer;
    if (!isSetByHost) api.DisableTelemetryEvents(environment);
    return environment;
  } finally {
    if (!isSetByHost) delete process.env[telemetrySwitch];
  }
}
