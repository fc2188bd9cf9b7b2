import { join } from 'node:path';
import {
  type BatchRun,
  type InferenceTask,
  type InferenceTasks,
  type ModelOnDisk,
  type ModelOptions,
  ModelServer,
  type ModelServerOptions,
  type RequestEntry,
} from 'servable';
import { describe, expect, it, onTestFinished } from 'vitest';
import { manySidedModel, manySidedSignatures } from '../support/onnx/inference-models.js';
import { temporaryFolder, writeModel } from '../support/onnx/model-folder.js';
import { rejection } from '../support/rejection.js';

const folder = temporaryFolder();
const beside = { 'signatures.json': JSON.stringify(manySidedSignatures) };
for (const version of [1, 2]) writeModel(folder, 'many', version, manySidedModel(), beside);

const id = { model: 'many', version: 2 };
const examples = [{ x: [0, 1] }, { x: [2, 3] }];
const task = (signature: string, method: InferenceTask['method'], more = {}): InferenceTask => ({
  spec: { model: 'many', signature, ...more },
  method,
});
const results = {
  scores: {
    signature: 'scores',
    method: 'classify',
    results: [0, 2].map((score) => [
      { label: '', score },
      { label: '', score: score + 1 },
    ]),
  },
  outputs: { signature: 'outputs', method: 'regress', values: [0.5, 2.5] },
  column: { signature: 'column', method: 'regress', values: [0.5, 2.5] },
};
const both = [task('outputs', 'regress'), task('scores', 'classify')];

async function started(model: Partial<ModelOnDisk> = {}, options: Partial<ModelServerOptions> = {}) {
  const server = new ModelServer({
    models: [
      {
        name: 'many',
        basePath: join(folder, 'many'),
        versionPolicy: 'all',
        labels: { stable: 1, canary: 2 },
        ...model,
      },
    ],
    numBatchThreads: 1,
    pollIntervalMs: 0,
    ...options,
  });
  onTestFinished(() => server.close());
  return await server.start();
}

function batched(batching: NonNullable<ModelOptions['batching']>) {
  const runs: BatchRun[] = [];
  const observer = { batchingObserver: { onRun: (run: BatchRun) => runs.push(run) } };
  return { runs, server: started({ batching }, observer) };
}

describe('ModelServer.multiInference', () => {
  it('answers each task as classify and regress would, in their order', async () => {
    const server = await started();
    expect(await server.multiInference(both, examples)).toEqual({
      id,
      results: [results.outputs, results.scores],
    });
    expect((await server.multiInference([...both].reverse(), examples)).results).toEqual([
      results.scores,
      results.outputs,
    ]);
    expect((await server.multiInference([task('column', 'regress')], examples)).results).toEqual([
      results.column,
    ]);
  });

  it('runs once for all tasks, and shares that run with equal requests', async () => {
    const { runs, server: starting } = batched({ maxBatchSize: 4, batchTimeoutMicros: 1e8 });
    const server = await starting;
    const answers = await Promise.all([
      server.multiInference(both, examples),
      server.multiInference([...both].reverse(), [{ x: [1, 1] }, { x: [2, 2] }]),
    ]);
    expect(answers[0].results).toEqual([results.outputs, results.scores]);
    expect(answers[1].results[1]).toEqual({ ...results.outputs, values: [1, 2] });
    expect(runs).toMatchObject([{ requests: 2, rows: 4 }]);
  });

  it('runs alone where the rows of one of the signatures may not share a run', async () => {
    const { runs, server: starting } = batched({ maxBatchSize: 4, batchTimeoutMicros: 0 });
    const server = await starting;
    expect(server.status('many')[0]?.batching).toMatchObject({ isOn: true, reason: expect.any(String) });
    const tasks = [task('outputs', 'regress'), task('scores_and_total', 'classify')];
    const answers = await Promise.all([1, 2].map(() => server.multiInference(tasks, examples)));
    for (const { results: found } of answers) {
      expect(found).toEqual([results.outputs, { ...results.scores, signature: 'scores_and_total' }]);
    }
    expect(runs).toEqual([]);
    await server.multiInference(both, examples);
    expect(runs).toHaveLength(1);
  });

  it('cuts rows of other lengths back that were filled up to share the run', async () => {
    const { runs, server: starting } = batched({
      maxBatchSize: 2,
      batchTimeoutMicros: 1e8,
      padVariableLengthInputs: true,
      batchSafety: 'trust',
    });
    const server = await starting;
    const tasks = [task('scores', 'classify'), task('both', 'classify')];
    const [short, long] = await Promise.all([
      server.multiInference(tasks, [{ x: [1] }]),
      server.multiInference(tasks, [{ x: [1, 2, 3] }]),
    ]);
    expect(short?.results).toEqual([
      { signature: 'scores', method: 'classify', results: [[{ label: '', score: 1 }]] },
      { signature: 'both', method: 'classify', results: [[{ label: 'b', score: 1 }]] },
    ]);
    expect(long?.results).toMatchObject([{ results: [{ length: 3 }] }, { results: [{ length: 3 }] }]);
    expect(runs).toMatchObject([{ requests: 2, rows: 2 }]);
  });

  it('asks signatures with other inputs in a run of their own', async () => {
    const server = await started();
    const tasks = [task('outputs', 'regress'), task('other_inputs', 'regress'), task('scores', 'classify')];
    const given = [
      { x: [0, 1], y: [4, 4], shift: 0 },
      { x: [2, 3], y: [8, 8], shift: 0 },
    ];
    expect((await server.multiInference(tasks, given)).results).toEqual([
      results.outputs,
      { signature: 'other_inputs', method: 'regress', values: [4, 8] },
      results.scores,
    ]);
  });

  it('follows the first task, and takes others that mean the same version', async () => {
    const server = await started();
    const version = async (...tasks: InferenceTasks) =>
      (await server.multiInference(tasks, examples)).id.version;
    const first = (more: object) => task('outputs', 'regress', more);
    const second = (more: object) => task('scores', 'classify', more);
    expect(await version(first({ version: 1 }), second({}))).toBe(1);
    expect(await version(first({ label: 'stable' }), second({ version: 1 }))).toBe(1);
    expect(await version(first({}), second({ label: 'canary' }))).toBe(2);
    const texts = await Promise.all(
      [
        [first({}), second({ version: 1 })],
        [first({ label: 'stable' }), second({ label: 'canary' })],
      ].map(async (tasks) => (await rejection(server.multiInference(tasks, examples))).message),
    );
    const text = 'All tasks of an inference request must mean the same version: task 0 means';
    expect(texts).toEqual([`${text} many@2, and task 1 many@1`, `${text} many@1, and task 1 many@2`]);
  });

  it.each<[string, unknown, string, string]>([
    ['no tasks', [], 'INVALID_ARGUMENT', 'Inference request must have at least one task'],
    [
      'what is no list of tasks',
      'tasks',
      'INVALID_ARGUMENT',
      'Cannot infer: got "tasks" as tasks, expected an array of tasks',
    ],
    [
      'what is no task',
      [null],
      'INVALID_ARGUMENT',
      'Cannot infer: task 0 is null, expected { spec, method }',
    ],
    [
      'a task without a model',
      [task('scores', 'classify', { model: '' })],
      'INVALID_ARGUMENT',
      'Found ModelSpec with an empty model name.',
    ],
    [
      'a second task without a model',
      [...both, task('column', 'regress', { model: '' })],
      'INVALID_ARGUMENT',
      'Found ModelSpec with an empty model name.',
    ],
    [
      'two models',
      [...both, task('column', 'regress', { model: 'other' })],
      'INVALID_ARGUMENT',
      'All ModelSpecs in a MultiInferenceRequest must access the same model name.',
    ],
    [
      'a signature twice',
      [...both, task('scores', 'classify')],
      'INVALID_ARGUMENT',
      'Duplicate evaluation of signature: scores',
    ],
    [
      'the default signature, whose outputs are too many',
      [{ spec: 'many', method: 'classify' }, ...both],
      'INVALID_ARGUMENT',
      'Expected one or two output Tensors, found 11',
    ],
    [
      'an unknown signature',
      [task('nope', 'classify')],
      'INVALID_ARGUMENT',
      'Requested signature not found in model graph: nope',
    ],
    [
      'an output that regress cannot take',
      [...both, task('both', 'regress')],
      'INVALID_ARGUMENT',
      'Expected one output Tensor.',
    ],
    [
      'another method',
      [task('serving_default', 'tensorflow/serving/predict' as never)],
      'UNIMPLEMENTED',
      'Unsupported signature method_name: tensorflow/serving/predict',
    ],
    ['no method', [{ spec: 'many' }], 'UNIMPLEMENTED', 'Unsupported signature method_name: undefined'],
    ['an unknown model', [{ spec: 'nope', method: 'regress' }], 'NOT_FOUND', 'Servable not found'],
    [
      'an unknown label',
      [...both, task('column', 'regress', { label: 'nope' })],
      'INVALID_ARGUMENT',
      'Unrecognized servable version label: nope',
    ],
  ])('refuses %s before it looks at the examples', async (_what, tasks, code, message) => {
    const server = await started();
    expect(await rejection(server.multiInference(tasks as InferenceTasks, []))).toMatchObject({
      code,
      message: expect.stringContaining(message),
    });
  });

  it('refuses no examples, and fails as a whole where one task does', async () => {
    const server = await started();
    expect(await rejection(server.multiInference(both, []))).toMatchObject({ message: 'Input is empty.' });
    const tasks = [...both, task('cube', 'classify')];
    expect(await rejection(server.multiInference(tasks, examples))).toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: 'Expected Tensor shape: [batch_size num_classes] but got [2,1,2]',
    });
  });

  it('is logged as a predict request for each task', async () => {
    const entries: RequestEntry[] = [];
    const collector = { collect: (entry: RequestEntry) => void entries.push(entry) };
    const server = await started({ requestLog: { samplingRate: 1, collector } });
    await server.multiInference(both, examples);
    await server.close();
    expect(entries).toMatchObject([
      { spec: { ...id, signature: 'outputs' }, outputFilter: ['outputs'] },
      { spec: { ...id, signature: 'scores' }, outputFilter: ['scores'] },
    ]);
    expect(entries.map(({ outputs }) => Object.keys(outputs))).toEqual([['outputs'], ['scores']]);
    expect(entries[0]?.inputs).toMatchObject({ x: { shape: [2, 2], data: Float32Array.of(0, 1, 2, 3) } });
  });
});
