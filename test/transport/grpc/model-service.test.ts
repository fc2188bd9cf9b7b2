import { join } from 'node:path';
import { ModelServer } from 'servable';
import { afterEach, describe, expect, it } from 'vitest';
import { type CallError, type Message, serveGrpc } from '../../support/grpc.js';
import * as authored from '../../support/onnx/authored-models.js';
import { temporaryFolder, writeModel } from '../../support/onnx/model-folder.js';

const folder = temporaryFolder();
for (const version of [1, 2]) writeModel(folder, 'm', version, authored.linear(1, version));
writeModel(folder, 'broken', 1, Buffer.from('no model'));

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

async function arrange() {
  const model = { name: 'm', basePath: join(folder, 'm'), versionPolicy: { specific: [1] } };
  const batching = { maxBatchSize: 4 };
  const server = new ModelServer({
    models: [{ ...model, batching }],
    maxNumLoadRetries: 0,
    pollIntervalMs: 0,
  });
  const { client, grpcServer } = await serveGrpc(await server.start());
  ends.push(
    () => client.close(),
    () => grpcServer.close({ graceMs: 0 }),
    () => server.close(),
  );
  const status = async (spec: Message) => {
    const { model_version_status: versions } = await client.call('GetModelStatus', { model_spec: spec });
    return versions.map(({ version, state, status: { error_code = 'OK', error_message = '' } }: Message) => [
      Number(version),
      state,
      error_code,
      error_message,
    ]);
  };
  const reload = (...config: Message[]) =>
    client.call('HandleReloadConfigRequest', { config: { model_config_list: { config } } });
  return { server, client, status, reload };
}

const config = (name: string, more: Message = {}) => ({
  name,
  base_path: join(folder, name),
  model_platform: 'tensorflow',
  ...more,
});
const specific = (...versions: number[]) => ({ model_version_policy: { specific: { versions } } });
const failure = (answer: Promise<Message>): Promise<CallError> =>
  answer.then(
    () => expect.fail('The call was answered'),
    (error) => error,
  );

describe('GetModelStatus', () => {
  it('shows all versions, highest first, whatever label it is asked with', async () => {
    const { status, reload } = await arrange();
    await reload(config('m', specific(1, 2)));
    const both = [
      [2, 'AVAILABLE', 'OK', ''],
      [1, 'AVAILABLE', 'OK', ''],
    ];
    expect(await status({ name: 'm' })).toEqual(both);
    expect(await status({ name: 'm', version_label: 'none such' })).toEqual(both);
    expect(await status({ name: 'm', version: { value: 1 } })).toEqual([[1, 'AVAILABLE', 'OK', '']]);
  });

  it('shows a version that has ended, with its error where there was one', async () => {
    const { server, status, reload } = await arrange();
    await failure(reload(config('m', specific(2)), config('broken')));
    await server.waitFor({ model: 'm', version: 1 }, 'END');
    expect(await status({ name: 'm' })).toEqual([
      [2, 'AVAILABLE', 'OK', ''],
      [1, 'END', 'OK', ''],
    ]);
    expect(await status({ name: 'broken' })).toEqual([
      [1, 'END', 'DATA_LOSS', expect.stringContaining('Cannot load broken@1')],
    ]);
  });

  it.each([
    [{ name: 'none' }, 'Could not find any versions of model none'],
    [{}, 'Could not find any versions of model '],
    [{ name: 'm', version: { value: 7 } }, 'Could not find version 7 of model m'],
    [{ name: 'm', version: { value: -7 } }, 'Could not find version -7 of model m'],
  ])('does not find %j', async (spec, details) => {
    const { client } = await arrange();
    const error = await failure(client.call('GetModelStatus', { model_spec: spec }));
    expect(error).toEqual({ code: 'NOT_FOUND', details });
  });
});

describe('HandleReloadConfigRequest', () => {
  it('adds a version and labels it in one step, where TF Serving refuses to', async () => {
    const { client, reload } = await arrange();
    const labels = { version_labels: { stable: 1, canary: 2 } };
    expect(await reload(config('m', { ...specific(1, 2), ...labels }))).toEqual({ status: {} });
    const x = { dtype: 'DT_FLOAT', tensor_shape: { dim: [{ size: 1 }] }, float_val: [1] };
    const model_spec = { name: 'm', version_label: 'canary' };
    const { outputs } = await client.call('Predict', { model_spec, inputs: { x } });
    expect(outputs.y.float_val).toEqual([3]);
  });

  it('leaves what it cannot say of a model as it is: its batching', async () => {
    const { server, reload } = await arrange();
    await reload(config('m', specific(1, 2)));
    expect(server.status('m').map(({ batching }) => batching?.isOn)).toEqual([true, true]);
  });

  it('replaces the list: what is not in it any more is unloaded', async () => {
    const { server, reload, status } = await arrange();
    await reload();
    expect(server.listModels()).toEqual([]);
    expect(await status({ name: 'm' })).toEqual([[1, 'END', 'OK', '']]);
  });

  it('names the models that did not become available, and serves the others', async () => {
    const { reload, status } = await arrange();
    const error = await failure(reload(config('m', specific(2)), config('broken')));
    expect(error.code).toBe('UNKNOWN');
    expect(error.details).toMatch(
      /^1 model\(s\) did not become available: \{\{name: broken version: 1\} due to error: DATA_LOSS: .*\}, \}$/,
    );
    expect((await status({ name: 'm' }))[0]).toEqual([2, 'AVAILABLE', 'OK', '']);
  });

  it('says which label has no version that it could point to; the rest is as it was wanted', async () => {
    const { reload, status } = await arrange();
    const error = await failure(reload(config('m', { ...specific(2), version_labels: { canary: 999 } })));
    expect(error).toEqual({
      code: 'FAILED_PRECONDITION',
      details:
        'Request to assign label to version 999 of model m, which is not currently available for inference',
    });
    expect((await status({ name: 'm' }))[0]).toEqual([2, 'AVAILABLE', 'OK', '']);
  });

  it.each<[string, Message]>([
    ['a relative path', config('m', { base_path: 'm' })],
    ['a negative label', config('m', { version_labels: { a: -1 } })],
    ['a model without a name', config('', {})],
  ])('with %s changes nothing', async (_what, model) => {
    const { server, reload } = await arrange();
    expect((await failure(reload(model))).code).toBe('INVALID_ARGUMENT');
    expect(server.isReady({ model: 'm', version: 1 })).toBe(true);
  });

  it('at the same time as others is done one after the other', async () => {
    const { server, reload, status } = await arrange();
    await Promise.all([1, 2, 1, 2].map((version) => reload(config('m', specific(version)))));
    await server.waitFor({ model: 'm', version: 1 }, 'END');
    expect(await status({ name: 'm' })).toEqual([
      [2, 'AVAILABLE', 'OK', ''],
      [1, 'END', 'OK', ''],
    ]);
  });
});

describe('GetModelMetadata', () => {
  it('describes the signatures, of the version that is asked for', async () => {
    const { client } = await arrange();
    const answer = await client.call('GetModelMetadata', {
      model_spec: { name: 'm', version: { value: 1 } },
      metadata_field: ['signature_def', 'signature_def'],
    });
    expect(answer.model_spec).toMatchObject({ name: 'm', version: { value: '1' } });
    expect(answer.model_spec.signature_name).toBeUndefined();
    const { type_url, value } = answer.metadata.signature_def;
    expect(type_url).toBe('type.googleapis.com/tensorflow.serving.SignatureDefMap');
    const { signature_def } = client.decode('tensorflow.serving.SignatureDefMap', value);
    const info = (name: string) => ({ name, dtype: 'DT_FLOAT', tensor_shape: { dim: [{ size: '-1' }] } });
    expect(signature_def).toMatchObject({
      serving_default: {
        inputs: { x: info('x') },
        outputs: { y: info('y') },
        method_name: 'tensorflow/serving/predict',
      },
    });
  });

  it.each<[string, Message, string, string]>([
    ['nothing', {}, 'INVALID_ARGUMENT', 'Missing ModelSpec'],
    [
      'two fields, one of which there is not',
      { model_spec: { name: 'm' }, metadata_field: ['signature_def', 'x'] },
      'INVALID_ARGUMENT',
      'Metadata field x is not supported',
    ],
    [
      'a model that there is not',
      { model_spec: { name: 'n' }, metadata_field: ['signature_def'] },
      'NOT_FOUND',
      'Servable not found for request: Latest(n)',
    ],
  ])('refuses %s', async (_what, request, code, details) => {
    const { client } = await arrange();
    expect(await failure(client.call('GetModelMetadata', request))).toEqual({ code, details });
  });
});
