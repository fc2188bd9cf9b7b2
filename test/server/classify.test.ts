import { getEventListeners } from 'node:events';
import { join } from 'node:path';
import { type BatchRun, type Examples, ModelServer, type RequestEntry } from 'servable';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { zipMap } from '../support/onnx/authored-models.js';
import { manySidedModel, manySidedSignatures } from '../support/onnx/inference-models.js';
import { temporaryFolder, writeModel } from '../support/onnx/model-folder.js';
import { rejection } from '../support/rejection.js';

const folder = temporaryFolder();
const examples = [{ x: [0, 1] }, { x: [2, 3] }];
const scored = (...pairs: [string, number][]) => pairs.map(([label, score]) => ({ label, score }));

beforeAll(() => {
  const beside = { 'signatures.json': JSON.stringify(manySidedSignatures) };
  writeModel(folder, 'many', 1, manySidedModel(), beside);
  const zipped = { s: { outputs: { scores: 'probabilities' } } };
  writeModel(folder, 'zip', 1, zipMap(['cat', 'dog']), { 'signatures.json': JSON.stringify(zipped) });
});

const start = (names: readonly string[], more = {}, of: object = {}) =>
  new ModelServer({
    models: names.map((name) => ({ name, basePath: join(folder, name), ...more })),
    numBatchThreads: 1,
    pollIntervalMs: 0,
    ...of,
  }).start();

describe.each([
  ['alone', {}],
  ['in batches', { batching: { batchTimeoutMicros: 100 } }],
])('ModelServer.classify, run %s', (_how, more) => {
  let server: ModelServer;
  beforeAll(async () => {
    server = await start(['many', 'zip'], more);
  });
  afterAll(() => server.close());
  const classify = (signature: string, given: Examples = examples) =>
    server.classify({ model: 'many', signature }, given);

  it.each([
    ['scores', [scored(['', 0], ['', 1]), scored(['', 2], ['', 3])], 'scores without labels'],
    ['classes', [scored(['a', 0], ['b', 0]), scored(['c', 0], ['d', 0])], 'labels without scores'],
    ['both', [scored(['a', 0], ['b', 1]), scored(['c', 2], ['d', 3])], 'labels and scores'],
    ['listed', [scored(['no', 0], ['yes', 1]), scored(['no', 2], ['yes', 3])], 'labels of the signature'],
    ['wide_scores', [scored(['', 0], ['', 1]), scored(['', 2], ['', 3])], 'scores of float64'],
    ['one_class', [scored(['', 0.5]), scored(['', 2.5])], 'one score an example'],
    ['scores_and_total', [scored(['', 0], ['', 1]), scored(['', 2], ['', 3])], 'another output beside'],
  ])('by %s says %j: %s', async (signature, results) => {
    expect(await classify(signature)).toEqual({ id: { model: 'many', version: 1 }, signature, results });
  });

  it('takes the labels of a ZipMap', async () => {
    const { results } = await server.classify({ model: 'zip', signature: 's' }, [
      { scores: [0.25, 0.75] },
      { scores: [1, 0] },
    ]);
    expect(results).toEqual([scored(['cat', 0.25], ['dog', 0.75]), scored(['cat', 1], ['dog', 0])]);
  });

  it('answers many at once, each with its own', async () => {
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, at) => classify('both', [{ x: [at % 4] }])),
    );
    expect(answers.map(({ results }) => results)).toEqual(
      Array.from({ length: 20 }, (_, at) => [scored(['abcd'[at % 4] as string, at % 4])]),
    );
  });

  it('answers thousands of examples, in their order', async () => {
    const many = Array.from({ length: 10_000 }, (_, at) => ({ x: new Float32Array(100).fill(at) }));
    const { results } = await classify('scores', many);
    expect([results.length, results.at(-1)?.length]).toEqual([10_000, 100]);
    expect(results.every((row, at) => row[0]?.score === at && row[99]?.score === at)).toBe(true);
  });

  it('reads the examples before it returns', async () => {
    const mine = { x: Float32Array.of(1, 2) };
    const list = [mine];
    const answer = classify('scores', list);
    mine.x.fill(9);
    list.push(mine);
    expect((await answer).results).toEqual([scored(['', 1], ['', 2])]);
  });

  it('takes tf.Examples, and a value for all rows', async () => {
    const feature = (...values: number[]) => ({ kind: 'float', values }) as const;
    const given = [1, 2].map(
      (value) =>
        new Map([
          ['x', feature(value)],
          ['shift', feature(10)],
        ]),
    );
    expect((await classify('scores', given)).results).toEqual([scored(['', 11]), scored(['', 12])]);
  });

  it.each<[string, string, string, string]>([
    ['nope', 'INVALID_ARGUMENT', 'No signature was found with the name: nope', 'no such signature'],
    ['three', 'INVALID_ARGUMENT', 'Expected one or two output Tensors, found 3', 'too many outputs'],
    [
      'misnamed',
      'INVALID_ARGUMENT',
      'Expected classification signature outputs to contain at least one of "classes" and "scores". ' +
        'Signature was: misnamed (x, shift) -> (y)',
      'other outputs',
    ],
    [
      'cube',
      'INVALID_ARGUMENT',
      'Expected Tensor shape: [batch_size num_classes] but got [2,1,2]',
      'three axes',
    ],
    ['whole_scores', 'INVALID_ARGUMENT', 'Expected scores Tensor of DT_FLOAT. Got: DT_INT64', 'whole scores'],
    [
      'float_classes',
      'INVALID_ARGUMENT',
      'Expected classes Tensor of DT_STRING. Got: DT_FLOAT',
      'numbers for labels',
    ],
    ['first_scores', 'INVALID_ARGUMENT', 'Expected scores output batch size of 2. Got: 1', 'too few rows'],
    [
      'uneven',
      'INVALID_ARGUMENT',
      'Tensors class and score should match in dim_size(1). Got 1 vs. 2',
      'labels for other scores',
    ],
  ])('refuses %s with %s %j: %s', async (signature, code, message) => {
    const error = await rejection(classify(signature));
    expect(error).toMatchObject({ code, message, id: { model: 'many', version: 1 } });
  });

  it('says that labels are not as many as scores', async () => {
    expect(await rejection(classify('listed', [{ x: [1, 2, 3] }]))).toMatchObject({
      code: 'FAILED_PRECONDITION',
      message: 'Signature "listed" has labels of 2 classes, and its scores are of 3',
    });
  });

  it.each<[string, unknown, string]>([
    ['no examples', [], 'Input is empty.'],
    ['no array', { x: [1] }, 'Cannot use examples: got an object, expected an array of examples'],
    ['a missing feature', [{ y: 1 }], 'Cannot use feature "x" of example 0: it is missing'],
  ])('refuses %s', async (_what, given, message) => {
    const error = await rejection(classify('scores', given as Examples));
    expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', message });
  });

  it('looks at the signature before the examples', async () => {
    expect((await rejection(classify('nope', []))).message).toContain('No signature was found');
    expect((await rejection(classify('three', []))).message).toContain('found 3');
  });
});

describe('ModelServer.classify', () => {
  it('finds models and versions as predict does', async () => {
    await using server = await start(['many']);
    expect(await rejection(server.classify('nope', examples))).toMatchObject({ code: 'NOT_FOUND' });
    expect(await rejection(server.classify({ model: 'many', version: 9 }, examples))).toMatchObject({
      code: 'NOT_FOUND',
    });
    // Its own name, with which the default signature answers.
    expect(await rejection(server.classify('many', examples))).toMatchObject({
      message: 'Expected one or two output Tensors, found 11',
    });
    expect(await rejection(server.classify(7 as never, examples))).toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
  });

  it('has patience as predict has it, and leaves no listener behind', async () => {
    await using server = await start(['many']);
    const spec = { model: 'many', signature: 'scores' };
    const { signal } = new AbortController();
    await server.classify(spec, examples, { signal, timeoutMs: 60_000, priority: 1 });
    expect(getEventListeners(signal, 'abort')).toEqual([]);
    const aborted = server.classify(spec, examples, { signal: AbortSignal.abort() });
    expect(await rejection(aborted)).toMatchObject({ code: 'CANCELLED' });
    const late = server.classify(spec, examples, { timeoutMs: -1 });
    expect(await rejection(late)).toMatchObject({ code: 'INVALID_ARGUMENT', option: 'timeoutMs' });
    const odd = server.classify(spec, examples, { priority: 0.5 });
    expect(await rejection(odd)).toMatchObject({ code: 'INVALID_ARGUMENT', option: 'priority' });
  });

  it('is refused by a server that is closed', async () => {
    const server = await start(['many']);
    await server.close();
    expect(await rejection(server.classify('many', examples))).toMatchObject({ code: 'UNAVAILABLE' });
  });

  it('shares runs with requests that come together', async () => {
    const runs: BatchRun[] = [];
    const batchingObserver = { onRun: (run: BatchRun) => runs.push(run) };
    const batching = { maxBatchSize: 4, batchTimeoutMicros: 1e8 };
    await using server = await start(['many'], { batching }, { batchingObserver });
    const ask = () => server.classify({ model: 'many', signature: 'scores' }, examples);
    expect(await Promise.all([ask(), ask()])).toHaveLength(2);
    expect(runs).toMatchObject([{ requests: 2, rows: 4 }]);
  });

  it('is logged as the predict request that it is run as', async () => {
    const entries: RequestEntry[] = [];
    const collector = { collect: (entry: RequestEntry) => void entries.push(entry) };
    const server = await start(['many'], { requestLog: { samplingRate: 1, collector } });
    await server.classify({ model: 'many', signature: 'both' }, examples);
    await server.close();
    expect(entries).toMatchObject([
      {
        spec: { model: 'many', version: 1, signature: 'both' },
        inputs: { x: { shape: [2, 2], data: Float32Array.of(0, 1, 2, 3) } },
        outputFilter: ['classes', 'scores'],
        outputs: { classes: { data: ['a', 'b', 'c', 'd'] }, scores: { shape: [2, 2] } },
      },
    ]);
  });
});
