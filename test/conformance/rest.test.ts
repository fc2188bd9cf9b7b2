import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type DType, type Example, ModelServer, type Signature, type Tensor, type TensorMap } from 'servable';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { JsonWriter } from '#dist/json/json-writer.js';
import { writeFloat32, writeFloat64 } from '#dist/json/write-decimal.js';
import { httpStatuses } from '#dist/transport/rest/rest-error.js';
import { routeOf } from '#dist/transport/rest/route.js';
import { type HttpAnswer, type ServedHttp, serveHttp, serveHttpForTest } from '../support/http.js';
import * as authored from '../support/onnx/authored-models.js';
import { temporaryFolder, writeModel } from '../support/onnx/model-folder.js';
import { describeShared, sharedFolder } from '../support/shared-folder.js';
import { standInServer } from '../support/stand-in-server.js';

const file = 'cases/tf-serving.json';

// biome-ignore lint/suspicious/noExplicitAny: cases of each kind have a form of their own
type Case = any;

const dtypes: Readonly<Record<string, DType>> = {
  DT_FLOAT: 'float32',
  DT_DOUBLE: 'float64',
  DT_HALF: 'float16',
  DT_INT32: 'int32',
  DT_INT64: 'int64',
  DT_UINT8: 'uint8',
  DT_UINT16: 'uint16',
  DT_BOOL: 'bool',
  DT_STRING: 'string',
};

/** Where we do better, and say so: cases whose answer is another one here. */
const betterHere: Readonly<Record<string, string>> = {
  'err/half input in columnar format is 501 UNIMPLEMENTED': 'float16 is supported',
  'err/complex64': 'no tensor here has such elements',
};

const id = { model: 'm', version: 7 };

describeShared('REST cases of TF Serving, through a socket', [file], () => {
  const all: readonly Case[] = JSON.parse(readFileSync(join(sharedFolder, file), 'utf8'));
  const of = (kind: string) =>
    all
      .filter((each) => each.kind === kind && betterHere[each.name] === undefined)
      .map((each) => [each.name as string, each] as const);

  it.each(of('rest-json-decode'))('decode %s', async (_name, { signature, request, expect: wanted }) => {
    let came: TensorMap = {};
    const predict = async (_spec: unknown, inputs: (signature: Signature, of: typeof id) => TensorMap) => {
      came = inputs(signatureOf(signature.inputs), id);
      return { id, outputs: { y: { dtype: 'float32', shape: [1], data: Float32Array.of(1) } as Tensor } };
    };
    const { post } = await serveHttpForTest(standInServer({ predict }));
    const answer = await post('/v1/models/m:predict', request);
    if (wanted.inputs === undefined) {
      expectError(answer, wanted);
      return;
    }
    expect(answer.status).toBe(200);
    expect(Object.keys(answer.json)).toEqual([wanted.format === 'row' ? 'predictions' : 'outputs']);
    expect(Object.keys(came).sort()).toEqual(Object.keys(wanted.inputs).sort());
    for (const [name, tensor] of Object.entries<Case>(wanted.inputs)) {
      const { dtype, shape, data } = came[name] as Tensor;
      expect([dtype, shape]).toEqual([dtypes[tensor.dtype], tensor.shape]);
      expect(valuesOf(dtype, data)).toEqual(tensor.values.map((value: unknown) => normal(dtype, value)));
    }
  });

  it.each(of('rest-json-encode'))('encode %s', async (_name, { request, expect: wanted }) => {
    const entries = Object.entries<Case>(request.outputs).map(([name, each]) => [name, tensorOf(each)]);
    const predict = async (_spec: unknown, inputs: (signature: Signature, of: typeof id) => TensorMap) => {
      inputs(signatureOf({ x: 'DT_FLOAT' }), id);
      return { id, outputs: Object.fromEntries(entries) };
    };
    const { post } = await serveHttpForTest(standInServer({ predict }));
    const answer = await post(
      '/v1/models/m:predict',
      request.format === 'row' ? '{"instances":[1]}' : '{"inputs":[1]}',
    );
    if (wanted.json === undefined) expectError(answer, wanted);
    else expect(answer.json).toEqual(wanted.json);
    if (wanted.text !== undefined) expect(answer.text).toBe(wanted.text.replace(/\s/g, ''));
  });

  it.each(of('rest-example-decode'))('examples %s', async (_name, { request, expect: wanted }) => {
    let came: readonly Example[] = [];
    let spec: unknown;
    const classify = async (asked: unknown, examples: readonly Example[]) => {
      came = examples;
      spec = asked;
      return { id, signature: 's', results: examples.map(() => [{ label: '', score: 1 }]) };
    };
    const { post } = await serveHttpForTest(standInServer({ classify }));
    const answer = await post('/v1/models/m:classify', request);
    if (wanted.examples === undefined) {
      expectError(answer, wanted);
      return;
    }
    expect(answer.status).toBe(200);
    expect(spec).toMatchObject({ signature: wanted.signature_name });
    // A context holds where an example says nothing.
    expect(came.map(plain)).toEqual(
      wanted.examples.map((example: Case) => plainWanted({ ...wanted.context, ...example })),
    );
  });

  it.each(of('rest-classification-encode'))('%s', async (_name, { request, expect: wanted }) => {
    const results = request.map((classes: Case) =>
      classes.map(([label, score]: [string, number]) => ({ label, score })),
    );
    const classify = async () => ({ id, signature: 's', results });
    const { post } = await serveHttpForTest(standInServer({ classify }));
    const answer = await post('/v1/models/m:classify', { examples: [{ x: 1 }] });
    if (wanted.json === undefined) expectError(answer, wanted);
    else expect(answer.json).toEqual(wanted.json);
  });

  it.each(of('rest-regression-encode'))('%s', async (_name, { request, expect: wanted }) => {
    const regress = async () => ({ id, signature: 's', values: request.map(Number) });
    const { post } = await serveHttpForTest(standInServer({ regress }));
    const answer = await post('/v1/models/m:regress', { examples: [{ x: 1 }] });
    if (wanted.number_tokens !== undefined) {
      expect(answer.text).toBe(`{"results":[${wanted.number_tokens.join()}]}`);
    } else if (wanted.json === undefined) expectError(answer, wanted);
    else expect(answer.json).toEqual(wanted.json);
  });

  it.each(of('rest-error-encode'))('%s', async (_name, { request, expect: wanted }) => {
    const predict = () => {
      throw new Error(request.message);
    };
    const { post } = await serveHttpForTest(standInServer({ predict }));
    expect((await post('/v1/models/m:predict', { instances: [1] })).json).toEqual(wanted.json);
  });

  it.each(of('number-format'))('%s', (_name, { request, expect: wanted }) => {
    const writer = new JsonWriter();
    const value = Number(request.value.replace(/inf$/, 'Infinity'));
    writer.number(value, request.dtype === 'DT_FLOAT' ? writeFloat32 : writeFloat64);
    expect(Buffer.from(writer.written).toString()).toBe(wanted.token);
  });

  it.each(of('status-map'))('%s', (_name, { request, expect: wanted }) => {
    const statuses: Readonly<Record<string, number>> = { OK: 200, ...httpStatuses };
    expect(statuses[request]).toBe(wanted);
  });

  it.each(of('rest-url-parse'))('route %s', async (_name, { request, expect: wanted }) => {
    if (wanted.message !== undefined) {
      const { send } = await serveHttpForTest(standInServer({}));
      const answer = await send(request.method, request.path, { body: '' });
      expect(answer.status).toBe(wanted.http_status);
      if (request.method !== 'HEAD') expect(answer.json.error).toBe(wanted.message);
      return;
    }
    const { method = 'status', model, version, label } = wanted;
    expect(routeOf(request.method, request.path)).toEqual({
      kind: method,
      target: {
        model,
        ...(version !== undefined && { version: Number(version) }),
        ...(label !== undefined && { label }),
      },
    });
  });

  describe('against half_plus_two', () => {
    const folder = temporaryFolder();
    let server: ModelServer;
    const served: ServedHttp[] = [];

    beforeAll(async () => {
      const signatures = {
        regress_x_to_y: { method: 'regress', outputs: { outputs: 'y' } },
        classify_x_to_y: { method: 'classify', outputs: { scores: 'y' } },
      };
      const beside = { 'signatures.json': JSON.stringify(signatures) };
      const basePath = writeModel(folder, 'half_plus_two', 123, authored.linear(0.5, 2), beside);
      server = await new ModelServer({ models: [{ name: 'half_plus_two', basePath }] }).start();
      const source = { contentType: 'text/plain', metrics: () => '' };
      served.push(await serveHttp(server), await serveHttp(server, { metrics: { source } }));
    });
    afterAll(async () => {
      for (const { handler } of served) await handler.close();
      await server.close();
    });

    it.each(of('rest-http'))('%s', async (_name, { request, expect: wanted }) => {
      const [plainOne, withMetrics] = served as [ServedHttp, ServedHttp];
      const { method, path, headers, body } = request;
      const { send } = request.server_flags === undefined ? plainOne : withMetrics;
      const answer = await send(method, path, { headers, body });
      expect(answer.status).toBe(wanted.http_status);
      if (wanted.body !== undefined) expect(answer.text).toBe(wanted.body);
      if (wanted.json !== undefined) expect(answer.json).toEqual(wanted.json);
      if (wanted.error_contains !== undefined) expect(answer.json.error).toContain(wanted.error_contains);
    });
  });
});

function expectError({ status, json }: HttpAnswer, wanted: Case): void {
  if (wanted.message !== undefined) expect(json.error).toBe(wanted.message);
  else expect(json.error).toContain(wanted.message_contains);
  expect(status).toBe(wanted.http_status);
}

function signatureOf(inputs: Readonly<Record<string, string>>): Signature {
  const specs = Object.entries(inputs).map(([name, dtype]) => [
    name,
    { name, dtype: dtypes[dtype] as DType, shape: [] },
  ]);
  return { name: 'serving_default', method: 'predict', inputs: Object.fromEntries(specs), outputs: {} };
}

/** Elements as the cases write them: what JSON has no number for, as text. */
function valuesOf(dtype: DType, data: Tensor['data']): unknown[] {
  return Array.from(data as ArrayLike<unknown>, (value) => normal(dtype, value));
}

function normal(dtype: DType, value: unknown): unknown {
  if (dtype === 'bool') return Boolean(value);
  if (value instanceof Uint8Array) return Buffer.from(value).toString();
  if (typeof value === 'bigint' || dtype === 'int64') return String(value);
  if (dtype === 'string') return value;
  return dtype === 'float32' ? Math.fround(Number(value)) : Number(value);
}

function tensorOf({ dtype, shape, values }: Case): Tensor {
  const name = dtypes[dtype] as DType;
  const arrays = { float32: Float32Array, float64: Float64Array, int32: Int32Array };
  const data = name === 'string' ? values : new arrays[name as keyof typeof arrays](values);
  return { dtype: name, shape, data };
}

function plain(example: Example): Case {
  const features = [...example].map(([name, { kind, values }]) => [
    name,
    {
      [`${kind}_list`]: values.map((value) =>
        value instanceof Uint8Array ? Buffer.from(value).toString() : Number(value),
      ),
    },
  ]);
  return Object.fromEntries(features);
}

function plainWanted(example: Case): Case {
  const read = (value: unknown) =>
    value === 'NaN' || value === '-Infinity' || value === 'Infinity' ? Number(value) : value;
  const features = Object.entries<Case>(example).map(([name, lists]) => {
    const [[kind, values]] = Object.entries<Case>(lists) as [[string, unknown[]]];
    return [name, { [kind]: kind === 'bytes_list' ? values : values.map(read).map(Number) }];
  });
  return Object.fromEntries(features);
}
