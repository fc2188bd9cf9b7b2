import { mkdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { type ModelOptions, ModelServer } from 'servable';
import { createGrpcServer } from 'servable/grpc';
import { afterEach, describe, expect, it } from 'vitest';
import { GrpcClient, type grpc, type Message } from '../../support/grpc.js';
import * as authored from '../../support/onnx/authored-models.js';
import { temporaryFolder, writeModel } from '../../support/onnx/model-folder.js';

const folder = temporaryFolder();
const a = { name: 'a', basePath: writeModel(folder, 'a', 1, authored.linear(1, 1)) };
const b = { name: 'b', basePath: writeModel(folder, 'b', 1, authored.linear(1, 2)) };
const broken = { name: 'broken', basePath: writeModel(folder, 'broken', 1, Buffer.from('no model')) };

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

async function arrange(models: readonly ModelOptions[]) {
  const server = new ModelServer({ models, pollIntervalMs: 0, maxNumLoadRetries: 0 });
  const grpcServer = createGrpcServer(server);
  const { address } = await grpcServer.listen('127.0.0.1:0');
  const client = new GrpcClient(address);
  ends.push(
    () => client.close(),
    () => grpcServer.close({ graceMs: 0 }),
    () => server.close(),
  );
  const check = async (service: string) => (await client.call('Health/Check', { service })).status;
  return { server, grpcServer, client, check };
}

/** What a watch has said and not been asked for yet. */
function follow(stream: grpc.ClientReadableStream<Message>) {
  const said: string[] = [];
  let wake = () => {};
  const tell = (what: string) => {
    said.push(what);
    wake();
  };
  stream.on('data', ({ status }) => tell(status));
  stream.on('error', (error: grpc.ServiceError) => tell(`ended: ${error.code} ${error.details}`));
  return {
    next: async () => {
      while (said.length === 0) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      return said.shift();
    },
    said,
  };
}

describe('Check', () => {
  it('says SERVING of the server, of the services by their short names, and of each model', async () => {
    const { server, check } = await arrange([a, b]);
    await server.start();
    for (const service of ['', 'PredictionService', 'ModelService', 'a', 'b']) {
      expect([service, await check(service)]).toEqual([service, 'SERVING']);
    }
  });

  it('does not know other names, as TF Serving does not know the long ones', async () => {
    const { server, client } = await arrange([a]);
    await server.start();
    for (const service of ['tensorflow.serving.PredictionService', 'c', 'A']) {
      const error = await client.call('Health/Check', { service }).catch((each) => each);
      expect(error).toEqual({ code: 'NOT_FOUND', details: `Unknown service: ${service}` });
    }
  });

  it('says NOT_SERVING before the start, though the calls about models are answered', async () => {
    const { check } = await arrange([a]);
    expect([await check(''), await check('a'), await check('ModelService')]).toEqual([
      'NOT_SERVING',
      'NOT_SERVING',
      'SERVING',
    ]);
  });

  it('tells a model that cannot be loaded from the others', async () => {
    const { server, check } = await arrange([a, broken]);
    await server.start();
    expect([await check('a'), await check('broken'), await check('')]).toEqual([
      'SERVING',
      'NOT_SERVING',
      'NOT_SERVING',
    ]);
  });
});

describe('List', () => {
  it('says all of it at once', async () => {
    const { server, client } = await arrange([a, broken]);
    await server.start();
    expect((await client.call('Health/List', {})).statuses).toEqual({
      '': { status: 'NOT_SERVING' },
      PredictionService: { status: 'NOT_SERVING' },
      ModelService: { status: 'SERVING' },
      a: { status: 'SERVING' },
      broken: { status: 'NOT_SERVING' },
    });
  });
});

describe('Watch', () => {
  it('follows a model from before the start to the end', async () => {
    const { server, grpcServer, client } = await arrange([a]);
    const { next, said } = follow(client.watch('Health/Watch', { service: 'a' }));
    expect(await next()).toBe('NOT_SERVING');
    await server.start();
    expect(await next()).toBe('SERVING');
    await server.reconfigure([b]);
    expect(await next()).toBe('SERVICE_UNKNOWN');
    await server.reconfigure([a, b]);
    // Between the two it is known, and cannot answer yet; both may come together.
    const known = await next();
    expect(known === 'NOT_SERVING' ? await next() : known).toBe('SERVING');
    await server.close();
    expect(await next()).toBe('NOT_SERVING');
    await grpcServer.close();
    expect(await next()).toBe('ended: 14 The server is closing');
    expect(said).toEqual([]);
  });

  it('of a model that is not known yet waits for it', async () => {
    const { server, client } = await arrange([a]);
    await server.start();
    const { next } = follow(client.watch('Health/Watch', { service: 'b' }));
    expect(await next()).toBe('SERVICE_UNKNOWN');
    await server.reconfigure([a, b]);
    const known = await next();
    expect(known === 'NOT_SERVING' ? await next() : known).toBe('SERVING');
  });

  it('of the server hears of a model whose versions are gone, and of their coming back', async () => {
    const base = join(folder, 'moving');
    mkdirSync(base);
    const here = writeModel(base, 'here', 1, authored.linear(1, 1));
    const { server, client } = await arrange([a]);
    await server.start();
    const { next } = follow(client.watch('Health/Watch', { service: '' }));
    expect(await next()).toBe('SERVING');
    renameSync(here, join(base, 'away'));
    await server.reconfigure([a, { name: 'm', basePath: here }]).catch(() => {});
    expect(await next()).toBe('NOT_SERVING');
    renameSync(join(base, 'away'), here);
    await server.reconfigure([a, { name: 'm', basePath: here }]);
    expect(await next()).toBe('SERVING');
  });

  it('hears NOT_SERVING when the listener drains, and is let go', async () => {
    const { server, grpcServer, client } = await arrange([a]);
    await server.start();
    const { next } = follow(client.watch('Health/Watch', { service: 'a' }));
    expect(await next()).toBe('SERVING');
    const closed = grpcServer.close();
    expect(await next()).toBe('NOT_SERVING');
    expect(await next()).toBe('ended: 14 The server is closing');
    await closed;
  });

  it('leaves nothing behind in the server that it is told of', async () => {
    const { server, grpcServer, client } = await arrange([a]);
    const before = server.listenerCount('state');
    const stream = client.watch('Health/Watch', { service: 'a' });
    const { next } = follow(stream);
    expect(await next()).toBe('NOT_SERVING');
    stream.cancel();
    await grpcServer.close();
    expect([before, server.listenerCount('state')]).toEqual([1, 0]);
  });
});
