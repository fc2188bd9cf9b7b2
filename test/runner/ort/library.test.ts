import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findLibrary, libraryCandidates } from '#dist/runner/ort/library.js';
import { caught } from '../../support/caught.js';

const packageFolder = dirname(createRequire(import.meta.url).resolve('onnxruntime-node/package.json'));

describe('findLibrary', () => {
  it.each([
    ['linux', 'x64'],
    ['linux', 'arm64'],
    ['darwin', 'arm64'],
    ['win32', 'x64'],
    ['win32', 'arm64'],
  ])('finds the library that onnxruntime-node ships for %s/%s', (platform, arch) => {
    const file = findLibrary(platform, arch);
    expect(libraryCandidates(packageFolder, platform, arch)).toContain(file);
    expect(existsSync(file)).toBe(true);
  });

  it.each([
    ['sunos', 'x64'],
    ['linux', 's390x'],
  ])('says so where there is none for %s/%s', (platform, arch) => {
    expect(caught(() => findLibrary(platform, arch))).toMatchObject({
      code: 'FAILED_PRECONDITION',
      actual: `${platform}/${arch}`,
    });
  });
});
