import { connect, createServer, type Socket } from 'node:net';
import { ModelServer, ServingError, type StatusCode } from 'servable';
import { ServableClient, tensor } from 'servable/client';
import { createGrpcServer, type ServingApi } from 'servable/grpc';
import { createHttpHandler } from 'servable/http';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { type WireName, wires } from '../support/client.js';
import * as authored from '../support/onnx/authored-models.js';
import { temporaryFolder, writeModel } from '../support/onnx/model-folder.js';
import { seededRandom } from '../support/seeded-random.js';

/** Seeds that ever failed. */
const failedSeeds: readonly number[] = [];
const seeds = [...failedSeeds, Math.floor(Math.random() * 2 ** 32)];
const calls = 10_000;
const callers = 64;

const folder = temporaryFolder();
const server = new ModelServer({
  models: [{ name: 'linear', basePath: writeModel(folder, 'linear', 1, authored.linear(1, 1)) }],
});
beforeAll(async () => void (await server.start()));
afterAll(() => server.close());

const repeatable: readonly StatusCode[] = ['UNAVAILABLE', 'RESOURCE_EXHAUSTED', 'ABORTED'];
const final: readonly StatusCode[] = ['INTERNAL', 'NOT_FOUND'];

it.each(wires.flatMap((wire) => seeds.map((seed) => [wire, seed] as const)))(
  'over %s every call is settled once, and rightly, whatever happens on its way [seed %i]',
  { timeout: 120_000 },
  async (wire, seed) => {
    const random = seededRandom(seed);
    const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
    const address = await listenThrough(wire, withFaults(random, pick));
    const client = new ServableClient({
      address: address.text,
      connections: 4,
      timeoutMs: 200,
      retry: { maxAttempts: 3, initialBackoffMs: 1, maxBackoffMs: 4 },
    });
    const settled = new Uint8Array(calls);
    const codes = new Map<string, number>();
    let next = 0;
    const caller = async () => {
      for (let call = next++; call < calls; call = next++) {
        if (random() < 0.002) address.cut();
        const controller = random() < 0.05 ? new AbortController() : undefined;
        const options = {
          ...(controller && { signal: controller.signal }),
          ...(random() < 0.1 && { timeoutMs: 0.5 + 20 * random() }),
        };
        const answer = client.predict('linear', { x: tensor('float32', [1], [call]) }, options);
        if (controller) setImmediate(() => controller.abort());
        const outcome = await answer.then(
          ({ outputs }) => (outputs.y?.data[0] === call + 1 ? 'right' : `wrong: ${outputs.y?.data}`),
          (error: unknown) => (error instanceof ServingError ? error.code : `no ServingError: ${error}`),
        );
        (settled[call] as number)++;
        codes.set(outcome, (codes.get(outcome) ?? 0) + 1);
      }
    };
    await Promise.all(Array.from({ length: callers }, caller));
    await client.close();
    expect(settled.every((times) => times === 1)).toBe(true);
    const allowed = ['right', ...repeatable, ...final, 'DEADLINE_EXCEEDED', 'CANCELLED'];
    expect([...codes.keys()].filter((code) => !allowed.includes(code))).toEqual([]);
    expect(codes.get('right')).toBeGreaterThan(calls / 2);
    await address.untilLeft();
  },
);

/** The server, but for some calls that it fails, and some that it never answers. */
function withFaults(random: () => number, pick: <T>(items: readonly T[]) => T): ServingApi {
  return new Proxy(server as ServingApi, {
    get(api, name) {
      const value: unknown = Reflect.get(api, name, api);
      if (typeof value !== 'function') return value;
      if (name !== 'predict') return value.bind(api);
      return async (...args: Parameters<ServingApi['predict']>) => {
        const chance = random();
        if (chance < 0.1) throw new ServingError(pick(repeatable), 'By chance');
        if (chance < 0.12) throw new ServingError(pick(final), 'By chance');
        const [, , { signal }] = args;
        if (chance < 0.125)
          await new Promise<void>((resolve) => signal?.addEventListener('abort', () => resolve()));
        return api.predict(...args);
      };
    },
  });
}

/** A listener behind a relay that may cut all of its connections. */
async function listenThrough(wire: WireName, api: ServingApi) {
  const listener = wire === 'grpc' ? createGrpcServer(api) : createHttpHandler(api);
  const { port: upstreamPort = 0 } = await listener.listen('127.0.0.1:0');
  const sockets = new Set<Socket>();
  const keep = (socket: Socket) => {
    sockets.add(socket.on('error', () => {}).on('close', () => sockets.delete(socket)));
  };
  let onLeft = () => {};
  const relay = createServer((client) => {
    const upstream = connect(upstreamPort, '127.0.0.1');
    keep(client);
    keep(upstream);
    client.pipe(upstream).pipe(client);
    client.on('close', () => {
      upstream.destroy();
      if (sockets.size === 0) onLeft();
    });
    upstream.on('close', () => {
      client.destroy();
      if (sockets.size === 0) onLeft();
    });
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => relay.once('listening', resolve));
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy();
    relay.close();
    await listener.close({ graceMs: 0 });
  });
  const { port } = relay.address() as { readonly port: number };
  return {
    text: `${wire === 'grpc' ? 'grpc' : 'http'}://127.0.0.1:${port}`,
    cut: () => {
      for (const socket of sockets) socket.destroy();
    },
    /** Resolves when no connection is left. */
    untilLeft: () =>
      new Promise<void>((resolve) => {
        onLeft = resolve;
        if (sockets.size === 0) resolve();
      }),
  };
}
