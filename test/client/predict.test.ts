import { ModelServer } from 'servable';
import { type Tensor, type TensorMap, tensor } from 'servable/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Listeners, listen, wires } from '../support/client.js';
import * as authored from '../support/onnx/authored-models.js';
import { temporaryFolder, writeModel } from '../support/onnx/model-folder.js';
import { rejection } from '../support/rejection.js';

const folder = temporaryFolder();
const beside = { 'signatures.json': JSON.stringify({ values: { outputs: { outputs: 'y' } } }) };
for (const version of [1, 2]) writeModel(folder, 'linear', version, authored.linear(1, version), beside);
const authoredModels: Readonly<Record<string, Uint8Array>> = {
  all: authored.passthrough(),
  json: authored.passthrough(authored.passthroughDtypes.filter((dtype) => dtype !== 'uint16')),
  identity: authored.unrankedIdentity(),
  bytes: authored.unrankedIdentity('string'),
  odd: authored.oddlyNamed(),
  centering: authored.batchMeanCentering(),
  scale: authored.overridableScale(),
  strings: authored.strings(),
  'größe 模型': authored.linear(),
};
const models = Object.entries(authoredModels).map(([name, bytes]) => ({
  name,
  basePath: writeModel(folder, name, 1, bytes),
}));
const server = new ModelServer({
  models: [
    ...models,
    {
      name: 'linear',
      basePath: `${folder}/linear`,
      versionPolicy: 'all' as const,
      labels: { stable: 1, 'can/ary': 2 },
    },
  ],
});
let listeners: Listeners;

beforeAll(async () => {
  await server.start();
  listeners = await listen(server, { rest: { maxBodyBytes: 2 ** 28 } });
});
afterAll(async () => {
  await listeners.close();
  await server.close();
});

const x = (...values: number[]) => ({ x: tensor('float32', [values.length], values) });

/** Values at the edges of each dtype, all exact in JSON and in memory. */
const edges: TensorMap = {
  float16: tensor('float16', [1, 5], Uint16Array.of(0x3800, 0x7bff, 0x0001, 0x8000, 0xfc00)),
  bfloat16: tensor('bfloat16', [1, 5], Uint16Array.of(0x3fc0, 0x7f7f, 0x0001, 0x8000, 0x7f80)),
  float32: tensor('float32', [1, 6], [0.1, -0, 3.4028235e38, 1e-45, Number.NaN, Number.NEGATIVE_INFINITY]),
  float64: tensor('float64', [1, 6], [0.1, -0, 1.7976931348623157e308, 5e-324, Number.NaN, Infinity]),
  int8: tensor('int8', [1, 2], [-128, 127]),
  int16: tensor('int16', [1, 2], [-32768, 32767]),
  int32: tensor('int32', [1, 2], [-2147483648, 2147483647]),
  int64: tensor('int64', [1, 3], [-(2n ** 63n), 2n ** 63n - 1n, 2n ** 53n + 1n]),
  uint8: tensor('uint8', [1, 2], [0, 255]),
  uint16: tensor('uint16', [1, 2], [0, 65535]),
  uint32: tensor('uint32', [1, 2], [0, 4294967295]),
  uint64: tensor('uint64', [1, 2], [0n, 2n ** 64n - 1n]),
  bool: tensor('bool', [1, 2], [true, false]),
  string: tensor('string', [1, 4], ['', 'größe 模型 😀', 'with\0a "NUL"\n', '\u2028']),
};

/** The inputs of a pass-through model, and the outputs that they should become. */
function through(tensors: TensorMap): readonly [inputs: TensorMap, outputs: TensorMap] {
  const named = (prefix: string) =>
    Object.fromEntries(Object.entries(tensors).map(([dtype, each]) => [`${prefix}_${dtype}`, each]));
  return [named('in'), named('out')];
}

describe.each(wires)('a prediction over %s', (wire) => {
  it('brings every dtype there and back, to the last bit', async () => {
    const { uint16, ...others } = edges;
    const [inputs, outputs] = through(wire === 'grpc' ? edges : others);
    const answer = await listeners.client(wire).predict(wire === 'grpc' ? 'all' : 'json', inputs);
    expect(answer.outputs).toEqual(outputs);
    expect(uint16?.dtype).toBe('uint16');
  });

  it('is what the server itself predicts', async () => {
    const { uint16: _, ...others } = edges;
    const [inputs] = through(others);
    expect(await listeners.client(wire).predict('json', inputs)).toEqual(
      await server.predict('json', inputs),
    );
  });

  it('takes scalars, and tensors of any rank', async () => {
    const client = listeners.client(wire);
    for (const shape of [[], [1], [2, 1, 3], [1, 1, 1, 1, 2]]) {
      const size = shape.reduce((product, dim) => product * dim, 1);
      const given = tensor(
        'float32',
        shape,
        Float32Array.from({ length: size }, (_, place) => place + 0.5),
      );
      const { outputs } = await client.predict('identity', { x: given });
      expect(outputs).toEqual({ y: given });
    }
  });

  it('gives bytes back that are no text, and text that came as bytes', async () => {
    const client = listeners.client(wire);
    const noText = tensor('string', [2], [Uint8Array.of(0xff, 0, 0x80), Uint8Array.of()]);
    const { outputs } = await client.predict('bytes', { x: noText });
    if (wire === 'grpc') expect(outputs.y).toEqual(noText);
    else expect(outputs.y?.data).toEqual(['\ufffd\0\ufffd', '']); // JSON has no place for them
    const text = tensor('string', [1], [Buffer.from('größe')]);
    expect((await client.predict('bytes', { x: text })).outputs.y).toEqual(tensor('string', [1], ['größe']));
  });

  it('replaces half a character, as the server itself does', async () => {
    const half = { x: tensor('string', [1], ['a\ud83d']) };
    const { outputs } = await listeners.client(wire).predict('bytes', half);
    expect(outputs.y?.data).toEqual(['a\ufffd']);
    expect(outputs).toEqual((await server.predict('bytes', half)).outputs);
  });

  it('has inputs and outputs of whatever name', async () => {
    const inputs = Object.fromEntries(authored.oddNames.map((name) => [name, x(1).x]));
    const { outputs } = await listeners.client(wire).predict('odd', inputs);
    for (const [place, name] of authored.oddNames.entries()) {
      expect(outputs[`${name} out`]?.data).toEqual(Float32Array.of(1 + place));
    }
  });

  it('has outputs of unequal rows, and inputs that are left out', async () => {
    const client = listeners.client(wire);
    const { outputs } = await client.predict('centering', { x: tensor('float32', [2, 4], Array(8).fill(1)) });
    expect(outputs).toEqual({
      y: tensor('float32', [2, 4], Array(8).fill(0)),
      total: tensor('float32', [], [8]),
    });
    const scaled = await client.predict('scale', { x: tensor('float32', [1, 3], [1, 2, 3]) });
    expect(scaled.outputs.y?.data).toEqual(Float32Array.of(2, 4, 6));
  });

  it('is of the version, label or signature that was asked for, and says which', async () => {
    const client = listeners.client(wire);
    const ask = async (spec: Parameters<typeof client.predict>[0]) => {
      const { id, outputs } = await client.predict(spec, x(1));
      return [id.model, id.version, (outputs.y ?? outputs.outputs)?.data[0]];
    };
    expect(await ask('linear')).toEqual(['linear', 2, 3]);
    expect(await ask({ model: 'linear', version: 1 })).toEqual(['linear', 1, 2]);
    expect(await ask({ model: 'linear', label: 'stable' })).toEqual(['linear', 1, 2]);
    expect(await ask({ model: 'linear', signature: 'values' })).toEqual(['linear', 2, 3]);
    expect(await ask('größe 模型')).toEqual(['größe 模型', 1, 2.5]);
  });

  it('has the outputs that were asked for, and no others', async () => {
    const client = listeners.client(wire);
    const inputs = { x: tensor('float32', [1, 4], [1, 2, 3, 4]) };
    const { outputs } = await client.predict('centering', inputs, { outputs: ['total'] });
    expect(outputs).toEqual({ total: tensor('float32', [], [10]) });
    const all = await client.predict('centering', inputs, { outputs: [] });
    expect(Object.keys(all.outputs)).toEqual(['y', 'total']);
  });

  it('reads its inputs before it returns', async () => {
    const data = Float32Array.of(1, 2);
    const bytes = Uint8Array.of(0x61);
    const client = listeners.client(wire);
    const answers = [
      client.predict('linear', { x: tensor('float32', [2], data) }),
      client.predict('bytes', { x: tensor('string', [1], [bytes]) }),
    ];
    data.fill(9);
    bytes.fill(0x7a);
    const [numbers, strings] = await Promise.all(answers);
    expect(numbers?.outputs.y?.data).toEqual(Float32Array.of(3, 4));
    expect(strings?.outputs.y?.data).toEqual(['a']);
  });

  it('of 50 MB comes back whole', { timeout: 120_000 }, async () => {
    const count = wire === 'grpc' ? 12_500_000 : 5_000_000;
    const data = Float32Array.from({ length: count }, (_, place) => Math.fround((place % 100_000) / 7));
    const { outputs } = await listeners
      .client(wire)
      .predict('identity', { x: tensor('float32', [count], data) });
    const came = outputs.y as Tensor<'float32'>;
    expect(came.shape).toEqual([count]);
    expect(
      Buffer.compare(
        Buffer.from(came.data.buffer, came.data.byteOffset, came.data.byteLength),
        Buffer.from(data.buffer),
      ),
    ).toBe(0);
  });

  it.each<[string, Parameters<ModelServer['predict']>]>([
    ['an unknown model', ['nobody', x(1)]],
    ['an unknown version', [{ model: 'linear', version: 9 }, x(1)]],
    ['a missing input', ['centering', {}]],
    ['an unknown input', ['linear', { z: x(1).x }]],
    ['a wrong rank', ['linear', { x: tensor('float32', [1, 1], [1]) }]],
  ])('of %s fails as the server itself does', async (what, args) => {
    const [own, theirs] = [
      await rejection(server.predict(...args)),
      await rejection(
        listeners
          .client(wire)
          .predict(...(args as Parameters<ReturnType<typeof listeners.client>['predict']>)),
      ),
    ];
    expect(theirs.code).toBe(own.code);
    expect(theirs.retryable).toBe(false);
    // Over REST, inputs are told by TensorFlow Serving's reader of JSON, in its words.
    const isOfJson = wire === 'rest' && /input$/.test(what);
    if (!isOfJson) expect(theirs.message).toBe(own.message);
  });

  it('with another dtype is refused over gRPC; JSON has numbers, and no dtypes', async () => {
    const wrong = { x: tensor('float64', [1], [0.5]) };
    const answer = listeners.client(wire).predict('linear', wrong);
    if (wire === 'rest') return expect((await answer).outputs.y?.data).toEqual(Float32Array.of(2.5));
    const [error, own] = [await rejection(answer), await rejection(server.predict('linear', wrong))];
    expect([error.code, error.message]).toEqual([own.code, own.message]);
  });

  it('of an unknown output is refused by the name', async () => {
    const error = await rejection(listeners.client(wire).predict('linear', x(1), { outputs: ['z'] }));
    const own = await rejection(server.predict('linear', x(1), { outputs: ['z'] }));
    expect([error.code, error.message]).toEqual([own.code, own.message]);
  });

  it('of an unknown label is refused', async () => {
    const spec = { model: 'linear', label: 'no' };
    const error = await rejection(listeners.client(wire).predict(spec, x(1)));
    expect(error.code).toBe('INVALID_ARGUMENT');
    expect(error.message).toBe('Unrecognized servable version label: no');
  });

  it.each<[string, unknown, string]>([
    ['no inputs', undefined, 'Cannot use inputs: got undefined, expected an object of tensors by alias'],
    ['a list', [x(1).x], 'Cannot use inputs: got an array, expected an object of tensors by alias'],
    [
      'what is no tensor',
      { x: [1, 2] },
      'Cannot use input "x": an array, expected a tensor: { dtype, shape, data }',
    ],
  ])('of %s is not sent', async (_what, inputs, message) => {
    const error = await rejection(listeners.client(wire).predict('linear', inputs as TensorMap));
    expect([error.code, error.message]).toEqual(['INVALID_ARGUMENT', message]);
  });
});

describe('over REST', () => {
  it('uint16 has no form, and is refused before it is sent', async () => {
    const error = await rejection(
      listeners.client('rest').predict('all', { in_uint16: edges.uint16 as Tensor }),
    );
    expect([error.code, error.message]).toEqual([
      'INVALID_ARGUMENT',
      'Failed to write JSON value for tensor type: uint16',
    ]);
  });

  it('an empty output keeps the axes that its signature states', async () => {
    const empty = { x: tensor('float32', [0], []) };
    const { outputs } = await listeners.client('rest').predict('linear', empty);
    expect(outputs.y).toEqual(tensor('float32', [0], []));
  });
});

describe('over gRPC', () => {
  it('empty tensors keep their shape', async () => {
    const empty = { x: tensor('float32', [2, 0, 3], []) };
    const { outputs } = await listeners.client('grpc').predict('identity', empty);
    expect(outputs.y).toEqual(tensor('float32', [2, 0, 3], []));
  });
});
