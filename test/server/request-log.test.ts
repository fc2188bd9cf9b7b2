import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ModelServer, type ModelServerOptions, type RequestEntry, tensor, type WarmupReport } from 'servable';
import { describe, expect, it } from 'vitest';
import { decodeRequest } from '#dist/wire/decode-request.js';
import { readRecords } from '#dist/wire/tfrecord.js';
import * as authored from '../support/onnx/authored-models.js';
import { temporaryFolder, writeModel } from '../support/onnx/model-folder.js';
import { rejection } from '../support/rejection.js';

const folder = temporaryFolder();
let count = 0;
function arrange() {
  const name = `m${count++}`;
  const basePath = writeModel(folder, name, 1, authored.linear(1, 1));
  return { name, basePath, prefix: join(folder, `${name}-logs`, 'requests') };
}
const x = (value: number) => ({ x: tensor('float32', [1], [value]) });
const filesOf = (prefix: string) =>
  readdirSync(join(prefix, '..')).filter((file) => file.endsWith('.tfrecord'));
async function requestsIn(file: string) {
  const requests = [];
  for await (const record of readRecords(readFileSync(file))) requests.push(decodeRequest(record));
  return requests;
}

describe('a request log', () => {
  it('is the warm-up file of the next version', async () => {
    const { name, basePath, prefix } = arrange();
    const model = { name, basePath, requestLog: { samplingRate: 1, filenamePrefix: prefix } };
    const server = await new ModelServer({ models: [model], pollIntervalMs: 0 }).start();
    const inputs = x(7);
    const first = server.predict(name, inputs, { outputs: ['y'] });
    inputs.x.data.fill(-1); // the caller's own business
    const { outputs } = await first;
    (outputs.y as { readonly data: Float32Array }).data.fill(-1);
    await server.predict({ model: name, version: 1 }, x(8));
    await server.close();

    const [file] = filesOf(prefix);
    const log = join(prefix, '..', file as string);
    expect(await requestsIn(log)).toMatchObject([
      {
        kind: 'predict',
        spec: { model: name, version: 1, signature: 'serving_default' },
        inputs: { x: { dtype: 'float32', shape: [1], data: Float32Array.of(7) } },
        outputFilter: ['y'],
      },
      { inputs: { x: { data: Float32Array.of(8) } }, outputFilter: [] },
    ]);

    writeModel(folder, name, 2, authored.linear(1, 2));
    mkdirSync(join(basePath, '2', 'assets.extra'));
    cpSync(log, join(basePath, '2', 'assets.extra', 'tf_serving_warmup_requests'));
    const reports: WarmupReport[] = [];
    const options: ModelServerOptions = {
      models: [{ name, basePath }],
      pollIntervalMs: 0,
      lifecycleObserver: { onWarmup: (report) => reports.push(report) },
    };
    await using next = await new ModelServer(options).start();
    expect(next.isReady({ model: name, version: 2 })).toBe(true);
    expect(reports).toMatchObject([{ id: { model: name, version: 2 }, requests: 2, runs: 2 }]);
  });

  it('is asked for by a config file, whatever collector it names', async () => {
    const { name, basePath, prefix } = arrange();
    const path = join(folder, `${name}.config`);
    writeFileSync(
      path,
      `model_config_list { config { name: "${name}" base_path: "${basePath}" model_platform: "onnx"
         logging_config { log_collector_config { type: "" filename_prefix: "${prefix}" } sampling_config { sampling_rate: 1 } } } }`,
    );
    const server = await new ModelServer({ configFile: { path }, pollIntervalMs: 0 }).start();
    await server.predict(name, x(1));
    await server.close();
    expect(filesOf(prefix)).toHaveLength(1);
  });

  it('goes to a collector of the host’s where there is one', async () => {
    const { name, basePath } = arrange();
    const entries: RequestEntry[] = [];
    const requestLog = {
      samplingRate: 1,
      collector: { collect: (entry: RequestEntry) => void entries.push(entry) },
    };
    const server = await new ModelServer({
      models: [{ name, basePath, requestLog }],
      pollIntervalMs: 0,
    }).start();
    await server.predict(name, x(1));
    await server.close();
    expect(entries).toMatchObject([
      {
        spec: { model: name, version: 1, signature: 'serving_default' },
        inputs: { x: { data: Float32Array.of(1) } },
        outputs: { y: { data: Float32Array.of(2) } },
      },
    ]);
  });

  it('has nothing of requests that fail, and of models without one', async () => {
    const { name, basePath, prefix } = arrange();
    const other = arrange();
    const requestLog = { samplingRate: 1, filenamePrefix: prefix };
    const server = await new ModelServer({
      models: [
        { name, basePath, requestLog },
        { name: other.name, basePath: other.basePath },
      ],
      pollIntervalMs: 0,
    }).start();
    await rejection(server.predict(name, { x: tensor('int8', [1], [1]) }));
    await server.predict(other.name, x(1));
    await server.close();
    expect(existsSync(join(prefix, '..')) ? filesOf(prefix) : []).toEqual([]);
  });

  it('ends and begins with a change of models', async () => {
    const { name, basePath, prefix } = arrange();
    const requestLog = { samplingRate: 1, filenamePrefix: prefix };
    await using server = await new ModelServer({ models: [{ name, basePath }], pollIntervalMs: 0 }).start();
    await server.predict(name, x(1));
    await server.reconfigure([{ name, basePath, requestLog }]);
    await server.predict(name, x(2));
    await server.reconfigure([{ name, basePath }]);
    await server.predict(name, x(3));
    const files = filesOf(prefix);
    expect(files).toHaveLength(1);
    const requests = await requestsIn(join(prefix, '..', files[0] as string));
    expect(requests).toMatchObject([{ inputs: { x: { data: Float32Array.of(2) } } }]);
  });

  it('never fails a request: a folder that cannot be made is told, and what was to be logged is dropped', async () => {
    const { name, basePath } = arrange();
    const blocked = join(folder, `${name}-file`);
    writeFileSync(blocked, '');
    const dropped: string[] = [];
    const failures: string[] = [];
    const server = await new ModelServer({
      models: [
        { name, basePath, requestLog: { samplingRate: 1, filenamePrefix: join(blocked, 'requests') } },
      ],
      pollIntervalMs: 0,
      requestLogObserver: {
        onDropped: ({ reason }) => dropped.push(reason),
        onFailure: ({ message }) => failures.push(message),
      },
    }).start();
    for (let each = 0; each < 3; each++) await server.predict(name, x(each));
    await server.close();
    expect([dropped, failures.length]).toEqual([['write failed', 'write failed', 'write failed'], 1]);
  });

  it.each<[object, string]>([
    [{ samplingRate: 2, filenamePrefix: '/x' }, 'models[0].requestLog.samplingRate'],
    [{ samplingRate: 1 }, 'models[0].requestLog.filenamePrefix'],
    [{ rate: 1 }, 'models[0].requestLog.rate'],
  ])('is refused as %j', (requestLog, option) => {
    const { name, basePath } = arrange();
    expect(() => new ModelServer({ models: [{ name, basePath, requestLog } as never] })).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', option }),
    );
  });
});
