import fc from 'fast-check';
import { ModelServer } from 'servable';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { codeNumbers } from '#dist/transport/status.js';
import { type CallError, type GrpcClient, type Message, serveGrpc } from '../../support/grpc.js';
import * as authored from '../../support/onnx/authored-models.js';
import { temporaryFolder, writeModel } from '../../support/onnx/model-folder.js';

/** Seeds that ever failed, of whichever property. */
const failedSeeds: readonly number[] = [];
/** More of them for a long night: SERVABLE_RANDOM_RUNS=100. */
const runs = Number(process.env.SERVABLE_RANDOM_RUNS ?? 1);
const newSeeds = Array.from({ length: runs }, () => Math.floor(Math.random() * 2 ** 31));
const seeds = [...failedSeeds, ...newSeeds];

const folder = temporaryFolder();
const signatures = {
  classify: { method: 'classify', outputs: { scores: 'y' } },
  regress: { method: 'regress', outputs: { outputs: 'y' } },
};
const beside = { 'signatures.json': JSON.stringify(signatures) };
writeModel(folder, 'linear', 1, authored.linear(), beside);
writeModel(folder, 'any', 1, authored.unrankedLinear(), beside);
writeModel(folder, 'text', 1, authored.unrankedIdentity('string'));
const server = new ModelServer({
  models: ['linear', 'any', 'text'].map((name) => ({ name, basePath: `${folder}/${name}` })),
});
let client: GrpcClient;
let close: () => Promise<void>;

beforeAll(async () => {
  await server.start();
  const { client: own, grpcServer } = await serveGrpc(server, { maxInFlightBytes: 2 ** 24 });
  client = own;
  close = async () => {
    own.close();
    await grpcServer.close();
    await server.close();
  };
});
afterAll(() => close());

const prediction = '/tensorflow.serving.PredictionService';
const service = '/tensorflow.serving.ModelService';
/** Not HandleReloadConfigRequest: a few bytes may mean that nothing is to be served. */
const paths = {
  Predict: `${prediction}/Predict`,
  Classify: `${prediction}/Classify`,
  Regress: `${prediction}/Regress`,
  MultiInference: `${prediction}/MultiInference`,
  GetModelMetadata: `${prediction}/GetModelMetadata`,
  GetModelStatus: `${service}/GetModelStatus`,
  'Health/Check': '/grpc.health.v1.Health/Check',
} as const;
type Method = keyof typeof paths;
const methods = Object.keys(paths) as Method[];

/** What is of the caller's making; INTERNAL and UNKNOWN are ours. */
const allowed = new Set(Object.keys(codeNumbers).filter((code) => code !== 'INTERNAL' && code !== 'UNKNOWN'));

async function check(method: Method, bytes: Uint8Array): Promise<void> {
  const code = await client.callBytes(paths[method], Buffer.from(bytes)).then(
    () => 'OK',
    (error: CallError) => (allowed.has(error.code) ? error.code : `${error.code} ${error.details}`),
  );
  expect(allowed).toContain(code);
}

async function assertServing(): Promise<void> {
  const x = { dtype: 'DT_FLOAT', tensor_shape: { dim: [{ size: 1 }] }, float_val: [2] };
  const { outputs } = await client.call('Predict', { model_spec: { name: 'linear' }, inputs: { x } });
  expect(outputs.y.float_val).toEqual([3]);
}

const int64 = fc.oneof(
  fc.integer({ min: -2, max: 5 }),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String),
  fc.constantFrom('9223372036854775807', '-9223372036854775808', String(2 ** 53), String(2 ** 31)),
);
const name = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom('linear', 'any', 'text') },
  { weight: 1, arbitrary: fc.string({ unit: 'grapheme', maxLength: 8 }) },
);
const alias = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom('x', 'y') },
  { weight: 1, arbitrary: fc.constantFrom('__proto__', 'constructor', '') },
  { weight: 1, arbitrary: fc.string({ maxLength: 4 }) },
);
const modelSpec = fc.record(
  {
    name,
    version: fc.record({ value: int64 }),
    version_label: fc.string({ maxLength: 3 }),
    signature_name: fc.constantFrom('', 'serving_default', 'classify', 'regress', 'none'),
  },
  { requiredKeys: ['name'] },
);
const some = <T>(arbitrary: fc.Arbitrary<T>) => fc.array(arbitrary, { maxLength: 4 });
const tensor = fc.record(
  {
    dtype: fc.oneof(
      { weight: 5, arbitrary: fc.constantFrom(1, 7) },
      { weight: 2, arbitrary: fc.integer({ min: -1, max: 130 }) },
    ),
    tensor_shape: fc.record(
      { dim: fc.array(fc.record({ size: int64 }), { maxLength: 3 }), unknown_rank: fc.boolean() },
      { requiredKeys: [] },
    ),
    tensor_content: fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes)),
    float_val: some(fc.float()),
    double_val: some(fc.double()),
    int_val: some(fc.integer()),
    int64_val: some(int64),
    bool_val: some(fc.boolean()),
    half_val: some(fc.integer()),
    string_val: some(fc.uint8Array({ maxLength: 4 }).map((bytes) => Buffer.from(bytes))),
  },
  { requiredKeys: [] },
);
const map = <T>(value: fc.Arbitrary<T>) =>
  fc.array(fc.tuple(alias, value), { maxLength: 3 }).map((entries) => Object.fromEntries(entries));
const feature = fc.oneof(
  fc.record({ float_list: fc.record({ value: some(fc.float()) }) }),
  fc.record({ int64_list: fc.record({ value: some(int64) }) }),
  fc.record({
    bytes_list: fc.record({ value: some(fc.uint8Array({ maxLength: 3 }).map((each) => Buffer.from(each))) }),
  }),
  fc.constant({}),
);
const example = fc.record({ features: fc.record({ feature: map(feature) }) }, { requiredKeys: [] });
const input = fc.oneof(
  fc.record({ example_list: fc.record({ examples: some(example) }) }),
  fc.record({ example_list_with_context: fc.record({ examples: some(example), context: example }) }),
);
const requests: Readonly<Partial<Record<Method, fc.Arbitrary<Message>>>> = {
  Predict: fc.record(
    { model_spec: modelSpec, inputs: map(tensor), output_filter: some(alias) },
    { requiredKeys: ['inputs'] },
  ),
  Classify: fc.record({ model_spec: modelSpec, input }, { requiredKeys: ['model_spec'] }),
  Regress: fc.record({ model_spec: modelSpec, input }, { requiredKeys: ['model_spec'] }),
  MultiInference: fc.record(
    {
      tasks: some(
        fc.record({
          model_spec: modelSpec,
          method_name: fc.constantFrom('tensorflow/serving/classify', 'tensorflow/serving/regress', 'x'),
        }),
      ),
      input,
    },
    { requiredKeys: ['tasks'] },
  ),
  GetModelMetadata: fc.record({
    model_spec: modelSpec,
    metadata_field: some(fc.constantFrom('signature_def', 'x')),
  }),
  GetModelStatus: fc.record({ model_spec: modelSpec }),
};
const structured = Object.keys(requests) as Method[];

/** A request of any structure, as the bytes that another encoder makes of it. */
const encoded = fc.constantFrom(...structured).chain((method) =>
  (requests[method] as fc.Arbitrary<Message>).map((message) => ({
    method,
    bytes: client.encode(method, message),
  })),
);

/** One change to some bytes. */
const mutation = fc.record({
  kind: fc.constantFrom('flip', 'cut', 'insert', 'repeat'),
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  byte: fc.nat({ max: 255 }),
  length: fc.integer({ min: 1, max: 9 }),
});

function mutate(
  bytes: Buffer,
  { kind, at, byte, length }: typeof mutation extends fc.Arbitrary<infer T> ? T : never,
): Buffer {
  const place = Math.floor(at * bytes.length);
  const [before, piece, after] = [
    bytes.subarray(0, place),
    bytes.subarray(place, place + length),
    bytes.subarray(place + length),
  ];
  switch (kind) {
    case 'flip':
      return Buffer.concat([before, piece.map((each) => each ^ byte), after]);
    case 'cut':
      return Buffer.concat([before, after]);
    case 'insert':
      return Buffer.concat([before, Buffer.alloc(length, byte), piece, after]);
    case 'repeat':
      return Buffer.concat([before, piece, piece, after]);
    default:
      throw new Error(`There is no mutation ${kind satisfies never}`);
  }
}

describe.each(seeds)(
  'whatever comes has an answer or a code of its own, and the next call is answered [seed %i]',
  (seed) => {
    const many = { seed, numRuns: 300 };

    it('random bytes', async () => {
      const property = fc.asyncProperty(fc.constantFrom(...methods), fc.uint8Array({ maxLength: 60 }), check);
      await fc.assert(property, many);
      await assertServing();
    });

    it('messages of any structure', async () => {
      await fc.assert(
        fc.asyncProperty(encoded, ({ method, bytes }) => check(method, bytes)),
        many,
      );
      await assertServing();
    });

    it('messages with some bytes changed', async () => {
      const property = fc.asyncProperty(
        encoded,
        fc.array(mutation, { minLength: 1, maxLength: 4 }),
        ({ method, bytes }, mutations) => check(method, mutations.reduce(mutate, bytes)),
      );
      await fc.assert(property, many);
      await assertServing();
    });
  },
);
