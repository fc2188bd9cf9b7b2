import { getEventListeners } from 'node:events';
import { ModelServer, type Tensor, type TensorMap, tensor } from 'servable';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as authored from '../support/onnx/authored-models.js';
import { temporaryFolder, writeModel } from '../support/onnx/model-folder.js';
import { rejection } from '../support/rejection.js';

const folder = temporaryFolder();
const floats = (...values: number[]) => tensor('float32', [values.length], values);
const spins = (n: number) => ({
  x: tensor('float32', [1, 256], new Float32Array(256)),
  n: tensor('int64', [], [n]),
});
const forEver = spins(1e9);

describe('ModelServer.predict', () => {
  let server: ModelServer;

  beforeAll(async () => {
    for (const version of [1, 2, 3]) writeModel(folder, 'linear', version, authored.linear(1, version));
    const named = { signatures: { by_name: { inputs: { given: 'x' }, outputs: { answer: 'y' } } } };
    writeModel(folder, 'linear', 3, authored.linear(1, 3), {
      'signatures.json': JSON.stringify(named.signatures),
    });
    const models: Record<string, Uint8Array> = {
      embedded: authored.linear(1, 0, { 'servable.signatures': JSON.stringify(named.signatures) }),
      spin: authored.spin(),
      many: authored.manyInputsSum(),
      odd: authored.oddlyNamed(),
      center: authored.batchMeanCentering(),
      sequence: authored.sequenceOutput(),
      gather: authored.gatherTable(),
    };
    for (const [name, bytes] of Object.entries(models)) writeModel(folder, name, 1, bytes);
    server = await new ModelServer({
      models: ['linear', ...Object.keys(models)].map((name) => ({
        name,
        basePath: `${folder}/${name}`,
        versionPolicy: 'all' as const,
      })),
      numBatchThreads: 2,
      pollIntervalMs: 0,
    }).start();
  });
  afterAll(() => server.close());

  it('answers with the highest version, or with the one that is named, and says which', async () => {
    expect(await server.predict('linear', { x: floats(1) })).toEqual({
      id: { model: 'linear', version: 3 },
      outputs: { y: floats(4) },
    });
    expect((await server.predict({ model: 'linear', version: 1 }, { x: floats(1) })).outputs.y).toEqual(
      floats(2),
    );
  });

  it('answers by a signature of signatures.json, and of the metadata, and by the default one beside it', async () => {
    for (const model of ['linear', 'embedded']) {
      const { outputs } = await server.predict({ model, signature: 'by_name' }, { given: floats(1) });
      expect(Object.keys(outputs)).toEqual(['answer']);
      expect(server.signature({ model, signature: 'by_name' }).inputs).toHaveProperty('given');
      expect((await server.predict(model, { x: floats(1) })).outputs).toHaveProperty('y');
    }
  });

  it.each<[string, string | { model: string; version?: number; signature?: string }, string, string]>([
    ['a model that is not there', 'nope', 'NOT_FOUND', 'Servable not found for request: Latest(nope)'],
    [
      'a model called like a property',
      '__proto__',
      'NOT_FOUND',
      'Servable not found for request: Latest(__proto__)',
    ],
    ['no name', '', 'NOT_FOUND', 'Servable not found for request: Latest()'],
    [
      'a version that is not there',
      { model: 'linear', version: 9 },
      'NOT_FOUND',
      'Servable not found for request: Specific(linear, 9)',
    ],
    [
      'a version that is none',
      { model: 'linear', version: -1 },
      'INVALID_ARGUMENT',
      'Cannot resolve a model spec: got -1, expected a non-negative integer as version',
    ],
    [
      'a signature that is not there',
      { model: 'linear', signature: 'x' },
      'FAILED_PRECONDITION',
      'Serving signature key "x" not found.',
    ],
  ])('refuses %s', async (_, spec, code, message) => {
    expect(await rejection(server.predict(spec, { x: floats(1) }))).toMatchObject({ code, message });
  });

  it.each<[string, unknown]>([
    ['null', null],
    ['an array', [floats(1)]],
    ['a Map', new Map([['x', floats(1)]])],
    ['no input', {}],
    ['an input too many', { x: floats(1), y: floats(1) }],
    ['an input by another name', { z: floats(1) }],
    ['a plain array', { x: [1] }],
    ['the wrong dtype', { x: tensor('float64', [1], [1]) }],
    ['the wrong rank', { x: tensor('float32', [1, 1], [1]) }],
    ['data that do not fill the shape', { x: { dtype: 'float32', shape: [2], data: new Float32Array(1) } }],
    [
      'a shape beyond all memory',
      { x: { dtype: 'float32', shape: [2 ** 30, 2 ** 30], data: new Float32Array(1) } },
    ],
    ['a detached buffer', { x: detached() }],
  ])('refuses %s for inputs, and goes on', async (_, inputs) => {
    const error = await rejection(server.predict('linear', inputs as TensorMap));
    expect(error).toMatchObject({ code: 'INVALID_ARGUMENT' });
    expect((await server.predict('linear', { x: floats(1) })).id.version).toBe(3);
  });

  it('passes NaN, infinities and negative zero through, and no rows at all', async () => {
    const { outputs } = await server.predict(
      { model: 'embedded' },
      { x: floats(Number.NaN, Infinity, -Infinity, -0) },
    );
    expect(Array.from(outputs.y?.data as Float32Array)).toEqual([Number.NaN, Infinity, -Infinity, 0]);
    expect((await server.predict('linear', { x: floats() })).outputs.y).toEqual(floats());
  });

  it('takes 201 inputs, and names like __proto__', async () => {
    const many = Object.fromEntries(Array.from({ length: 201 }, (_, index) => [`x${index}`, floats(index)]));
    const { outputs } = await server.predict('many', many);
    expect(Object.values(outputs)[0]?.data).toEqual(Float32Array.of((200 * 201) / 2));
    const odd = Object.fromEntries(authored.oddNames.map((name) => [name, floats(1, 2)]));
    expect(Object.keys((await server.predict('odd', odd)).outputs)).toHaveLength(authored.oddNames.length);
  });

  it('is not disturbed by a caller that changes its arrays right after the call', async () => {
    const answers = Array.from({ length: 100 }, (_, index) => {
      const data = Float32Array.of(index);
      const answer = server.predict('linear', { x: tensor('float32', [1], data) });
      data.fill(-1);
      return answer;
    });
    const values = (await Promise.all(answers)).map(({ outputs }) => outputs.y?.data[0]);
    expect(values).toEqual(Array.from({ length: 100 }, (_, index) => index + 3));
  });

  it('answers many requests at once, each with its own', async () => {
    const requests = Array.from({ length: 500 }, (_, index) => index);
    const answers = await Promise.all(
      requests.map((value) => server.predict('linear', { x: floats(value) })),
    );
    expect(answers.map(({ outputs }) => outputs.y?.data[0])).toEqual(requests.map((value) => value + 3));
  });

  it('refuses an output that cannot be a tensor only when it is asked for', async () => {
    const x = { x: tensor('float32', [1, 2], [1, 2]) };
    expect(Object.keys((await server.predict('sequence', x)).outputs)).toEqual(['y']);
    const error = await rejection(server.predict('sequence', x, { outputs: ['seq'] }));
    expect(error).toMatchObject({ code: 'UNIMPLEMENTED', output: 'seq' });
    expect(error.message).toContain('sequence(tensor(float32))');
  });

  it('reports what the model refuses as the fault of the request, naming the version', async () => {
    const error = await rejection(server.predict('gather', { ids: tensor('int64', [1], [99]) }));
    expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', id: { model: 'gather', version: 1 } });
  });

  it.each([0, -1, Number.NaN])('refuses a timeout of %s', async (timeoutMs) => {
    expect(await rejection(server.predict('linear', { x: floats(1) }, { timeoutMs }))).toMatchObject({
      code: 'INVALID_ARGUMENT',
      option: 'timeoutMs',
    });
  });

  it('rejects at once when the caller gives up: before, while it runs, while it waits; and the threads serve on', async () => {
    expect(
      await rejection(server.predict('linear', { x: floats(1) }, { signal: AbortSignal.abort() })),
    ).toMatchObject({
      code: 'CANCELLED',
    });
    const abort = new AbortController();
    // Two threads: two of these run, the others wait.
    const long = Array.from({ length: 6 }, () => rejection(server.predict('spin', forEver, abort)));
    setImmediate(() => abort.abort(new Error('bored')));
    for (const error of await Promise.all(long)) {
      expect(error).toMatchObject({ code: 'CANCELLED', cause: new Error('bored') });
    }
    expect((await server.predict('spin', spins(1))).outputs).toHaveProperty('y');
  });

  it('is not moved by an abort that comes after the answer', async () => {
    const abort = new AbortController();
    const { outputs } = await server.predict(
      'linear',
      { x: floats(1) },
      { signal: abort.signal, timeoutMs: 60_000 },
    );
    abort.abort();
    expect(outputs.y).toEqual(floats(4));
  });

  it('rejects at once when the time is over, whether the request runs or waits', async () => {
    const late = Array.from({ length: 5 }, () =>
      rejection(server.predict('spin', forEver, { timeoutMs: 20 })),
    );
    for (const error of await Promise.all(late)) {
      expect(error).toMatchObject({ code: 'DEADLINE_EXCEEDED', message: expect.stringContaining('20 ms') });
    }
    expect((await server.predict('spin', spins(1))).outputs).toHaveProperty('y');
  });

  it('leaves no listener on a signal that many requests share, however they end', async () => {
    const { signal } = new AbortController();
    const good = Array.from({ length: 50 }, () => server.predict('linear', { x: floats(1) }, { signal }));
    const bad = Array.from({ length: 50 }, () => rejection(server.predict('linear', {}, { signal })));
    const late = [rejection(server.predict('spin', forEver, { signal, timeoutMs: 5 }))];
    await Promise.all([...good, ...bad, ...late]);
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });
});

/** A tensor whose buffer has been given away. */
function detached(): Tensor {
  const gone = tensor('float32', [1], [1]);
  structuredClone(gone.data.buffer, { transfer: [gone.data.buffer as ArrayBuffer] });
  return gone;
}
