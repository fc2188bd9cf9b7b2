import { ModelServer, tensor } from 'servable';
import type { Examples } from 'servable/client';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { clientOf, type Listeners, listen, scriptedServer, wires } from '../support/client.js';
import * as authored from '../support/onnx/authored-models.js';
import { manySidedModel, manySidedSignatures } from '../support/onnx/inference-models.js';
import { temporaryFolder, writeModel } from '../support/onnx/model-folder.js';
import { rejection } from '../support/rejection.js';

const folder = temporaryFolder();
const beside = { 'signatures.json': JSON.stringify(manySidedSignatures) };
writeModel(folder, 'sided', 1, manySidedModel(), beside);
writeModel(folder, 'sided', 2, manySidedModel(), beside);
const strings = writeModel(folder, 'strings', 1, authored.passthrough(['string']), {
  'signatures.json': JSON.stringify({
    names: { inputs: { text: 'in_string' }, outputs: { classes: 'out_string' } },
  }),
});
const ids = writeModel(folder, 'ids', 1, authored.gatherTable(), {
  'signatures.json': JSON.stringify({ rows: { outputs: { scores: 'row' } } }),
});
const server = new ModelServer({
  models: [
    { name: 'sided', basePath: `${folder}/sided`, versionPolicy: 'all', labels: { old: 1 } },
    { name: 'strings', basePath: strings },
    { name: 'ids', basePath: ids },
    { name: 'broken', basePath: writeModel(folder, 'broken', 1, Buffer.from('no model')) },
  ],
});
let listeners: Listeners;
beforeAll(async () => {
  await server.start();
  listeners = await listen(server);
});
afterAll(async () => {
  await listeners.close();
  await server.close();
});

const examples: Examples = [{ x: [0.5, 1, -2] }, { x: Float32Array.of(3, 0.1, Number.NaN) }];

describe.each(wires)('over %s', (wire) => {
  it('classify answers as the server itself does', async () => {
    for (const signature of ['both', 'listed', 'scores', 'classes'] as const) {
      const rows: Examples = signature === 'listed' ? [{ x: [0.25, 0.75] }] : [{ x: [1, 2, 3] }];
      const spec = { model: 'sided', signature };
      expect(await listeners.client(wire).classify(spec, rows)).toEqual(await server.classify(spec, rows));
    }
    const spec = { model: 'sided', label: 'old', signature: 'scores' };
    expect(await listeners.client(wire).classify(spec, examples)).toEqual(
      await server.classify(spec, examples),
    );
  });

  it('regress answers as the server itself does', async () => {
    const spec = { model: 'sided', version: 1, signature: 'outputs' };
    const answer = await listeners.client(wire).regress(spec, examples);
    expect(answer).toEqual(await server.regress(spec, examples));
    expect(answer.id).toEqual({ model: 'sided', version: 1 });
  });

  it('what classify and regress refuse, they refuse in the words of the server', async () => {
    const spec = { model: 'sided', signature: 'cube_outputs' };
    const [own, theirs] = await Promise.all([
      rejection(server.regress(spec, examples)),
      rejection(listeners.client(wire).regress(spec, examples)),
    ]);
    expect([theirs.code, theirs.message]).toEqual([own.code, own.message]);
  });

  it.each<[string, unknown, string]>([
    ['no list', { x: 1 }, 'Cannot use examples: got an object, expected an array of at least one'],
    ['an empty list', [], 'Cannot use examples: got an empty array, expected an array of at least one'],
    [
      'what is no example',
      [[1]],
      'Cannot use example 0: it is an array, expected an object of values by feature name',
    ],
    [
      'values of several kinds',
      [{ x: [1, 2n] }],
      'Cannot use feature "x" of example 0: its value 1 is 2n, expected a value of kind float',
    ],
    [
      'what no feature can hold',
      [{}, { x: [null] }],
      'Cannot use feature "x" of example 1: its value 0 is null, expected a number, bigint, boolean, string or Uint8Array',
    ],
  ])('%s is not sent as examples', async (_what, given, message) => {
    const error = await rejection(listeners.client(wire).classify('sided', given as Examples));
    expect([error.code, error.message]).toEqual(['INVALID_ARGUMENT', message]);
  });

  it('integers, strings and booleans are features of their kinds', async () => {
    const client = listeners.client(wire);
    const spec = { model: 'ids', signature: 'rows' };
    for (const ids of [[1n], 1n, Int32Array.of(1), BigInt64Array.of(1n), true]) {
      const { results } = await client.classify(spec, [{ ids }]);
      expect(results[0]?.map(({ score }) => score)).toEqual([1, 1.1, 1.2, 1.3].map(Math.fround));
    }
    for (const text of ['größe\0', ['größe\0'], Buffer.from('größe\0')]) {
      const { results } = await client.classify({ model: 'strings', signature: 'names' }, [{ text }]);
      expect(results).toEqual([[{ label: 'größe\0', score: 0 }]]);
    }
    const error = await rejection(client.classify(spec, [{ ids: [1] }]));
    expect(error.message).toContain('it is a float_list, and the input is int64');
  });

  it('status tells of all versions, highest first, or of one', async () => {
    const client = listeners.client(wire);
    expect(await client.status('sided')).toEqual([
      { id: { model: 'sided', version: 2 }, state: 'AVAILABLE' },
      { id: { model: 'sided', version: 1 }, state: 'AVAILABLE' },
    ]);
    expect(await client.status({ model: 'sided', version: 1 })).toHaveLength(1);
    const [own, [theirs]] = [server.status('broken')[0]?.error, await client.status('broken')];
    expect(theirs).toMatchObject({ id: { model: 'broken', version: 1 }, state: 'END' });
    expect([theirs?.error?.code, theirs?.error?.message]).toEqual([own?.code, own?.message]);
    const error = await rejection(client.status('nobody'));
    expect([error.code, error.message]).toEqual(['NOT_FOUND', 'Could not find any versions of model nobody']);
  });

  it('metadata tell the signatures, but for the names of axes', async () => {
    const { id, signatures } = await listeners.client(wire).metadata({ model: 'sided', label: 'old' });
    const own = server.metadata({ model: 'sided', label: 'old' }).signatures;
    expect(id).toEqual({ model: 'sided', version: 1 });
    expect([...signatures.keys()].sort()).toEqual([...own.keys()].sort());
    expect(signatures.get('scores')).toEqual({
      name: 'scores',
      method: 'classify',
      inputs: {
        x: { name: 'x', dtype: 'float32', shape: [null, null] },
        shift: { name: 'shift', dtype: 'float32', shape: [] },
      },
      outputs: { scores: { name: 'same', dtype: 'float32', shape: [null, null] } },
    });
    expect(signatures.get('first_scores')?.outputs.scores?.shape).toEqual([1, null]);
    expect((await listeners.client(wire).signature({ model: 'sided', signature: 'outputs' })).method).toBe(
      'regress',
    );
  });

  it('an unknown signature is told as the server itself tells it', async () => {
    const spec = { model: 'sided', signature: 'none' };
    const error = await rejection(listeners.client(wire).signature(spec));
    expect([error.code, error.message]).toEqual([
      'FAILED_PRECONDITION',
      'Serving signature key "none" not found.',
    ]);
  });
});

describe('over gRPC', () => {
  it('several signatures are asked at once', async () => {
    const tasks = [
      { spec: { model: 'sided', signature: 'scores' }, method: 'classify' },
      { spec: { model: 'sided', signature: 'outputs' }, method: 'regress' },
    ] as const;
    const answer = await listeners.client('grpc').multiInference(tasks, examples);
    expect(answer).toEqual(await server.multiInference(tasks, examples));
  });

  it('tasks that are none are not sent', async () => {
    const client = listeners.client('grpc');
    expect((await rejection(client.multiInference([], examples))).code).toBe('INVALID_ARGUMENT');
    const task = { spec: 'sided', method: 'predict' as 'classify' };
    expect((await rejection(client.multiInference([task], examples))).option).toBe('tasks[].method');
  });

  it('a reload makes the server serve what it says, and counts', async () => {
    const reloaded = await new ModelServer({ models: [] }).start();
    const own = await listen(reloaded);
    onTestFinished(async () => {
      await own.close();
      await reloaded.close();
    });
    const client = own.client('grpc');
    const models = [
      { name: 'one', basePath: `${folder}/sided`, versionPolicy: { specific: [1] }, labels: { stable: 1 } },
      { name: 'all', basePath: `${folder}/sided`, versionPolicy: 'all' as const },
      { name: 'latest', basePath: `${folder}/sided`, versionPolicy: { latest: 1 }, platform: 'onnx' },
    ];
    const counter = ':tensorflow:cc:saved_model:load_attempt_count';
    const increases = await client.reloadConfig(models, { counters: [counter] });
    const versions = (name: string) => reloaded.status(name).map(({ id }) => id.version);
    expect([versions('one'), versions('all'), versions('latest')]).toEqual([[1], [2, 1], [2]]);
    expect(
      (
        await client.predict(
          { model: 'one', label: 'stable', signature: 'outputs' },
          { x: tensor('float32', [1, 1], [5]) },
        )
      ).id.version,
    ).toBe(1);
    expect([...increases.keys()]).toEqual([counter]);
    const error = await rejection(client.reloadConfig([{ name: 'one', basePath: `${folder}/nowhere` }]));
    expect(error.code).toBe('UNKNOWN');
    expect(error.message).toContain('one');
  });

  it('a reload is never made again', async () => {
    const reloads = await scriptedServer('grpc', () => ({ code: 'UNAVAILABLE' }));
    const client = clientOf(reloads.address, { retry: { initialBackoffMs: 0, maxAttempts: 9 } });
    const error = await rejection(client.reloadConfig([{ name: 'a', basePath: '/a' }]));
    expect([error.code, reloads.calls]).toEqual(['UNAVAILABLE', 1]);
  });

  it('a reload of what is no model is not sent', async () => {
    const client = listeners.client('grpc');
    const error = await rejection(client.reloadConfig([{ name: '', basePath: '/a' }]));
    expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', option: 'models[0].name' });
  });
});

describe('over REST', () => {
  it.each([
    [
      'multiInference',
      (client: ReturnType<Listeners['client']>) =>
        client.multiInference([{ spec: 'sided', method: 'classify' }], examples),
    ],
    ['reloadConfig', (client: ReturnType<Listeners['client']>) => client.reloadConfig([])],
  ])('%s is UNIMPLEMENTED, and says what to use', async (_name, ask) => {
    const error = await rejection(ask(listeners.client('rest')));
    expect(error.code).toBe('UNIMPLEMENTED');
    expect(error.message).toMatch(
      /is not part of TensorFlow Serving's REST API, expected an address with grpc/,
    );
  });
});
