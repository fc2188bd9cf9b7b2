import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tensor } from 'servable/client';
import { describe, expect, it, onTestFinished } from 'vitest';
import { clientOf } from '../support/client.js';
import { FakeClock } from '../support/fake-clock.js';
import { rejection } from '../support/rejection.js';

/** A version as TF Serving would serve it: what its only output is, and what it answers. */
interface Version {
  readonly number: number;
  readonly dtype: string;
  readonly outputs: string;
}

/** A TensorFlow Serving's REST API, or, where it says which version answers, a servable's. */
async function serve(first: Version, saysVersion: boolean) {
  const state = { version: first, gone: new Set<number>(), asked: [] as string[] };
  const known = new Map([[first.number, first]]);
  const server = createServer((request, response) => {
    request.resume();
    const path = request.url ?? '';
    state.asked.push(path);
    known.set(state.version.number, state.version);
    if (path.endsWith(':predict')) {
      if (saysVersion) response.setHeader('x-model-version', String(state.version.number));
      return void response.end(`{\n    "outputs": ${state.version.outputs}\n}`);
    }
    const number = Number(/versions\/(\d+)/.exec(path)?.[1] ?? state.version.number);
    const version = known.get(number) as Version;
    if (state.gone.has(number)) return void response.writeHead(404).end('{ "error": "Gone" }');
    response.end(JSON.stringify(metadataOf(version)));
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { state, address: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

function metadataOf({ number, dtype }: Version) {
  const y = { dtype, tensor_shape: { dim: [{ size: '-1', name: '' }], unknown_rank: false }, name: 'y:0' };
  const defs = { serving_default: { inputs: {}, outputs: { y }, method_name: 'tensorflow/serving/predict' } };
  return {
    model_spec: { name: 'm', signature_name: '', version: String(number) },
    metadata: { signature_def: { signature_def: defs } },
  };
}

const floats: Version = { number: 1, dtype: 'DT_FLOAT', outputs: '[0.5, NaN]' };
const integers: Version = { number: 2, dtype: 'DT_INT64', outputs: '[9007199254740993]' };
const texts: Version = { number: 3, dtype: 'DT_STRING', outputs: '["a", {"b64": "aGk="}]' };

const metadata = (path: string) => path.endsWith('/metadata');

describe('the signature of an answer over REST', () => {
  it('is asked for once by all who want to know', async () => {
    const { state, address } = await serve(floats, true);
    const client = clientOf(address);
    await Promise.all(Array.from({ length: 20 }, () => client.predict('m', {})));
    expect(state.asked.filter(metadata)).toEqual(['/v1/models/m/versions/1/metadata']);
  });

  it('is that of the version that answered, where the server says which', async () => {
    const { state, address } = await serve(floats, true);
    const client = clientOf(address);
    expect(await client.predict('m', {})).toEqual({
      id: { model: 'm', version: 1 },
      outputs: { y: tensor('float32', [2], [0.5, Number.NaN]) },
    });
    state.version = integers;
    expect(await client.predict('m', {})).toEqual({
      id: { model: 'm', version: 2 },
      outputs: { y: tensor('int64', [1], [9007199254740993n]) },
    });
    expect(state.asked.filter(metadata)).toEqual([
      '/v1/models/m/versions/1/metadata',
      '/v1/models/m/versions/2/metadata',
    ]);
  });

  it('is asked for again where the answer does not fit it, and nobody says why', async () => {
    const { state, address } = await serve(floats, false);
    const client = clientOf(address);
    expect((await client.predict('m', {})).id).toEqual({ model: 'm', version: undefined });
    state.version = texts;
    expect((await client.predict('m', {})).outputs.y).toEqual(tensor('string', [2], ['a', 'hi']));
    await client.predict('m', {});
    expect(state.asked.filter(metadata)).toEqual(['/v1/models/m/metadata', '/v1/models/m/metadata']);
  });

  it('is not believed for ever', async () => {
    const clock = new FakeClock();
    const { state, address } = await serve(floats, false);
    const client = clientOf(address, { clock });
    await client.predict('m', {});
    state.version = { ...floats, dtype: 'DT_DOUBLE' };
    clock.advance(60_000);
    expect((await client.predict('m', {})).outputs.y?.dtype).toBe('float32');
    clock.advance(1);
    expect((await client.predict('m', {})).outputs.y?.dtype).toBe('float64');
  });

  it('is that of each label and version by itself', async () => {
    const { state, address } = await serve(floats, false);
    const client = clientOf(address);
    expect((await client.predict({ model: 'm', version: 1 }, {})).id.version).toBe(1);
    await client.predict({ model: 'm', label: 'a b' }, {});
    expect(state.asked.filter(metadata)).toEqual([
      '/v1/models/m/versions/1/metadata',
      '/v1/models/m/labels/a%20b/metadata',
    ]);
  });

  it('may be gone before it is told: then the call may be made again', async () => {
    const { state, address } = await serve(floats, true);
    state.gone.add(1);
    const error = await rejection(clientOf(address, { retry: false }).predict('m', {}));
    expect([error.code, error.retryable]).toEqual(['UNAVAILABLE', true]);
    expect(error.message).toMatch(/its version has gone before its signature was told: Gone$/);
    state.version = integers;
    const { outputs } = await clientOf(address).predict('m', {});
    expect(outputs.y?.dtype).toBe('int64');
  });

  it('does not have an output that is asked for: the answer is refused', async () => {
    const { address } = await serve(floats, true);
    const error = await rejection(clientOf(address).predict('m', {}, { outputs: ['z'] }));
    expect(error.code).toBe('INVALID_ARGUMENT');
    const unknown = await rejection(clientOf(address).predict({ model: 'm', signature: 'other' }, {}));
    expect([unknown.code, unknown.message]).toEqual([
      'FAILED_PRECONDITION',
      'Serving signature key "other" not found.',
    ]);
  });
});
