import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pino from 'pino';
import { type Logger, ModelServer, type ModelServerOptions, tensor } from 'servable';
import { createHttpHandler } from 'servable/http';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { Certificates, hasOpenssl } from '../support/certificates.js';
import { FakeClock } from '../support/fake-clock.js';
import { serveHttpForTest } from '../support/http.js';
import * as authored from '../support/onnx/authored-models.js';
import { temporaryFolder, writeModel } from '../support/onnx/model-folder.js';
import { rejection } from '../support/rejection.js';
import { collectUncaught } from '../support/uncaught.js';

const folder = temporaryFolder();
writeModel(folder, 'linear', 1, authored.linear(1, 1));
writeModel(folder, 'broken', 1, new Uint8Array([1]));

const x = tensor('float32', [1], [1]);

type Line = Readonly<Record<string, unknown>> & { readonly level: string; readonly msg: string };

/** pino itself, and what it has written. */
function newLog(): { readonly logger: Logger; readonly lines: Line[] } {
  const lines: Line[] = [];
  const options = {
    level: 'debug',
    base: null,
    timestamp: false,
    formatters: { level: (level: string) => ({ level }) },
  };
  return { logger: pino(options, { write: (line: string) => void lines.push(JSON.parse(line)) }), lines };
}

function newServer(options: Partial<ModelServerOptions>, ...names: readonly string[]): ModelServer {
  const models = names.map((name) => ({ name, basePath: join(folder, name) }));
  const server = new ModelServer({ models, pollIntervalMs: 0, ...options });
  onTestFinished(() => server.close());
  return server;
}

describe('the log', () => {
  it('has a line for each event that matters, with fields to search by', async () => {
    const { logger, lines } = newLog();
    const server = newServer({ logger }, 'linear', 'broken', 'missing');
    await server.start();
    await server.reconfigure([{ name: 'linear', basePath: join(folder, 'linear'), labels: { stable: 1 } }]);
    await server.close();
    const about = (model: string) => lines.filter((line) => line.model === model);
    expect(about('linear')).toEqual([
      {
        level: 'debug',
        event: 'version state',
        model: 'linear',
        version: 1,
        state: 'START',
        msg: 'linear@1 is START',
      },
      {
        level: 'info',
        event: 'version state',
        model: 'linear',
        version: 1,
        state: 'LOADING',
        msg: 'linear@1 is LOADING',
      },
      {
        level: 'info',
        event: 'version state',
        model: 'linear',
        version: 1,
        state: 'AVAILABLE',
        durationMs: expect.any(Number),
        memoryBytes: expect.any(Number),
        msg: 'linear@1 is AVAILABLE',
      },
      {
        level: 'info',
        event: 'label',
        model: 'linear',
        label: 'stable',
        to: 1,
        msg: 'The label stable of linear points to 1',
      },
      {
        level: 'info',
        event: 'label',
        model: 'linear',
        label: 'stable',
        from: 1,
        msg: 'The label stable of linear points to no version',
      },
      {
        level: 'info',
        event: 'version state',
        model: 'linear',
        version: 1,
        state: 'DRAINING',
        msg: 'linear@1 is DRAINING',
      },
      {
        level: 'debug',
        event: 'version state',
        model: 'linear',
        version: 1,
        state: 'UNLOADING',
        msg: 'linear@1 is UNLOADING',
      },
      {
        level: 'info',
        event: 'version state',
        model: 'linear',
        version: 1,
        state: 'END',
        msg: 'linear@1 is END',
      },
    ]);
    expect(about('broken').at(-1)).toMatchObject({
      level: 'error',
      state: 'END',
      code: 'DATA_LOSS',
      reason: expect.stringContaining('Cannot load broken@1'),
    });
    expect(about('missing')).toEqual([
      {
        level: 'error',
        event: 'base path',
        model: 'missing',
        code: 'NOT_FOUND',
        reason: expect.any(String),
        msg: expect.any(String),
      },
    ]);
    const others = lines.filter(({ model }) => model === undefined);
    expect(others).toEqual([
      {
        level: 'info',
        event: 'started',
        models: ['linear', 'broken', 'missing'],
        msg: 'Serving linear, broken, missing',
      },
      { level: 'info', event: 'models', models: ['linear'], msg: 'To be served: linear' },
      { level: 'info', event: 'closing', msg: 'Taking no more requests' },
      { level: 'info', event: 'closed', msg: 'Closed' },
    ]);
  });

  it('tells what became of a config file', async () => {
    const { logger, lines } = newLog();
    const path = join(folder, 'models.config');
    const config = (name: string) =>
      `model_config_list { config { name: "${name}" base_path: "${join(folder, 'linear')}" model_platform: "onnx" } }`;
    writeFileSync(path, config('one'));
    const clock = new FakeClock();
    const server = new ModelServer({ configFile: { path, pollIntervalMs: 1000 }, logger, clock });
    onTestFinished(() => server.close());
    await server.start();
    const told = new Promise((resolve) => server.once('config', resolve));
    writeFileSync(path, 'model_config_list { what }');
    clock.advance(1000);
    await told;
    const config_lines = lines.filter(({ event }) => event === 'config');
    expect(config_lines.at(-1)).toMatchObject({ level: 'error', path, code: 'INVALID_ARGUMENT' });
  });

  it.skipIf(!hasOpenssl)('tells of certificates that cannot be taken over', async () => {
    const { logger, lines } = newLog();
    const server = newServer({ logger }, 'linear');
    const certificates = new Certificates(folder);
    const { key, cert } = certificates.issue(certificates.authority('authority'), 'localhost', '01');
    const files = { keyFile: join(folder, 'key.pem'), certFile: join(folder, 'cert.pem') };
    writeFileSync(files.keyFile, key);
    writeFileSync(files.certFile, cert);
    const clock = new FakeClock();
    const handler = createHttpHandler(server, { tls: { ...files, pollIntervalMs: 1000 }, clock });
    onTestFinished(() => handler.close({ graceMs: 0 }));
    await handler.listen('127.0.0.1:0');
    writeFileSync(files.certFile, 'no certificate');
    await vi.waitFor(() => {
      clock.advance(1000);
      const [line] = lines.filter(({ event }) => event === 'listener');
      expect(line).toMatchObject({ level: 'error', code: 'INVALID_ARGUMENT' });
    });
  });

  it('never holds what requests hold', async () => {
    const { logger, lines } = newLog();
    const server = newServer({ logger, slowRequestMs: 0 }, 'linear');
    await server.start();
    const secret = tensor('float32', [1], [123456.7]);
    await server.predict('linear', { x: secret });
    await rejection(server.predict('linear', { secretName: secret }));
    expect(lines.filter(({ event }) => event === 'slow request')).toHaveLength(2);
    expect(JSON.stringify(lines)).not.toContain('123456');
  });

  it('does nothing to the server where it throws', async () => {
    const fail = () => {
      throw new Error('the disk of the log is full');
    };
    const logger = { debug: fail, info: fail, warn: fail, error: fail };
    const { uncaught } = collectUncaught();
    const server = newServer({ logger, slowRequestMs: 0 }, 'linear');
    await server.start();
    expect((await server.predict('linear', { x })).outputs.y?.data).toEqual(new Float32Array([2]));
    await server.close();
    expect((await uncaught()).length).toBeGreaterThan(3);
  });

  it('is silent by default: nothing on stdout and stderr, whatever happens', () => {
    const program = `
      import { ModelServer, tensor } from 'servable';
      const models = ${JSON.stringify(['linear', 'broken', 'missing'])}.map((name) => ({
        name, basePath: ${JSON.stringify(folder)} + '/' + name, batching: {}, warmup: 'synthetic' }));
      const server = await new ModelServer({ models, pollIntervalMs: 0 }).start();
      await server.predict('linear', { x: tensor('float32', [1], [1]) });
      await server.predict('broken', {}).catch(() => {});
      await server.close();`;
    const repository = fileURLToPath(new URL('../..', import.meta.url));
    const output = execFileSync(
      'sh',
      ['-c', '"$0" --input-type=module --eval "$1" 2>&1', process.execPath, program],
      { cwd: repository, encoding: 'utf8' },
    );
    expect(output).toBe('');
  });
});

describe('slow requests', () => {
  it('are told with where the time went, in stages that add up', async () => {
    const { logger, lines } = newLog();
    const server = newServer({ logger, slowRequestMs: 0 }, 'linear');
    await server.start();
    const http = await serveHttpForTest(server);
    await server.predict('linear', { x });
    const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
    const headers = { traceparent: `00-${traceId}-00f067aa0ba902b7-01` };
    await http.post('/v1/models/linear:predict', { instances: [1, 2] }, headers);
    await http.post('/v1/models/nobody:predict', { instances: [1] });
    const slow = lines.filter(({ event }) => event === 'slow request');
    const known = {
      level: 'warn',
      event: 'slow request',
      model: 'linear',
      version: 1,
      method: 'predict',
      code: 'OK',
    };
    const more = { durationMs: expect.any(Number), stages: expect.any(Object), msg: expect.any(String) };
    expect(slow).toEqual([
      { ...known, ...more, entrypoint: 'in-process', rows: 1 },
      { ...known, ...more, entrypoint: 'REST', rows: 2, traceId },
      {
        ...more,
        level: 'warn',
        event: 'slow request',
        model: 'nobody',
        method: 'predict',
        entrypoint: 'REST',
        code: 'NOT_FOUND',
        rows: 0,
      },
    ]);
    for (const { durationMs, stages } of slow) {
      const parts = Object.values(stages as Readonly<Record<string, number>>);
      expect(parts).toHaveLength(5);
      expect(parts.reduce((sum, part) => sum + part)).toBeCloseTo(durationMs as number, 1);
      for (const part of parts) expect(part).toBeGreaterThanOrEqual(0);
    }
  });

  it('are those alone that take as long as is said', async () => {
    const { logger, lines } = newLog();
    const clock = new FakeClock(); // on which nothing takes any time
    const server = newServer({ logger, clock, slowRequestMs: 1 }, 'linear');
    await server.start();
    await server.predict('linear', { x });
    expect(lines.filter(({ event }) => event === 'slow request')).toEqual([]);
  });
});
