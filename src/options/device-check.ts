import { basename } from 'node:path';
import { defined } from '../core/defined.js';
import {
  assertKeys,
  assertNumber,
  assertObject,
  assertOneOf,
  assertString,
  optionError,
} from '../core/option-check.js';
import { parseDevice } from '../runner/devices/device-name.js';
import type { DeviceOptions } from '../runner/devices/device-options.js';
import type { Int8Options, ShapeRange } from '../runner/devices/tensorrt/tensorrt-options.js';
import type { ProviderOptions } from '../runner/session-options.js';

type Check = (value: unknown, path: string) => void;

const isPositive: Check = (value, path) => assertNumber(value, path, { min: 1, isInteger: true });
const isBoolean: Check = (value, path) => assertOneOf(value, path, [true, false]);
const oneOf =
  (...allowed: readonly unknown[]): Check =>
  (value, path) =>
    assertOneOf(value, path, allowed);

const deviceChecks: Readonly<Record<keyof DeviceOptions, Check>> = {
  device: assertDevice,
  fallback: oneOf('fail', 'cpu'),
  gpuMemoryLimitBytes: isPositive,
  shrinkArena: isBoolean,
  cuda: (value, path) => assertFields(value, path, cudaChecks),
  tensorrt: (value, path) => assertFields(value, path, tensorRtChecks),
};

const cudaChecks: Readonly<Record<keyof NonNullable<DeviceOptions['cuda']>, Check>> = {
  convSearch: oneOf('exhaustive', 'heuristic', 'default'),
  convMaxWorkspace: isBoolean,
  tf32: isBoolean,
  preferNhwc: isBoolean,
  graphs: isBoolean,
};

const int8Checks: Readonly<Record<keyof Int8Options, Check>> = {
  calibrationTable: assertFileName,
  isNative: isBoolean,
};

const tensorRtChecks: Readonly<Record<keyof NonNullable<DeviceOptions['tensorrt']>, Check>> = {
  fp16: isBoolean,
  int8: (value, path) => {
    assertFields(value, path, int8Checks);
    assertFileName((value as Int8Options).calibrationTable, `${path}.calibrationTable`);
  },
  workspaceBytes: isPositive,
  shapes: assertShapes,
  cacheDirectory: (value, path) => {
    if (value !== false) assertString(value, path);
  },
  builderOptimizationLevel: oneOf(0, 1, 2, 3, 4, 5),
};

/** @internal The names of what can be said of a model's device. */
export const deviceKeys = Object.keys(deviceChecks) as readonly (keyof DeviceOptions)[];

/** @internal Of a model's options, what is said of its device, and nothing else. */
export function deviceOf(options: DeviceOptions): DeviceOptions {
  return defined(Object.fromEntries(deviceKeys.map((key) => [key, options[key]])));
}

/**
 * @internal The same, checked; a copy.
 *
 * @throws ServingError INVALID_ARGUMENT naming the option.
 */
export function resolveDevice(options: DeviceOptions, path: string): DeviceOptions {
  const said = deviceOf(options);
  for (const [key, value] of Object.entries(said)) {
    deviceChecks[key as keyof DeviceOptions](value, path === '' ? key : `${path}.${key}`);
  }
  if (options.cuda?.graphs && options.shrinkArena) {
    const at = path === '' ? 'shrinkArena' : `${path}.shrinkArena`;
    throw optionError(at, true, 'false beside cuda.graphs: what was recorded goes on using its memory');
  }
  return structuredClone(said);
}

function assertFields(value: unknown, path: string, checks: Readonly<Record<string, Check>>): void {
  assertObject(value, path);
  assertKeys(value, path, Object.keys(checks));
  for (const [key, each] of Object.entries(value)) {
    if (each !== undefined) (checks[key] as Check)(each, `${path}.${key}`);
  }
}

function assertDevice(device: unknown, path: string): void {
  if (typeof device === 'string') {
    assertName(device, path);
  } else if (Array.isArray(device)) {
    if (device.length === 0) throw optionError(path, device, 'at least one device');
    for (const [index, name] of device.entries()) assertName(name, `${path}[${index}]`);
    const names = device.map((name: string) => parseDevice(name)?.name);
    if (new Set(names).size < names.length) throw optionError(path, device, 'each device once');
  } else {
    assertObject(device, path, 'a device, an array of devices, or { providers: […] }');
    assertKeys(device, path, ['providers']);
    assertProviders((device as { readonly providers?: unknown }).providers, `${path}.providers`);
  }
}

function assertName(name: unknown, path: string): void {
  if (typeof name === 'string' && parseDevice(name) !== undefined) return;
  throw optionError(path, name, 'cpu, cuda:0, tensorrt:0, webgpu, coreml or dml:0');
}

function assertProviders(value: unknown, path: string): void {
  if (!Array.isArray(value))
    throw optionError(path, value, 'an array of names or { name, options, library }');
  for (const [index, provider] of (value as (string | ProviderOptions)[]).entries()) {
    const at = `${path}[${index}]`;
    if (typeof provider === 'string') {
      assertString(provider, at);
      continue;
    }
    assertObject(provider, at, 'a name or { name, options, library }');
    assertKeys(provider, at, ['name', 'options', 'library']);
    assertString(provider.name, `${at}.name`);
    if (provider.library !== undefined) assertString(provider.library, `${at}.library`);
    assertObject(provider.options ?? {}, `${at}.options`);
    for (const [key, text] of Object.entries(provider.options ?? {})) {
      assertString(text, `${at}.options["${key}"]`, { isEmptyAllowed: true });
    }
  }
}

function assertFileName(value: unknown, path: string): void {
  assertString(value, path);
  if (basename(value) !== value)
    throw optionError(path, value, 'the name of a file in the version’s directory');
}

function assertShapes(value: unknown, path: string): void {
  assertObject(value, path);
  for (const [input, range] of Object.entries(value as Record<string, ShapeRange>)) {
    const at = `${path}["${input}"]`;
    assertObject(range, at, '{ min, opt, max }');
    assertKeys(range, at, ['min', 'opt', 'max']);
    for (const key of ['min', 'opt', 'max'] as const) {
      const shape: unknown = range[key];
      if (!Array.isArray(shape)) throw optionError(`${at}.${key}`, shape, 'an array of sizes');
      for (const [axis, size] of shape.entries()) isPositive(size, `${at}.${key}[${axis}]`);
    }
  }
}
