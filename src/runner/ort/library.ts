import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { ServingError } from '../../core/errors.js';

/** File name of onnxruntime's shared library in the package `onnxruntime-node`, by `process.platform`. */
const libraryFiles: Readonly<Record<string, readonly string[]>> = {
  linux: ['libonnxruntime.so.1'],
  darwin: ['libonnxruntime.1.dylib', 'libonnxruntime.dylib'],
  win32: ['onnxruntime.dll'],
};

/** The C runtime that exports `memcpy`, by platform; null is the process itself, which links it. */
const runtimeLibraries: Readonly<Record<string, string | null>> = {
  linux: null,
  darwin: null,
  win32: 'msvcrt.dll',
};

/** @internal Where the shared library lies, given the folder of the package `onnxruntime-node`. */
export function libraryCandidates(packageFolder: string, platform: string, arch: string): readonly string[] {
  const folder = join(packageFolder, 'bin', 'napi-v6', platform, arch);
  return (libraryFiles[platform] ?? []).map((file) => join(folder, file));
}

/** @internal The C library to take `memcpy` from. */
export function cRuntimeLibrary(platform: string = process.platform): string | null {
  return runtimeLibraries[platform] ?? null;
}

/**
 * Finds onnxruntime's shared library: the one that the installed package `onnxruntime-node` ships.
 *
 * @throws ServingError FAILED_PRECONDITION where the package is absent or ships none for this platform.
 */
export function findLibrary(platform: string = process.platform, arch: string = process.arch): string {
  const candidates = libraryCandidates(packageFolder(), platform, arch);
  const found = candidates.find((file) => existsSync(file));
  if (found !== undefined) return found;
  throw new ServingError(
    'FAILED_PRECONDITION',
    `Cannot start the engine: onnxruntime-node ships no library for ${platform}/${arch}, looked for ` +
      (candidates.join(', ') || 'nothing'),
    { actual: `${platform}/${arch}`, expected: 'linux, darwin or win32 on x64 or arm64' },
  );
}

function packageFolder(): string {
  try {
    return dirname(createRequire(import.meta.url).resolve('onnxruntime-node/package.json'));
  } catch (cause) {
    throw new ServingError(
      'FAILED_PRECONDITION',
      'Cannot start the engine: the package onnxruntime-node is not installed',
      { cause },
    );
  }
}
