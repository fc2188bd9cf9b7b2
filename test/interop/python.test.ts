import { join } from 'node:path';
import { type ModelOptions, ModelServer, type ModelServerOptions } from 'servable';
import { createGrpcServer, type GrpcServer, type GrpcServerOptions } from 'servable/grpc';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { Certificates, hasOpenssl, type Pair } from '../support/certificates.js';
import * as authored from '../support/onnx/authored-models.js';
import { model, node, value } from '../support/onnx/model.js';
import { temporaryFolder, writeModel } from '../support/onnx/model-folder.js';
import { PingCounter } from '../support/ping-counter.js';
import { type CheckOptions, missingForPython, PythonClient } from '../support/python-client.js';

const folder = temporaryFolder();
const linear: ModelOptions = {
  name: 'linear',
  basePath: writeModel(folder, 'linear', 1, authored.linear(1, 1)),
  versionPolicy: 'all',
  labels: { stable: 1, canary: 2 },
};
writeModel(folder, 'linear', 2, authored.linear(1, 2));

/** `image` float32 [batch, 224, 224, 3] → `means` float32 [batch, 3], of each channel, and `same`, the image. */
const channels = model({
  inputs: [value('image', 'float32', ['batch', 224, 224, 3])],
  outputs: [value('means', 'float32', ['batch', 3]), value('same', 'float32', ['batch', 224, 224, 3])],
  nodes: [
    node('ReduceMean', ['image'], ['means'], { axes: [1, 2], keepdims: 0 }),
    node('Identity', ['image'], ['same']),
  ],
});

const others: Readonly<Record<string, Uint8Array>> = {
  channels,
  passthrough: authored.passthrough(),
  unranked: authored.unrankedIdentity(),
  strings: authored.strings(),
  spin: authored.spin(),
};
const models: readonly ModelOptions[] = [
  linear,
  ...Object.entries(others).map(([name, bytes]) => ({
    name,
    basePath: writeModel(folder, name, 1, bytes),
  })),
];

/** The same, without its second version. */
const onlyFirst: ModelOptions = { ...linear, versionPolicy: { specific: [1] }, labels: {} };

/** Turns of the model `spin` that nobody waits for. */
const endless = 1e9;

const typedFields: Readonly<Record<string, string>> = {
  float16: 'half_val',
  bfloat16: 'half_val',
  float32: 'float_val',
  float64: 'double_val',
  int8: 'int_val',
  int16: 'int_val',
  int32: 'int_val',
  int64: 'int64_val',
  uint8: 'int_val',
  uint16: 'int_val',
  uint32: 'uint32_val',
  uint64: 'uint64_val',
  bool: 'bool_val',
  string: 'string_val',
};

const releases: (() => unknown)[] = [];
afterEach(async () => {
  for (const release of releases.splice(0).reverse()) await release();
});

async function startModels(options: Partial<ModelServerOptions> = {}): Promise<ModelServer> {
  const server = new ModelServer({ models, pollIntervalMs: 0, ...options });
  releases.push(() => server.close({ graceMs: 0 }));
  await server.start();
  return server;
}

async function listen(server: ModelServer, options: GrpcServerOptions = {}, address = '127.0.0.1:0') {
  const grpcServer = createGrpcServer(server as never, options);
  releases.push(() => grpcServer.close({ graceMs: 0 }));
  return { grpcServer, target: (await grpcServer.listen(address)).address };
}

/** Resolves, when the server is asked for a Predict, with what says that the client waits no more. */
function nextPredict(server: ModelServer): Promise<AbortSignal> {
  const predict = server.predict.bind(server);
  return new Promise((resolve) => {
    const spy = vi.spyOn(server, 'predict').mockImplementation((spec, inputs, options) => {
      resolve(options?.signal as AbortSignal);
      return predict(spec, inputs, options);
    });
    releases.push(() => spy.mockRestore());
  });
}

async function ended(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve));
}

const title = "the gRPC client of Debian's Python";
const skippedTitle = `${title} (skipped: this machine has no ${missingForPython} of Debian)`;

describe.skipIf(missingForPython !== undefined)(missingForPython === undefined ? title : skippedTitle, () => {
  let client: PythonClient;
  let shared: ModelServer;
  let sharedGrpc: GrpcServer;
  let target: string;
  beforeAll(async () => {
    client = await PythonClient.create();
    shared = new ModelServer({ models, pollIntervalMs: 0 });
    await shared.start();
    sharedGrpc = createGrpcServer(shared as never);
    target = (await sharedGrpc.listen('127.0.0.1:0')).address;
  });
  afterAll(async () => {
    await sharedGrpc?.close({ graceMs: 0 });
    await shared?.close({ graceMs: 0 });
    client?.close();
  });
  const check = (name: string, options: CheckOptions = {}, onReady?: () => unknown) =>
    client.run(target, name, options, onReady);

  describe('Predict', () => {
    it.each([
      ['typed fields', false],
      ['tensor_content', true],
    ])('takes an image in %s', async (_, as_content) => {
      expect(await check('image', { as_content })).toEqual({
        dtype: 'float32',
        shape: [1, 3],
        means: [1, 2, 3],
        isSame: true,
      });
    });

    it.each([false, true])(
      'carries every dtype, each in its own field (tensor_content: %s)',
      async (as_content) => {
        const names = authored.passthroughDtypes;
        expect(await check('dtypes', { as_content, names })).toEqual(typedFields);
      },
    );

    it('answers in tensor_content where the server is told so', async () => {
      const { target: other } = await listen(shared, { enableSerializationAsTensorContent: true });
      const names = authored.passthroughDtypes;
      const fields = names.map((name) => [name, 'tensor_content']);
      const answer = await client.run(other, 'dtypes', { as_content: false, names });
      expect(answer).toEqual(Object.fromEntries(fields));
    });

    it('fills up with the last element, and takes no elements and scalars', async () => {
      expect(await check('compact')).toEqual([
        [
          [2, 3],
          [1.5, 2.5, 2.5, 2.5, 2.5, 2.5],
        ],
        [[0, 3], []],
        [[], [4]],
      ]);
    });

    it('carries texts, and answers what the filter asks for', async () => {
      expect(await check('strings')).toEqual({ distinct: ['', 'b', 'größe'] });
    });

    it('carries bytes that are no text', async () => {
      expect(await check('binary_strings')).toEqual({ code: 'OK', details: '', isSame: true });
    });

    it('goes to the newest version, to one by its number, and to one by its label', async () => {
      const [first, second] = [
        ['linear', 1, 'serving_default', 2],
        ['linear', 2, 'serving_default', 3],
      ];
      expect(await check('versions')).toEqual([second, first, second, first, second]);
    });

    it.each([
      ['typed fields', false],
      ['tensor_content', true],
    ])('takes 50 MiB in %s, and gives them back', async (_, as_content) => {
      const answer = await check('large', { megabytes: 50, as_content });
      expect(answer).toEqual({ bytes: expect.any(Number), isSame: true });
      expect((answer as { bytes: number }).bytes).toBeGreaterThan(50 * 2 ** 20);
    });

    it.each(['Gzip', 'Deflate'])('takes a request that is compressed: %s', async (algorithm) => {
      const answer = await check('compressed', { algorithm, megabytes: 10 });
      expect(answer).toEqual({ count: 10 * 2 ** 18, isZero: true });
    });

    it('refuses what a compressed request holds beyond the limit', async () => {
      const { target: other } = await listen(shared, {
        channelArguments: { 'grpc.max_receive_message_length': 2 ** 20 },
      });
      expect(
        await client.run(other, 'compressed_refusal', { algorithm: 'Gzip', megabytes: 10 }),
      ).toMatchObject({
        code: 'RESOURCE_EXHAUSTED',
        after: 0,
      });
    });
  });

  describe('a call that is refused', () => {
    it('says why, by code and text', async () => {
      const invalid = (details: string) => ({ code: 'INVALID_ARGUMENT', details });
      const missing = (wanted: string) => ({
        code: 'NOT_FOUND',
        details: `Servable not found for request: ${wanted}`,
      });
      const sizes = (counts: string, sent: string, extra: string, lacking: string) =>
        invalid(
          `input size does not match signature: ${counts} len({${sent}}) != len({x}). Sent extra: {${extra}}. Missing but required: {${lacking}}.`,
        );
      expect(await check('refusals')).toEqual({
        'no spec': invalid('Missing ModelSpec'),
        'no name': invalid('ModelSpec has no name specified.'),
        'no such model': missing('Latest(nope)'),
        "a model's name beyond ASCII": missing('Latest(größe 100%\n模型)'),
        'a long name': missing(
          `Latest(${'n'.repeat(1024 - 'Servable not found for request: Latest('.length)}...TRUNCATED`,
        ),
        'no such version': missing('Specific(linear, 9)'),
        'a negative version': missing('Specific(linear, -1)'),
        'no such label': invalid('Unrecognized servable version label: nope'),
        'no such signature': {
          code: 'FAILED_PRECONDITION',
          details: 'Serving signature key "nope" not found.',
        },
        'the wrong dtype': invalid(
          'Cannot run linear@2: input "x" has dtype int64, expected float32 [batch] (Expects arg[0] to be float but int64 is provided)',
        ),
        'the wrong shape': invalid(
          'Cannot run linear@2: input "x" has shape [1,1], expected float32 [batch]',
        ),
        'no input': sizes('0!=1', '', '', 'x'),
        'an input too many': sizes('2!=1', 'x,z', 'z', ''),
        'content of another size': invalid(
          'tensor parsing error: x: Cannot decode a tensor: tensor_content has 5 bytes, and 2 elements of float32 have 8',
        ),
      });
    });

    it('may be one that no stub would make', async () => {
      const undecodable = {
        code: 'INVALID_ARGUMENT',
        details: expect.stringMatching(/^Cannot decode a PredictRequest: /),
      };
      const unimplemented = (method: string) => ({
        code: 'UNIMPLEMENTED',
        details: `The server does not implement the method /${method}`,
      });
      expect(await check('raw_refusals')).toEqual({
        'no message': undecodable,
        'a truncated message': undecodable,
        'no such method': unimplemented('tensorflow.serving.PredictionService/Nope'),
        'no such service': unimplemented('nope.Nope/Nope'),
        'a service that TF Serving does not register': unimplemented(
          'tensorflow.serving.SessionService/SessionRun',
        ),
      });
    });
  });

  describe('what is served', () => {
    it('is told by GetModelStatus', async () => {
      expect(await check('status')).toEqual({
        versions: [
          [2, 'AVAILABLE', 0, ''],
          [1, 'AVAILABLE', 0, ''],
        ],
        unknown: { code: 'NOT_FOUND', details: 'Could not find any versions of model nope' },
      });
    });

    it('is described by GetModelMetadata, in an Any that unpacks', async () => {
      expect(await check('metadata')).toEqual({
        model: ['linear', 2],
        isUnpacked: true,
        method: 'tensorflow/serving/predict',
        inputs: { x: ['x', 1, [-1]] },
        outputs: { y: ['y', 1, [-1]] },
      });
    });

    it('is changed by HandleReloadConfigRequest, and stays where that fails', async () => {
      const { target: other } = await listen(await startModels({ models: [linear] }));
      const basePath = writeModel(folder, 'reloaded', 7, authored.linear(1, 7));
      const ok = { code: 'OK', details: '' };
      expect(await client.run(other, 'reload', { models: { one: basePath, another: basePath } })).toEqual({
        ...ok,
        answers: { one: ok, another: ok },
      });
      const failed = await client.run(other, 'reload', { models: { one: '', another: basePath } });
      expect(failed).toMatchObject({ code: 'INVALID_ARGUMENT', answers: { one: ok, another: ok } });
    });

    it('is described by reflection, in descriptors that link', async () => {
      const methods = [
        'tensorflow.serving.PredictionService.Predict',
        'tensorflow.serving.ModelService.GetModelStatus',
        'grpc.health.v1.Health.Check',
      ];
      expect(await check('reflection', { methods })).toEqual({
        services: [
          'grpc.health.v1.Health',
          'tensorflow.serving.ModelService',
          'tensorflow.serving.PredictionService',
        ],
        inputs: [
          'tensorflow.serving.PredictRequest',
          'tensorflow.serving.GetModelStatusRequest',
          'grpc.health.v1.HealthCheckRequest',
        ],
        readsAlike: true,
        unknown: 5,
      });
    });
  });

  describe('health', () => {
    it('is told for each service by Check', async () => {
      const serving = {
        '': 'SERVING',
        linear: 'SERVING',
        PredictionService: 'SERVING',
        ModelService: 'SERVING',
      };
      const services = [...Object.keys(serving), 'nope'];
      expect(await check('health', { services })).toEqual({ ...serving, nope: 'NOT_FOUND' });
    });

    it('is watched until the server closes', async () => {
      const { grpcServer, target: other } = await listen(shared);
      expect(await client.run(other, 'watch', { service: '' }, () => grpcServer.close())).toEqual({
        told: ['SERVING', 'NOT_SERVING'],
        ended: { code: 'UNAVAILABLE', details: 'The server is closing' },
      });
    });

    it('is no longer watched when the client cancels that', async () => {
      expect(await check('watch_cancelled', { service: 'linear' })).toMatchObject({ code: 'CANCELLED' });
    });
  });

  describe('many calls at once', () => {
    it('are all answered rightly, from threads with connections of their own', async () => {
      expect(await check('threads', { channels: 8, calls: 50 })).toEqual({ answers: 400, wrong: 0 });
    });

    it('wait in the client where they are more than a connection may have', async () => {
      const { target: other } = await listen(shared, {
        channelArguments: { 'grpc.max_concurrent_streams': 4 },
      });
      expect(await client.run(other, 'futures', { calls: 200 })).toEqual({ answers: 200, isRight: true });
    });

    it('are all answered rightly to an event loop', async () => {
      expect(await check('asynchronous', { calls: 100 })).toEqual({ answers: 100, isRight: true });
    });
  });

  describe('a call that takes long', () => {
    it('ends at its deadline, for the client and for the server', async () => {
      const called = nextPredict(shared);
      expect(await check('deadline', { turns: endless, timeout: 0.5 })).toEqual({
        slow: 'DEADLINE_EXCEEDED',
        past: 'DEADLINE_EXCEEDED',
        after: 5,
      });
      await ended(await called);
    });

    it('ends when the client cancels it', async () => {
      const called = nextPredict(shared);
      expect(await check('cancel', { turns: endless }, () => called)).toEqual({
        isDone: false,
        isCancelled: true,
        code: 'CANCELLED',
        after: 5,
      });
      await ended(await called);
    });

    it('keeps its connection while the client pings each second', async () => {
      const counter = new PingCounter(target);
      releases.push(() => counter.close());
      const proxy = await counter.listen();
      const channel = [
        ['grpc.keepalive_time_ms', 100],
        ['grpc.keepalive_timeout_ms', 20_000],
        ['grpc.http2.max_pings_without_data', 0],
      ] as const;
      // Servers of gRPC in C++ and Go send the third such ping's client away, with ENHANCE_YOUR_CALM.
      const pinged = () => counter.reached(5);
      expect(await client.run(proxy, 'cancel', { turns: endless, channel }, pinged)).toMatchObject({
        isDone: false,
        after: 5,
      });
      expect(counter.counts).toMatchObject({ goAways: 0, connections: 1 });
    });
  });

  describe('a connection', () => {
    it('goes through a socket in the file system', async () => {
      const { target: other } = await listen(shared, {}, `unix:${join(folder, 'grpc.sock')}`);
      expect(await client.run(other, 'threads', { channels: 2, calls: 10 })).toEqual({
        answers: 20,
        wrong: 0,
      });
    });

    it('may carry metadata of any kind', async () => {
      expect(await check('call_metadata')).toEqual({ y: 7, code: 'OK' });
    });

    it('says UNAVAILABLE, and nothing else, when the server closes', async () => {
      const { grpcServer, target: other } = await listen(shared);
      const outcome = await client.run(other, 'until_closed', { calls_after: 3 }, () => grpcServer.close());
      expect(outcome).toEqual({ codes: ['OK', 'UNAVAILABLE'], answered: expect.any(Number) });
    });

    it('is made again to a server that is another one', async () => {
      const { grpcServer, target: other } = await listen(shared);
      const restart = async () => {
        await grpcServer.close();

        await listen(await startModels({ models: [onlyFirst] }), {}, other);
      };
      expect(await client.run(other, 'reconnect', {}, restart)).toEqual([3, 2]);
    });

    describe.skipIf(!hasOpenssl)(hasOpenssl ? 'with TLS' : 'with TLS (needs the program openssl)', () => {
      let certificates: Certificates;
      let authority: Pair;
      let pair: Pair;
      beforeAll(() => {
        certificates = new Certificates(folder);
        authority = certificates.authority('authority');
        pair = certificates.issue(authority, 'localhost');
      });

      it('is made by a client that trusts the root, and by no other', async () => {
        const { target: other } = await listen(shared, { tls: pair });
        const trusting = { root: authority.cert };
        expect(await client.run(other, 'call_metadata', { tls: trusting })).toEqual({ y: 7, code: 'OK' });
        const distrusting = { root: certificates.authority('stranger').cert };
        const refused = await client.run(other, 'health', { services: [''], tls: distrusting });
        expect(refused).toEqual({ '': 'UNAVAILABLE' });
        expect(await client.run(other, 'health', { services: [''] })).toEqual({ '': 'UNAVAILABLE' });
      });

      it('is made by a client that shows a certificate, where one is asked for', async () => {
        const { target: other } = await listen(shared, { tls: { ...pair, ca: authority.cert } });
        const root = authority.cert;
        const shown = { root, ...certificates.issue(authority, 'client') };
        expect(await client.run(other, 'call_metadata', { tls: shown })).toEqual({ y: 7, code: 'OK' });
        const refused = await client.run(other, 'health', { services: [''], tls: { root } });
        expect(refused).toEqual({ '': 'UNAVAILABLE' });
      });
    });
  });
});
