import { type Logger, tensor } from 'servable';
import { describe, expect, it } from 'vitest';
import * as authored from '../support/onnx/authored-models.js';
import { temporaryFolder, writeModel } from '../support/onnx/model-folder.js';
import { rejection } from '../support/rejection.js';
import { serveForTest } from '../support/server.js';

const folder = temporaryFolder();
const basePath = writeModel(folder, 'linear', 1, authored.linear(1, 1));
const x = tensor('float32', [1], [1]);
/** A device that this platform’s onnxruntime has not. */
const elsewhere = process.platform === 'darwin' ? 'dml' : 'coreml';
const reason = new RegExp(`^${elsewhere}(:0)? cannot be used: onnxruntime-node has no \\w+ for`);

describe('a version whose device cannot be used', () => {
  it('is not served, by default, and says what is missing', async () => {
    const server = await serveForTest({ models: [{ name: 'linear', basePath, device: elsewhere }] });
    const [status] = server.status('linear');
    expect(status).toMatchObject({ state: 'END', error: { code: 'FAILED_PRECONDITION' } });
    expect(status?.error?.message).toMatch(/^Cannot load linear@1: /);
    expect(status?.error?.actual).toMatch(/^onnxruntime-node has no/);
    expect(await rejection(server.predict('linear', { x }))).toMatchObject({ code: 'NOT_FOUND' });
    expect(server.snapshot().models[0]?.versions[0]?.reason).toMatch(/could not be loaded/);
  });

  it('is served from the CPU where that may stand in, and everybody is told', async () => {
    const lines: {
      readonly level: string;
      readonly fields: Record<string, unknown>;
      readonly text: string;
    }[] = [];
    const log = (level: string) => (fields: object, text: string) =>
      void lines.push({ level, fields: fields as Record<string, unknown>, text });
    const logger = {
      debug: log('debug'),
      info: log('info'),
      warn: log('warn'),
      error: log('error'),
    } as Logger;
    const server = await serveForTest({
      models: [{ name: 'linear', basePath, device: elsewhere, fallback: 'cpu' }],
      logger,
    });
    const { outputs } = await server.predict('linear', { x });
    expect(outputs.y?.data).toEqual(Float32Array.of(2));
    const [status] = server.status('linear');
    expect(status?.device).toEqual({ devices: ['cpu'], fallback: expect.stringMatching(reason) });
    expect(server.snapshot().models[0]?.versions[0]?.device).toEqual(status?.device);
    const text = await server.metrics.collect();
    expect(text).toContain('servable_device_fallback{model="linear",version="1"} 1');
    expect(text).toContain('servable_version_device{model="linear",version="1",device="cpu"} 1');
    expect(lines.filter(({ level }) => level === 'warn')).toMatchObject([
      { fields: { event: 'fallback', model: 'linear', version: 1, reason: expect.stringMatching(reason) } },
    ]);
  });

  it('goes to the CPU as a whole where it has several devices and one of them fails', async () => {
    const server = await serveForTest({
      models: [{ name: 'linear', basePath, device: ['cpu', elsewhere], fallback: 'cpu' }],
    });
    expect(server.status('linear')[0]?.device).toMatchObject({
      devices: ['cpu'],
      fallback: expect.any(String),
    });
    const strict = await serveForTest({ models: [{ name: 'linear', basePath, device: ['cpu', elsewhere] }] });
    expect(strict.status('linear')).toMatchObject([{ state: 'END' }]);
  });

  it('is told from one that is itself at fault: that has no second chance on the CPU', async () => {
    const bad = writeModel(folder, 'bad', 1, new Uint8Array([1, 2, 3]));
    const server = await serveForTest({ models: [{ name: 'bad', basePath: bad, fallback: 'cpu' }] });
    expect(server.status('bad')).toMatchObject([{ state: 'END', error: { code: 'DATA_LOSS' } }]);
  });
});

describe('the server’s device', () => {
  it('is that of models which say nothing else', async () => {
    const server = await serveForTest({
      device: elsewhere,
      fallback: 'cpu',
      models: [
        { name: 'default', basePath },
        { name: 'own', basePath, device: 'cpu' },
        { name: 'strict', basePath, fallback: 'fail' },
      ],
    });
    expect(server.status('default')[0]?.device?.fallback).toMatch(reason);
    expect(server.status('own')[0]?.device).toEqual({ devices: ['cpu'] });
    expect(server.status('strict')).toMatchObject([{ state: 'END' }]);
  });

  it('is left by a model that is told so later, beside the requests that it has', async () => {
    const server = await serveForTest({
      models: [{ name: 'linear', basePath, device: elsewhere, fallback: 'cpu' }],
    });
    const asked = Array.from({ length: 20 }, () => server.predict('linear', { x }));
    await server.reconfigure([{ name: 'linear', basePath, device: 'cpu' }]);
    expect((await Promise.all(asked)).every(({ outputs }) => outputs.y?.data[0] === 2)).toBe(true);
    expect(server.status('linear')[0]?.device).toEqual({ devices: ['cpu'] });
  });
});

describe('a plugin with an execution provider', () => {
  const acme = (library: string) => ({ providers: [{ name: 'AcmeProvider', library }] });

  it('that is not there is named with its path', async () => {
    const server = await serveForTest({
      models: [{ name: 'linear', basePath, device: acme('/nowhere/libacme.so') }],
    });
    expect(server.status('linear')[0]?.error).toMatchObject({ code: 'FAILED_PRECONDITION' });
    expect(server.status('linear')[0]?.error?.message).toMatch(/AcmeProvider.*\/nowhere\/libacme\.so/);
  });

  it('that is a library of something else harms nobody', async () => {
    const library = process.platform === 'linux' ? 'libm.so.6' : process.execPath;
    const server = await serveForTest({
      models: [
        { name: 'linear', basePath, device: acme(library) },
        { name: 'good', basePath },
      ],
    });
    expect(server.status('linear')).toMatchObject([{ state: 'END', error: { code: 'FAILED_PRECONDITION' } }]);
    expect((await server.predict('good', { x })).outputs.y?.data).toEqual(Float32Array.of(2));
    const served = await serveForTest({
      models: [{ name: 'linear', basePath, device: acme(library), fallback: 'cpu' }],
    });
    expect(served.status('linear')).toMatchObject([{ state: 'AVAILABLE', device: { devices: ['cpu'] } }]);
  });
});
