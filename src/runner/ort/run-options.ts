import { type OrtApi, OutWord, type Pointer } from './c-api.js';

/** `ORT_LOGGING_LEVEL_FATAL`: what goes wrong reaches the caller as an error. */
const fatal = 4;

/** Native options for one run at a time, with run configuration entries; the caller releases them. */
export function createRunOptions(api: OrtApi, configEntries: Readonly<Record<string, string>> = {}): Pointer {
  const out = new OutWord();
  api.CreateRunOptions(out.memory);
  const runOptions = out.pointer;
  try {
    api.RunOptionsSetRunLogSeverityLevel(runOptions, fatal);
    for (const [key, value] of Object.entries(configEntries)) api.AddRunConfigEntry(runOptions, key, value);
    return runOptions;
  } catch (error) {
    api.ReleaseRunOptions(runOptions);
    throw error;
  }
}
