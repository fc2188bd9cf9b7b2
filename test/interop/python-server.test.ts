import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ModelServer } from 'servable';
import { ServableClient, type TensorMap, tensor } from 'servable/client';
import { createGrpcServer } from 'servable/grpc';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { missingForPython, PythonClient } from '../support/python-client.js';
import { rejection } from '../support/rejection.js';

/** Another server than ours: messages are read and written by protobuf's own runtime, and sent by gRPC's C core. */
describe.skipIf(missingForPython !== undefined)(
  `the client with a server of Debian's Python${missingForPython === undefined ? '' : ` (${missingForPython} is missing)`}`,
  () => {
    let python: PythonClient;
    let serving: Awaited<ReturnType<PythonClient['serve']>>;
    let client: ServableClient;
    beforeAll(async () => {
      python = await PythonClient.create();
      serving = await python.serve('serving_stub.py');
      client = new ServableClient({ address: `grpc://127.0.0.1:${serving.port}`, connections: 2 });
    });
    afterAll(async () => {
      await client?.close();
      await serving?.stop();
      python?.close();
    });

    const inputs: TensorMap = {
      float16: tensor('float16', [2], [0.5, -1]),
      bfloat16: tensor('bfloat16', [2], [0.5, -1]),
      float32: tensor('float32', [2, 1], [0.1, Number.NaN]),
      float64: tensor('float64', [], [0.1]),
      int8: tensor('int8', [1], [-128]),
      int16: tensor('int16', [1], [-32768]),
      int32: tensor('int32', [0, 3], []),
      int64: tensor('int64', [1], [-(2n ** 63n)]),
      uint8: tensor('uint8', [1], [255]),
      uint16: tensor('uint16', [1], [65535]),
      uint32: tensor('uint32', [1], [2 ** 32 - 1]),
      uint64: tensor('uint64', [1], [2n ** 64n - 1n]),
      bool: tensor('bool', [2], [true, false]),
      'größe/text:0': tensor('string', [2], ['größe\0', '']),
      bytes: tensor('string', [1], [Uint8Array.of(255, 0)]),
    };

    it('gets every dtype back that it sent', async () => {
      expect(await client.predict('echo', inputs)).toEqual({
        id: { model: 'echo', version: 7 },
        outputs: inputs,
      });
      expect((await client.predict({ model: 'typed', version: 3 }, inputs)).outputs).toEqual(inputs);
    });

    it('gets the outputs that it asks for', async () => {
      const { outputs } = await client.predict('echo', inputs, { outputs: ['int8', 'größe/text:0'] });
      expect(Object.keys(outputs).sort()).toEqual(['größe/text:0', 'int8']);
    });

    it('sends features in the kinds that it says', async () => {
      const example = { a: 0.5, b: [1n, true], c: ['größe', Buffer.from('b')], d: Int8Array.of(-1) };
      const { id, signature, results } = await client.classify({ model: 'm', signature: 's' }, [example, {}]);
      expect({ id, signature }).toEqual({ id: { model: 'm', version: 7 }, signature: 's' });
      expect(results.map((classes) => classes.map(({ label }) => label))).toEqual([
        ['a: float_list [0.5]', 'b: int64_list [1, 1]', "c: bytes_list ['größe', 'b']", 'd: int64_list [-1]'],
        [],
      ]);
      expect((await client.regress('m', [{ x: [1, 2] }, { x: 0.5 }])).values).toEqual([3, 0.5]);
    });

    it('asks several signatures at once', async () => {
      const tasks = [
        { spec: { model: 'm', signature: 'one' }, method: 'classify' },
        { spec: { model: 'm', signature: 'two' }, method: 'regress' },
      ] as const;
      expect((await client.multiInference(tasks, [{ x: 2 }])).results).toEqual([
        { signature: 'one', method: 'classify', results: [[{ label: 'x: float_list [2.0]', score: 0.5 }]] },
        { signature: 'two', method: 'regress', values: [2] },
      ]);
    });

    it('reads signatures, and what no tensor of ours has', async () => {
      expect(await client.signature('m')).toEqual({
        name: 'serving_default',
        method: 'predict',
        inputs: { image: { name: 'serving_default_image:0', dtype: 'float32', shape: [null, 28, 28] } },
        outputs: { scores: { name: 'StatefulPartitionedCall:0', dtype: 'float16', shape: [] } },
        unrepresentableOutputs: { variant: 'DT_VARIANT' },
      });
    });

    it('reads states, and knows by them what is ready: the server has no health service', async () => {
      const [available, ended] = await client.status('m');
      expect(available).toEqual({ id: { model: 'm', version: 7 }, state: 'AVAILABLE' });
      expect(ended).toMatchObject({ state: 'END', error: { code: 'NOT_FOUND', message: 'No such file' } });
      await client.waitForReady();
      await client.waitForReady('m');
      expect(await client.isReady({ model: 'm', version: 1 })).toBe(false);
      expect(await client.isReady({ model: 'm', label: 'stable' })).toBe(true);
      expect(await client.isReady('nobody')).toBe(false);
    });

    it('says what is to be served', async () => {
      const models = [
        { name: 'a', basePath: '/a', labels: { stable: 2 }, versionPolicy: { specific: [1, 2] } },
        { name: 'b', basePath: '/b', versionPolicy: { latest: 3 }, platform: 'onnx' },
        { name: 'c', basePath: '/c', versionPolicy: 'all' },
        { name: 'd', basePath: '/d' },
      ] as const;
      expect(Object.fromEntries(await client.reloadConfig(models, { counters: ['loads'] }))).toEqual({
        "a /a tensorflow specific [1, 2] {'stable': 2}": 1,
        'b /b onnx latest 3 {}': 1,
        'c /c tensorflow all 0 {}': 1,
        'd /d tensorflow None 0 {}': 1,
        loads: 2 ** 40,
      });
    });

    it('fails as the server says', async () => {
      const error = await rejection(client.predict('nobody', {}));
      expect([error.code, error.message]).toEqual([
        'NOT_FOUND',
        'Servable not found for request: Latest(nobody)',
      ]);
    });

    it('asks what the Python client of the documentation asks', async () => {
      const text = readFileSync(join(import.meta.dirname, '../../docs/client.md'), 'utf8');
      const program = /^```python\n([\s\S]*?)^```/m.exec(text)?.[1] as string;
      const models = [{ name: 'digits', basePath: 'examples/models/digits' }];
      await using server = await new ModelServer({ models }).start();
      await using grpcServer = createGrpcServer(server);
      const { address } = await grpcServer.listen('127.0.0.1:0');
      const promised = /print\(.*\) {2}# (.*)$/m.exec(program)?.[1];
      expect(await python.print(program, address)).toBe(promised);
    });

    it('takes large answers', async () => {
      const x = tensor('float32', [5_000_000], new Float32Array(5_000_000).fill(0.5));
      const { outputs } = await client.predict('echo', { x });
      expect(outputs.x?.data.length).toBe(5_000_000);
    });
  },
);
