import { closeSync, ftruncateSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readModelHeader } from '#dist/runner/files/model-header.js';
import * as authored from '../../support/onnx/authored-models.js';
import { externalWeights, weightsPlaces } from '../../support/onnx/external-models.js';
import { temporaryFolder } from '../../support/onnx/model-folder.js';

const file = join(temporaryFolder(), 'model.onnx');

function locationsIn(bytes: Uint8Array): readonly string[] {
  writeFileSync(file, bytes);
  return readModelHeader(file).externalLocations;
}

describe('the external data of a model file', () => {
  it.each(weightsPlaces)('finds the file of weights that are an %s', (place) => {
    expect(locationsIn(externalWeights('sub/größe.bin', place))).toEqual(['sub/größe.bin']);
  });

  it('finds none in a model that holds all of its weights, however large or deep', () => {
    const models = [authored.linear(), authored.nestedIf(), authored.heavy(10).model, authored.zipMap()];
    for (const bytes of models) expect(locationsIn(bytes)).toEqual([]);
  });

  it('names a file once that holds many tensors', () => {
    const twice = new Uint8Array([...externalWeights('w.bin'), ...externalWeights('w.bin')]);
    expect(locationsIn(twice)).toEqual(['w.bin']);
  });

  it('reads over weights of many gigabytes without reading them', () => {
    const gigabytes = 8;
    const descriptor = openSync(file, 'w');
    // A field that nobody knows, with a length of 8 GiB of nothing, then the model.
    writeSync(descriptor, Buffer.from([((99 << 3) & 0x7f) | 0x82, 0x06, 0x80, 0x80, 0x80, 0x80, 8 * 4]));
    ftruncateSync(descriptor, 7 + gigabytes * 2 ** 30);
    const tail = externalWeights('w.bin');
    writeSync(descriptor, tail, 0, tail.length, 7 + gigabytes * 2 ** 30);
    closeSync(descriptor);
    expect(readModelHeader(file).externalLocations).toEqual(['w.bin']);
    writeFileSync(file, '');
  });

  it('ends with what it has found where the file ends, wherever that is', () => {
    const whole = externalWeights('w.bin', 'branch constant');
    for (let length = 0; length <= whole.length; length++) {
      expect(['', 'w.bin']).toContain(locationsIn(whole.subarray(0, length)).join());
    }
  });

  it('does not trip over bytes that are no model', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(Array.isArray(locationsIn(bytes))).toBe(true);
      }),
      { numRuns: 300 },
    );
    const whole = externalWeights('w.bin', 'branch initializer');
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.integer({ min: 0, max: 255 }), (place, byte) => {
        const broken = Uint8Array.from(whole);
        broken[place] = byte;
        expect(Array.isArray(locationsIn(broken))).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  it('throws what the file system says where there is no file', () => {
    expect(() => readModelHeader(join(file, 'missing'))).toThrow(/ENOTDIR|ENOENT/);
  });
});
