import {
  assertKeys,
  assertNumber,
  assertObject,
  assertOneOf,
  assertString,
  optionError,
} from '../core/option-check.js';
import type { ProviderOptions, SessionOptions } from '../runner/session-options.js';

const sessionKeys: Readonly<Record<keyof SessionOptions, (value: never, path: string) => void>> = {
  intraOpNumThreads: (value, path) => assertNumber(value, path, { min: 1, isInteger: true }),
  interOpNumThreads: (value, path) => assertNumber(value, path, { min: 1, isInteger: true }),
  externalData: (value, path) => assertOneOf(value, path, ['copied', 'mapped']),
  executionMode: (value, path) => assertOneOf(value, path, ['sequential', 'parallel']),
  graphOptimization: (value, path) =>
    assertOneOf(value, path, ['disabled', 'basic', 'extended', 'layout', 'all']),
  memoryPattern: assertBoolean,
  cpuArena: assertBoolean,
  allowSpinning: assertBoolean,
  configEntries: assertStrings,
  runConfigEntries: assertStrings,
  freeDimensions: assertSizes,
  providers: assertProviders,
  logSeverity: (value, path) => assertOneOf(value, path, [0, 1, 2, 3, 4]),
};

/** @internal @throws ServingError INVALID_ARGUMENT naming the option. */
export function assertSession(session: SessionOptions, path: string): void {
  assertObject(session, path);
  assertKeys(session, path, Object.keys(sessionKeys));
  for (const [key, value] of Object.entries(session)) {
    if (value !== undefined) sessionKeys[key as keyof SessionOptions](value as never, `${path}.${key}`);
  }
}

function assertBoolean(value: unknown, path: string): void {
  assertOneOf(value, path, [true, false]);
}

function assertStrings(value: unknown, path: string): void {
  assertObject(value, path);
  for (const [key, text] of Object.entries(value))
    assertString(text, `${path}["${key}"]`, { isEmptyAllowed: true });
}

function assertSizes(value: unknown, path: string): void {
  assertObject(value, path);
  for (const [key, size] of Object.entries(value)) {
    assertNumber(size, `${path}["${key}"]`, { min: 0, isInteger: true });
  }
}

function assertProviders(value: unknown, path: string): void {
  if (!Array.isArray(value)) throw optionError(path, value, 'an array of names or { name, options }');
  for (const [index, provider] of (value as (string | ProviderOptions)[]).entries()) {
    const at = `${path}[${index}]`;
    if (typeof provider === 'string') {
      assertString(provider, at);
      continue;
    }
    assertObject(provider, at, 'a name or { name, options }');
    assertKeys(provider, at, ['name', 'options']);
    assertString(provider.name, `${at}.name`);
    if (provider.options !== undefined) assertStrings(provider.options, `${at}.options`);
  }
}
