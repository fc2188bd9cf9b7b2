import { connect } from 'node:http2';
import { ModelServer, type ServingError } from 'servable';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { deferred } from '#dist/core/deferred.js';
import { type CallError, type Message, type Served, serveGrpc } from '../../support/grpc.js';
import * as authored from '../../support/onnx/authored-models.js';
import { temporaryFolder, writeModel } from '../../support/onnx/model-folder.js';

const folder = temporaryFolder();
const signatures = {
  scores: { method: 'classify', outputs: { scores: 'y' } },
  values: { method: 'regress', outputs: { outputs: 'y' } },
};
const beside = { 'signatures.json': JSON.stringify(signatures) };
for (const version of [1, 2]) writeModel(folder, 'linear', version, authored.linear(1, version), beside);
writeModel(folder, 'all', 1, authored.passthrough());
writeModel(folder, 'spin', 1, authored.spin());
writeModel(folder, 'scale', 1, authored.overridableScale());

const models = ['linear', 'all', 'spin', 'scale'].map((name) => ({
  name,
  basePath: `${folder}/${name}`,
  versionPolicy: 'all' as const,
  ...(name === 'linear' && { labels: { stable: 1 } }),
}));
const server = new ModelServer({ models });
let served: Served;

beforeAll(async () => {
  await server.start();
  served = await serveGrpc(server);
});
afterAll(async () => {
  served.client.close();
  await served.grpcServer.close();
  await server.close();
});

const floats = (...values: number[]) => ({
  dtype: 'DT_FLOAT',
  tensor_shape: { dim: [{ size: values.length }] },
  float_val: values,
});
const ask = (spec: Message, more: Message = {}) =>
  served.client.call('Predict', {
    model_spec: { name: 'linear', ...spec },
    inputs: { x: floats(1, 2) },
    ...more,
  });
const failure = (answer: Promise<Message>): Promise<CallError> =>
  answer.then(
    () => expect.fail('The call was answered'),
    (error) => error,
  );

describe('Predict', () => {
  it('answers with the highest version, and says which that is and by which signature', async () => {
    const { model_spec, outputs } = await ask({});
    expect(model_spec).toMatchObject({
      name: 'linear',
      version: { value: '2' },
      signature_name: 'serving_default',
    });
    expect(outputs.y).toMatchObject({ dtype: 'DT_FLOAT', float_val: [3, 4] });
  });

  it('answers with the version that a number or a label names; a label is not echoed', async () => {
    expect((await ask({ version: { value: 1 } })).outputs.y.float_val).toEqual([2, 3]);
    const { model_spec } = await ask({ version_label: 'stable', signature_name: 'values' });
    expect(model_spec).toMatchObject({ version: { value: '1' }, signature_name: 'values' });
    expect(model_spec.version_label).toBeUndefined();
  });

  it.each<[string, Message, string, string]>([
    [
      'an unknown label',
      { version_label: 'no' },
      'INVALID_ARGUMENT',
      'Unrecognized servable version label: no',
    ],
    ['an empty label', { version_label: '' }, 'INVALID_ARGUMENT', 'Unrecognized servable version label: '],
    ['version 0', { version: {} }, 'NOT_FOUND', 'Servable not found for request: Specific(linear, 0)'],
    [
      'a negative version',
      { version: { value: -1 } },
      'NOT_FOUND',
      'Servable not found for request: Specific(linear, -1)',
    ],
    [
      'a version that no number holds',
      { version: { value: '9223372036854775807' } },
      'NOT_FOUND',
      'Servable not found for request: Specific(linear, 9223372036854775807)',
    ],
    ['no name', { name: '' }, 'INVALID_ARGUMENT', 'ModelSpec has no name specified.'],
  ])('refuses %s', async (_what, spec, code, details) => {
    expect(await failure(ask(spec))).toEqual({ code, details });
  });

  it('says which shape was wanted and which was sent', async () => {
    const scalar = { dtype: 'DT_FLOAT', float_val: [1] };
    expect(await failure(ask({}, { inputs: { x: scalar } }))).toEqual({
      code: 'INVALID_ARGUMENT',
      details: 'Cannot run linear@2: input "x" has shape [], expected float32 [batch]',
    });
  });

  it('lets an input with a default be left out', async () => {
    const x = { dtype: 'DT_FLOAT', tensor_shape: { dim: [{ size: 1 }, { size: 3 }] }, float_val: [1, 2, 3] };
    const { outputs } = await ask({ name: 'scale' }, { inputs: { x } });
    expect(outputs.y.float_val).toEqual([2, 4, 6]);
  });

  it('gives every element type back, in its typed field and in tensor_content', async () => {
    const { client } = await serveGrpc(server, { enableSerializationAsTensorContent: true });
    const inputs = Object.fromEntries(dtypes.map(({ name, ...tensor }) => [`in_${name}`, wide(tensor)]));
    const typed = await served.client.call('Predict', { model_spec: { name: 'all' }, inputs });
    const asContent = await client.call('Predict', { model_spec: { name: 'all' }, inputs });
    for (const { name, content, ...tensor } of dtypes) {
      expect(typed.outputs[`out_${name}`]).toMatchObject(wide(tensor));
      expect(asContent.outputs[`out_${name}`].tensor_content).toEqual(Buffer.from(content, 'hex'));
    }
    client.close();
  });

  it('takes a message of 50 MB, and gives one back', async () => {
    const width = 12_500_000;
    const x = Buffer.alloc(4 * width);
    x.writeFloatLE(1, 4 * (width - 1));
    const tensor_shape = { dim: [{ size: width }] };
    const { outputs } = await ask(
      {},
      { inputs: { x: { dtype: 'DT_FLOAT', tensor_shape, tensor_content: x } } },
    );
    expect(outputs.y.float_val.length).toBe(width);
    expect([outputs.y.float_val[0], outputs.y.float_val.at(-1)]).toEqual([2, 3]);
  });
});

/** Values that tell the element types from each other. */
const dtypes: readonly Message[] = [
  { name: 'float32', dtype: 'DT_FLOAT', float_val: [0.5, -1], content: '0000003f000080bf' },
  { name: 'float64', dtype: 'DT_DOUBLE', double_val: [0.5, -1], content: '000000000000e03f000000000000f0bf' },
  { name: 'float16', dtype: 'DT_HALF', half_val: [0x3800, 0xbc00], content: '003800bc' },
  { name: 'int8', dtype: 'DT_INT8', int_val: [-128, 127], content: '807f' },
  { name: 'int16', dtype: 'DT_INT16', int_val: [-32768, 1], content: '00800100' },
  { name: 'int32', dtype: 'DT_INT32', int_val: [-2147483648, 1], content: '0000008001000000' },
  {
    name: 'int64',
    dtype: 'DT_INT64',
    int64_val: ['-9223372036854775808', '9007199254740993'],
    content: '00000000000000800100000000002000',
  },
  { name: 'uint8', dtype: 'DT_UINT8', int_val: [0, 255], content: '00ff' },
  { name: 'bfloat16', dtype: 'DT_BFLOAT16', half_val: [0x3f00, 0xbf80], content: '003f80bf' },
  { name: 'uint16', dtype: 'DT_UINT16', int_val: [0, 65535], content: '0000ffff' },
  { name: 'uint32', dtype: 'DT_UINT32', uint32_val: [0, 4294967295], content: '00000000ffffffff' },
  {
    name: 'uint64',
    dtype: 'DT_UINT64',
    uint64_val: ['18446744073709551615', '1'],
    content: 'ffffffffffffffff0100000000000000',
  },
  {
    name: 'string',
    dtype: 'DT_STRING',
    string_val: [Buffer.from('ä'), Buffer.from('')],
    content: '0200c3a4',
  },
  { name: 'bool', dtype: 'DT_BOOL', bool_val: [true, false], content: '0100' },
];

function wide({ content, ...tensor }: Message): Message {
  return { ...tensor, tensor_shape: { dim: [{ size: '1' }, { size: '2' }] } };
}

describe('a client that does not wait for the answer', () => {
  /** More turns than anybody lives to see. */
  const endless = {
    model_spec: { name: 'spin' },
    inputs: {
      x: { dtype: 'DT_FLOAT', tensor_shape: { dim: [{ size: 1 }, { size: 256 }] }, float_val: [1] },
      n: { dtype: 'DT_INT64', int64_val: ['1000000000000000'] },
    },
  };

  /** What became of the call within the server, which is told that it has come. */
  function watchPredict() {
    const arrived = deferred<void>();
    const ended = deferred<ServingError>();
    const watched = new Proxy(server, {
      get(target, name) {
        if (name === 'predict')
          return (...args: Parameters<ModelServer['predict']>) => {
            const answer = target.predict(...args);
            answer.catch(ended.resolve);
            arrived.resolve();
            return answer;
          };
        const member: unknown = Reflect.get(target, name, target);
        return typeof member === 'function' ? member.bind(target) : member;
      },
    });
    return { watched, arrived: arrived.promise, ended: ended.promise };
  }

  it('is told DEADLINE_EXCEEDED, and its run is stopped', async () => {
    const { watched, ended } = watchPredict();
    const { client } = await serveGrpc(watched);
    const error = await failure(client.call('Predict', endless, { deadline: Date.now() + 200 }));
    expect(error.code).toBe('DEADLINE_EXCEEDED');
    expect((await ended).code).toMatch(/DEADLINE_EXCEEDED|CANCELLED/); // whichever clock is first
    client.close();
  });

  it('may have had too little time from the beginning', async () => {
    const error = await failure(served.client.call('Predict', endless, { deadline: Date.now() - 1000 }));
    expect(error.code).toBe('DEADLINE_EXCEEDED');
  });

  it('may cancel the call, which stops its run', async () => {
    const { watched, arrived, ended } = watchPredict();
    const { client } = await serveGrpc(watched);
    const abort = new AbortController();
    const call = failure(client.call('Predict', endless, { signal: abort.signal }));
    await arrived;
    abort.abort();
    expect((await call).code).toBe('CANCELLED');
    expect((await ended).code).toBe('CANCELLED');
    client.close();
  });

  it('may go away with its connection, which stops its run', async () => {
    const { watched, arrived, ended } = watchPredict();
    const { address, client } = await serveGrpc(watched);
    const connection = connect(`http://${address}`);
    const stream = connection.request({
      ':method': 'POST',
      ':path': '/tensorflow.serving.PredictionService/Predict',
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    const message = client.encode('Predict', endless);
    const prefix = Buffer.alloc(5);
    prefix.writeUInt32BE(message.length, 1);
    stream.end(Buffer.concat([prefix, message]));
    await arrived;
    connection.destroy();
    expect((await ended).code).toBe('CANCELLED');
    client.close();
  });

  it('leaves no run behind: the server ends, which it would not before they do', async () => {
    await server.close({ graceMs: Number.POSITIVE_INFINITY });
    expect(server.isReady()).toBe(false);
  });
});
