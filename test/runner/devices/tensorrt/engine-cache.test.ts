import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type EngineCacheRequest, prepareEngineCache } from '#dist/runner/devices/tensorrt/engine-cache.js';
import { temporaryFolder } from '../../../support/onnx/model-folder.js';
import { rejection } from '../../../support/rejection.js';

const versionPath = temporaryFolder();
const model = join(versionPath, 'model.onnx');
const weights = join(versionPath, 'weights.bin');
const machine = {
  gpu: 'NVIDIA H200 (Rev. 2)',
  driverVersion: '570.86.15',
  runtimeVersion: '1.30.0',
  tensorRtVersion: '10.9.0',
};

function request(change: Partial<EngineCacheRequest> = {}): EngineCacheRequest {
  writeFileSync(model, 'a model');
  writeFileSync(weights, 'its weights');
  writeFileSync(join(versionPath, 'table'), 'ranges');
  return {
    folder: temporaryFolder(),
    versionPath,
    files: [model, weights],
    machine,
    options: {},
    ranges: { x: { min: [1], opt: [8], max: [8] } },
    ...change,
  };
}

const nameOf = async (change: Partial<EngineCacheRequest> = {}, touch = () => {}) => {
  const whole = request(change);
  touch();
  const { engineFolder } = await prepareEngineCache(whole);
  return engineFolder.slice(whole.folder.length + 1);
};

describe('the folder of a model’s engines', () => {
  it('is made, and called by GPU, versions and the model’s content', async () => {
    const whole = request();
    const { engineFolder, timingFolder } = await prepareEngineCache(whole);
    expect(statSync(engineFolder).isDirectory()).toBe(true);
    expect(timingFolder).toBe(join(whole.folder, 'NVIDIA_H200_Rev._2_-driver570.86.15-ort1.30.0-trt10.9.0'));
    expect(engineFolder).toMatch(/\/[0-9a-f]{32}$/);
    expect(await prepareEngineCache(whole)).toEqual({ engineFolder, timingFolder });
  });

  it('is the same for the same model in another place, and whatever the server calls it', async () => {
    expect(await nameOf()).toBe(await nameOf());
  });

  it.each<[string, Partial<EngineCacheRequest>, (() => void)?]>([
    ['other weights', {}, () => writeFileSync(weights, 'others')],
    ['another graph', {}, () => writeFileSync(model, 'another')],
    ['another GPU', { machine: { ...machine, gpu: 'NVIDIA T4' } }],
    ['another driver', { machine: { ...machine, driverVersion: '580.1' } }],
    ['another TensorRT', { machine: { ...machine, tensorRtVersion: '10.10.0' } }],
    ['another onnxruntime', { machine: { ...machine, runtimeVersion: '1.31.0' } }],
    ['another precision', { options: { fp16: true } }],
    ['other shapes', { ranges: { x: { min: [1], opt: [16], max: [16] } } }],
    ['a table of ranges', { options: { int8: { calibrationTable: 'table' } } }],
  ])('is another one for %s', async (_, change, touch) => {
    expect(await nameOf(change, touch)).not.toBe(await nameOf());
  });

  it('does not depend on where it is to be', async () => {
    expect(await nameOf({ options: { cacheDirectory: '/elsewhere' } })).toBe(await nameOf());
  });

  it('has the table of ranges, and is another one for another table', async () => {
    const options = { int8: { calibrationTable: 'table' } };
    const { engineFolder } = await prepareEngineCache(request({ options }));
    expect(readFileSync(join(engineFolder, 'table'), 'utf8')).toBe('ranges');
    const other = await nameOf({ options }, () => writeFileSync(join(versionPath, 'table'), 'others'));
    expect(other).not.toBe(await nameOf({ options }));
  });

  it('that cannot be made is refused by its path, and so is a table that is not there', async () => {
    const file = join(temporaryFolder(), 'file');
    writeFileSync(file, '');
    const error = await rejection(prepareEngineCache(request({ folder: file })));
    expect(error).toMatchObject({
      code: 'FAILED_PRECONDITION',
      expected: `a folder ${file} that can be written`,
    });
    const options = { int8: { calibrationTable: 'nowhere' } };
    const missing = await rejection(prepareEngineCache(request({ options })));
    expect(missing.message).toMatch(/^Cannot prepare the folder of its engines: ENOENT/);
  });
});
