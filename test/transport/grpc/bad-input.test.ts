import { ModelServer } from 'servable';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ByteSink } from '#dist/wire/byte-sink.js';
import { type CallError, type GrpcClient, type Message, serveGrpc } from '../../support/grpc.js';
import * as authored from '../../support/onnx/authored-models.js';
import { temporaryFolder, writeModel } from '../../support/onnx/model-folder.js';

const folder = temporaryFolder();
const signatures = { classify: { method: 'classify', outputs: { scores: 'y' } } };
const beside = { 'signatures.json': JSON.stringify(signatures) };
const names = ['unranked', 'linear', 'strings'];
writeModel(folder, 'unranked', 1, authored.unrankedLinear(), beside);
writeModel(folder, 'linear', 1, authored.linear());
writeModel(folder, 'strings', 1, authored.unrankedIdentity('string'));
const server = new ModelServer({ models: names.map((name) => ({ name, basePath: `${folder}/${name}` })) });
const maxInFlightBytes = 2 ** 20;
let client: GrpcClient;
let neighbour: GrpcClient;
const ends: (() => unknown)[] = [];

beforeAll(async () => {
  await server.start();
  const served = await serveGrpc(server, { maxInFlightBytes });
  client = served.client;
  neighbour = served.newClient();
  ends.push(
    () => client.close(),
    () => neighbour.close(),
    () => served.grpcServer.close(),
    () => server.close(),
  );
});
afterAll(async () => {
  for (const end of ends) await end();
});

const path = (method: string) => `/tensorflow.serving.PredictionService/${method}`;

/** How a call with these bytes fails; OK where it is answered. */
async function fate(bytes: Uint8Array, method = 'Predict'): Promise<CallError> {
  const outcome = await client.callBytes(path(method), Buffer.from(bytes)).then(
    () => ({ code: 'OK', details: '' }),
    (error: CallError) => error,
  );
  const { outputs } = await neighbour.call('Predict', {
    model_spec: { name: 'linear' },
    inputs: { x: { dtype: 'DT_FLOAT', tensor_shape: { dim: [{ size: 1 }] }, float_val: [2] } },
  });
  expect(outputs.y.float_val).toEqual([3]); // whatever came, others are served
  return outcome;
}

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');
const text = (value: string) => Buffer.from(value, 'utf8');

/** A PredictRequest of one input of these bytes. */
function request(tensor: Uint8Array, { model = 'unranked', alias = 'x' } = {}): Uint8Array {
  const sink = new ByteSink().message(1, (spec) => spec.text(1, model));
  return sink.message(2, (entry) => entry.text(1, alias).field(2, tensor)).written;
}

/** A TensorProto: its dtype, its dims as the bytes of varints, and more. */
function tensor(
  dtype: number,
  dims: readonly bigint[],
  more: (sink: ByteSink) => void = () => {},
): Uint8Array {
  const sink = new ByteSink().number(1, dtype);
  sink.message(2, (shape) => {
    for (const size of dims) shape.message(2, (dim) => dim.varint(8).varint64(size));
  });
  more(sink);
  return sink.written;
}

describe('bytes that are no request', () => {
  it.each<[string, Uint8Array, RegExp]>([
    ['a truncated field', hex('0a 05 0a 03 66'), /^Cannot decode a PredictRequest: index out of range/],
    [
      'a number without an end',
      hex('08 ff ff ff ff ff ff ff ff ff ff ff'),
      /^Cannot decode a PredictRequest: /,
    ],
    ['field number 0', hex('02 00'), /^Cannot decode a PredictRequest: /],
    ['wire type 7', hex('0f'), /^Cannot decode a PredictRequest: /],
    ['a group without an end', hex('0b'), /^Cannot decode a PredictRequest: /],
    ['text that is no UTF-8', hex('0a 04 0a 02 ff fe'), /^Cannot decode a PredictRequest: /],
    ['groups in groups', Buffer.alloc(10_000, 0x1b), /^Cannot decode a PredictRequest: /],
    ['100001 fields', Buffer.alloc(200_002, hex('1a 00')), /it has more than 100000 fields$/],
    [
      'a tensor in 101 pieces',
      new ByteSink().message(2, (entry) => {
        for (let piece = 0; piece < 101; piece++) entry.field(2, hex('0801'));
      }).written,
      /it comes in more than 100 pieces$/,
    ],
  ])('are INVALID_ARGUMENT: %s', async (_what, bytes, details) => {
    expect(await fate(bytes)).toEqual({ code: 'INVALID_ARGUMENT', details: expect.stringMatching(details) });
  });

  it.each(['Classify', 'Regress', 'MultiInference', 'GetModelMetadata'])(
    'are INVALID_ARGUMENT to %s',
    async (method) => {
      expect((await fate(hex('0a 05 0a'), method)).code).toBe('INVALID_ARGUMENT');
    },
  );

  it('may be of another message: what is not known is passed over', async () => {
    expect(await fate(hex('7a 02 08 01'))).toEqual({
      code: 'INVALID_ARGUMENT',
      details: 'Missing ModelSpec',
    });
    expect(await fate(new Uint8Array())).toEqual({ code: 'INVALID_ARGUMENT', details: 'Missing ModelSpec' });
  });
});

describe('tensors that are none', () => {
  const int64Most = 2n ** 63n - 1n;

  it.each<[string, Uint8Array, string, RegExp]>([
    ['without a dtype', tensor(0, [1n]), 'INVALID_ARGUMENT', /it has no dtype$/],
    ['of a dtype nobody knows', tensor(99, [1n]), 'UNIMPLEMENTED', /DataType 99 is not one/],
    ['of complex numbers', tensor(8, [1n]), 'UNIMPLEMENTED', /DT_COMPLEX64/],
    ['of a negative size', tensor(1, [-1n]), 'INVALID_ARGUMENT', /a dimension of -1$/],
    ['of a size that no number holds', tensor(1, [int64Most]), 'INVALID_ARGUMENT', /9223372036854775807/],
    [
      'of sizes whose product overflows',
      tensor(1, [2n ** 40n, 2n ** 40n]),
      'RESOURCE_EXHAUSTED',
      /more than/,
    ],
    ['of 300 axes', tensor(1, Array(300).fill(1n)), 'INVALID_ARGUMENT', /more than 254 dimensions$/],
    [
      'of 2 GB in 20 bytes',
      tensor(1, [2n ** 29n]),
      'RESOURCE_EXHAUSTED',
      /expected at most 1048576 together$/,
    ],
    ['of 2^29 strings in 20 bytes', tensor(7, [2n ** 29n]), 'RESOURCE_EXHAUSTED', /more than/],
    [
      'with content of another length',
      tensor(1, [2n], (to) => to.field(4, Buffer.alloc(7))),
      'INVALID_ARGUMENT',
      /tensor_content has 7 bytes, and 2 elements of float32 have 8$/,
    ],
    [
      'of strings whose lengths lie',
      tensor(7, [2n], (to) => to.field(4, hex('ff ff ff ff 0f 01 61'))),
      'INVALID_ARGUMENT',
      /does not hold 2 strings$/,
    ],
    [
      'with half a float',
      tensor(1, [2n], (to) => to.field(5, Buffer.alloc(6))),
      'INVALID_ARGUMENT',
      /cut short$/,
    ],
    [
      'of another dtype',
      tensor(3, [1n]),
      'INVALID_ARGUMENT',
      /Expects arg\[0\] to be float but int32 is provided\)$/,
    ],
  ])('are refused, by name: %s', async (_what, bytes, code, details) => {
    const error = await fate(request(bytes));
    expect(error).toEqual({ code, details: expect.stringMatching(details) });
    if (code !== 'UNIMPLEMENTED' && !/arg\[0\]/.test(error.details))
      expect(error.details).toMatch(/^tensor parsing error: x: /);
  });

  it.each<[string, Uint8Array]>([
    ['no values: zeros', tensor(1, [3n])],
    ['values in the field of another dtype: zeros', tensor(1, [3n], (to) => to.field(7, hex('01 02 03')))],
    ['too many values', tensor(1, [1n], (to) => to.field(5, Buffer.alloc(400)))],
    ['an empty one, whatever else it claims', tensor(1, [0n, 2n ** 50n])],
    ['NaN', tensor(1, [1n], (to) => to.field(5, hex('0000c07f')))],
  ])('are read as TensorFlow reads them: %s', async (_what, bytes) => {
    expect(await fate(request(bytes))).toEqual({ code: 'OK', details: '' });
  });
});

describe('names', () => {
  it.each(['__proto__', 'constructor', 'toString', ''])(
    'such as %j are inputs like any other',
    async (alias) => {
      const error = await fate(request(tensor(1, [1n]), { alias }));
      expect(error.code).toBe('INVALID_ARGUMENT');
      expect(error.details).toContain(`Inputs expected to be in the request {${alias}}`);
    },
  );

  it('of a MB are cut in the answer, within no character', async () => {
    const error = await fate(
      new ByteSink().message(1, (spec) => spec.text(1, 'linear').text(3, 'é'.repeat(500_000))).written,
    );
    expect(error.code).toBe('FAILED_PRECONDITION');
    expect(error.details).toMatch(/^Serving signature key "é+\.\.\.TRUNCATED$/);
    const kept = Buffer.byteLength(error.details.replace('...TRUNCATED', ''));
    expect([1023, 1024]).toContain(kept);
  });

  it('with line breaks and zeros come back as they were', async () => {
    const model = 'a\n\0b%é\u{1f600}';
    const error = await fate(request(tensor(1, [1n]), { model }));
    expect(error).toEqual({ code: 'NOT_FOUND', details: `Servable not found for request: Latest(${model})` });
  });
});

describe('what requests under way hold together', () => {
  const half = () => request(tensor(1, [BigInt(maxInFlightBytes / 8)]));

  it('is bounded, and given back by those that were refused and those that were answered', async () => {
    for (let round = 0; round < 20; round++) {
      const outcomes = await Promise.all(Array.from({ length: 8 }, () => fate(half())));
      for (const { code } of outcomes) expect(['OK', 'RESOURCE_EXHAUSTED']).toContain(code);
    }
    const all = request(tensor(1, [BigInt(maxInFlightBytes / 4)]));
    expect(await fate(all)).toEqual({ code: 'OK', details: '' });
  });

  it('does not grow the process by what is claimed', async () => {
    const before = process.memoryUsage().rss;
    for (let call = 0; call < 200; call++) await fate(request(tensor(1, [2n ** 29n])));
    expect(process.memoryUsage().rss - before).toBeLessThan(200 * 2 ** 20); // all of them claimed 400 GB
  });

  const list = (examples: Uint8Array) =>
    new ByteSink()
      .message(1, (spec) => spec.text(1, 'unranked').text(3, 'classify'))
      .message(2, (input) => input.field(1, examples)).written;
  const feature = (kind: number, values: Uint8Array) =>
    new ByteSink().message(1, (example) =>
      example.message(1, (features) =>
        features.message(1, (entry) =>
          entry.text(1, 'x').message(2, (value) => value.message(kind, (to) => to.field(1, values))),
        ),
      ),
    ).written;

  it.each<[string, Uint8Array]>([
    ['100,000 examples of two bytes', Buffer.alloc(200_000, hex('0a 00'))],
    ['100,000 integers of a byte', feature(3, Buffer.alloc(100_000, 1))],
    ['1,000,000 floats', feature(2, Buffer.alloc(4_000_000))],
  ])('counts examples as what they become: %s', async (_what, examples) => {
    const error = await fate(list(examples), 'Classify');
    expect(error).toEqual({
      code: 'RESOURCE_EXHAUSTED',
      details: expect.stringMatching(/1048576 together$/),
    });
  });
});

describe('messages about models', () => {
  it('of more than 4 MiB are refused: they hold no tensors', async () => {
    const reload: Message = await client
      .callBytes(
        '/tensorflow.serving.ModelService/HandleReloadConfigRequest',
        Buffer.alloc(2 ** 22 + 2, hex('0a 00')),
      )
      .catch((error) => error);
    expect(reload.code).toBe('RESOURCE_EXHAUSTED');
    expect(reload.details).toContain('4194306 bytes, expected at most 4194304');
  });
});

it('methods that there are not are UNIMPLEMENTED', async () => {
  for (const method of ['/tensorflow.serving.SessionService/SessionRun', path('PredictStreamed'), '/x/y']) {
    const error: CallError = await client.callBytes(method, Buffer.from(text(''))).catch((each) => each);
    expect(error.code).toBe('UNIMPLEMENTED');
  }
});
