import { ModelServer } from 'servable';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CallError, type GrpcClient, type Message, type Served, serveGrpc } from '../../support/grpc.js';
import * as authored from '../../support/onnx/authored-models.js';
import { temporaryFolder, writeModel } from '../../support/onnx/model-folder.js';

const folder = temporaryFolder();
const signatures = {
  halves: { method: 'classify', outputs: { scores: 'y' }, classes: ['half'] },
  value: { method: 'regress', outputs: { outputs: 'y' } },
};
const beside = { 'signatures.json': JSON.stringify(signatures) };
for (const version of [1, 2]) writeModel(folder, 'linear', version, authored.linear(0.5, version), beside);
const runs: number[] = [];
const server = new ModelServer({
  models: [
    {
      name: 'linear',
      basePath: `${folder}/linear`,
      versionPolicy: 'all',
      batching: { maxBatchSize: 8 },
    },
  ],
  batchingObserver: { onRun: ({ rows }) => void runs.push(rows) },
});
let served: Served;
let strict: Served;
let client: GrpcClient;

beforeAll(async () => {
  await server.start();
  served = await serveGrpc(server);
  strict = await serveGrpc(server, { enableSignatureMethodNameCheck: true });
  ({ client } = served);
});
afterAll(async () => {
  for (const each of [served, strict]) {
    each.client.close();
    await each.grpcServer.close();
  }
  await server.close();
});

const example = (...values: number[]) => ({
  features: { feature: { x: { float_list: { value: values } } } },
});
const list = (...examples: Message[]) => ({ example_list: { examples } });
const spec = (signature_name: string, more: Message = {}) => ({ name: 'linear', signature_name, ...more });
const failure = (answer: Promise<Message>): Promise<CallError> =>
  answer.then(
    () => expect.fail('The call was answered'),
    (error) => error,
  );

describe('Classify', () => {
  it('answers with labels and scores, one entry an example, by the version that it names', async () => {
    const answer = await client.call('Classify', {
      model_spec: spec('halves', { version: { value: 1 } }),
      input: list(example(2), example(4)),
    });
    expect(answer.result.classifications).toEqual([
      { classes: [{ label: 'half', score: 2 }] },
      { classes: [{ label: 'half', score: 3 }] },
    ]);
    expect(answer.model_spec).toMatchObject({ version: { value: '1' }, signature_name: 'halves' });
  });

  it('takes what an example does not say from the context', async () => {
    const { result } = await client.call('Classify', {
      model_spec: spec('halves'),
      input: { example_list_with_context: { context: example(10), examples: [{}, example(2)] } },
    });
    expect(result.classifications.map(({ classes }: Message) => classes[0].score)).toEqual([7, 3]);
  });
});

describe('Regress', () => {
  it('answers with a value an example; integers go into floats', async () => {
    const integer = { features: { feature: { x: { int64_list: { value: ['8'] } } } } };
    const { result, model_spec } = await client.call('Regress', {
      model_spec: spec('value'),
      input: list(integer, example(2)),
    });
    expect(result.regressions).toEqual([{ value: 6 }, { value: 3 }]);
    expect(model_spec.version.value).toBe('2');
  });
});

describe('MultiInference', () => {
  const task = (signature: string, method: string, more: Message = {}) => ({
    model_spec: spec(signature, more),
    method_name: `tensorflow/serving/${method}`,
  });

  it('asks several signatures in one run, in the order of the tasks', async () => {
    runs.length = 0;
    const { results } = await client.call('MultiInference', {
      tasks: [task('value', 'regress'), task('halves', 'classify')],
      input: list(example(2), example(4)),
    });
    expect(results).toMatchObject([
      {
        regression_result: { regressions: [{ value: 3 }, { value: 4 }] },
        model_spec: { signature_name: 'value' },
      },
      {
        classification_result: {
          classifications: [{ classes: [{ score: 3 }] }, { classes: [{ score: 4 }] }],
        },
        model_spec: { signature_name: 'halves', version: { value: '2' } },
      },
    ]);
    expect(runs).toEqual([2]);
  });

  it.each<[string, Message[], string, string]>([
    ['no task', [], 'INVALID_ARGUMENT', 'task'],
    [
      'a task without a name',
      [{ model_spec: {} }],
      'INVALID_ARGUMENT',
      'Found ModelSpec with an empty model name.',
    ],
    [
      'two models',
      [task('value', 'regress'), task('halves', 'classify', { name: 'other' })],
      'INVALID_ARGUMENT',
      'All ModelSpecs in a MultiInferenceRequest must access the same model name.',
    ],
    [
      'a signature twice',
      [task('value', 'regress'), task('value', 'regress')],
      'INVALID_ARGUMENT',
      'Duplicate evaluation of signature: value',
    ],
    [
      'a signature that there is not',
      [task('none', 'regress')],
      'INVALID_ARGUMENT',
      'Requested signature not found in model graph: none',
    ],
    [
      'two versions, of which TF Serving overlooks one',
      [
        task('value', 'regress', { version: { value: 1 } }),
        task('halves', 'classify', { version: { value: 2 } }),
      ],
      'INVALID_ARGUMENT',
      'version',
    ],
  ])('refuses %s', async (_what, tasks, code, details) => {
    const error = await failure(client.call('MultiInference', { tasks, input: list(example(1)) }));
    expect(error).toEqual({ code, details: expect.stringContaining(details) });
  });
});

describe('a feature', () => {
  it.each<[string, Message, string]>([
    ['that is missing', {}, 'Cannot use feature "x" of example 0: it is missing'],
    [
      'of another kind',
      { x: { bytes_list: { value: [Buffer.from('1')] } } },
      'Cannot use feature "x" of example 0: it is a bytes_list, and the input is float32',
    ],
    ['of too many values', { x: { float_list: { value: [1, 2] } } }, 'Cannot use feature "x" of example 0: '],
  ])('%s is told by its name and the place of its example', async (_what, feature, details) => {
    const call = client.call('Regress', {
      model_spec: spec('value'),
      input: list({ features: { feature } }),
    });
    expect(await failure(call)).toEqual({
      code: 'INVALID_ARGUMENT',
      details: expect.stringContaining(details),
    });
  });
});

describe('the method of a signature', () => {
  it('is not looked at by default, as with TF Serving', async () => {
    const error = await failure(
      client.call('Regress', { model_spec: spec('halves'), input: list(example(1)) }),
    );
    expect(error.details).toContain('No regression outputs found in SignatureDef');
  });

  it.each([
    [
      'Classify',
      'value',
      'Expected classification signature method_name to be tensorflow/serving/classify. Was: tensorflow/serving/regress',
    ],
    [
      'Regress',
      'halves',
      'Expected regression signature method_name to be tensorflow/serving/regress. Was: tensorflow/serving/classify',
    ],
  ])('of %s is where that is asked for', async (method, signature, details) => {
    const request = { model_spec: spec(signature), input: list(example(1)) };
    expect(await failure(strict.client.call(method, request))).toEqual({ code: 'INVALID_ARGUMENT', details });
    const right = { model_spec: spec(method === 'Classify' ? 'halves' : 'value'), input: list(example(1)) };
    await strict.client.call(method, right);
  });
});
