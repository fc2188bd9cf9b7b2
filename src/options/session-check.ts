import { assertKeys, assertNumber, assertObject, assertOneOf, assertString } from '../core/option-check.js';
import type { SessionOptions } from '../runner/session-options.js';

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
