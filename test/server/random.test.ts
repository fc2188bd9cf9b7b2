import { mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type ModelOptions, ModelServer, type StatusCode, tensor } from 'servable';
import { expect, it } from 'vitest';
import { FakeClock } from '../support/fake-clock.js';
import * as authored from '../support/onnx/authored-models.js';
import { temporaryFolder, writeModel } from '../support/onnx/model-folder.js';
import { seededRandom } from '../support/seeded-random.js';

/** Seeds that ever failed. */
const failedSeeds: readonly number[] = [];
/** More of them for a long night: SERVABLE_RANDOM_RUNS=1000. */
const runs = Number(process.env.SERVABLE_RANDOM_RUNS ?? 3);
const newSeeds = Array.from({ length: runs }, () => Math.floor(Math.random() * 2 ** 32));

const root = temporaryFolder();
const steps = 150;
const pollIntervalMs = 1000;

it.each([...failedSeeds, ...newSeeds])(
  'whatever happens, every request is answered once and rightly, and everything ends [seed %i]',
  async (seed) => {
    const random = seededRandom(seed);
    const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
    const folder = join(root, String(seed));
    const names = ['a', 'b', 'c'];
    for (const name of names) writeModel(folder, name, 1, authored.linear(1, 1));
    writeModel(folder, 'spin', 1, authored.spin());
    const model = (name: string, versionPolicy: ModelOptions['versionPolicy'] = 'all'): ModelOptions => ({
      name,
      basePath: join(folder, name),
      versionPolicy: versionPolicy ?? 'all',
      transitionPolicy: pick(['availability-preserving', 'resource-preserving']),
      batching: pick([false, {}, { maxBatchSize: 4, batchTimeoutMicros: 500 }, { maxEnqueuedBatches: 1 }]),
    });
    const clock = new FakeClock();
    const server = await new ModelServer({
      models: [...names.map((name) => model(name)), model('spin')],
      numBatchThreads: 2,
      inlineRuns: pick(['auto', 'off', 'on']) === 'off' ? 'off' : 'auto',
      pollIntervalMs,
      drainGraceMs: pick([0, 5000]),
      clock,
    }).start();

    let asked = 0;
    let answered = 0;
    const wrong: string[] = [];
    const pending = new Set<Promise<void>>();
    /** Follows a request to its end. Version v of a model adds v; anything else must be one of the allowed errors. */
    const follow = (
      answer: ReturnType<ModelServer['predict']>,
      value: number,
      allowed: readonly StatusCode[],
    ) => {
      asked++;
      const end = answer
        .then(
          ({ id, outputs }) => {
            const right = id.model === 'spin' || outputs.y?.data[0] === value + id.version;
            if (!right) wrong.push(`${id.model}@${id.version} said ${outputs.y?.data[0]} to ${value}`);
          },
          (error) => {
            if (!allowed.includes(error.code)) wrong.push(`${error.code}: ${error.message}`);
          },
        )
        .then(() => {
          answered++;
          pending.delete(end);
        });
      pending.add(end);
    };
    const comeAndGo: readonly StatusCode[] = ['NOT_FOUND', 'UNAVAILABLE'];
    const changes: Promise<unknown>[] = [];

    const actions: (() => void)[] = [
      () => {
        const value = Math.floor(random() * 100);
        const data = Float32Array.of(value);
        follow(server.predict(pick(names), { x: tensor('float32', [1], data) }), value, comeAndGo);
        data.fill(-1); // the caller's own business
      },
      () =>
        follow(server.predict(pick(names), { x: tensor('int8', [1], [1]) }), 0, [
          'INVALID_ARGUMENT',
          ...comeAndGo,
        ]),
      () => {
        const inputs = {
          x: tensor('float32', [1, 256], new Float32Array(256)),
          n: tensor('int64', [], [pick([1, 100, 1e9])]),
        };
        const abort = new AbortController();
        const allowed: readonly StatusCode[] = ['CANCELLED', 'DEADLINE_EXCEEDED', ...comeAndGo];
        follow(
          server.predict('spin', inputs, { signal: abort.signal, timeoutMs: pick([1, 500, 5000]) }),
          0,
          allowed,
        );
        if (random() < 0.7) setTimeout(() => abort.abort(), random() * 5);
      },
      () => clock.advance(pick([1, 100, pollIntervalMs])),
      () => {
        const [name, version] = [pick(names), pick([2, 3])];
        const incoming = join(folder, `incoming-${asked}-${answered}-${random()}`);
        mkdirSync(incoming);
        const bytes = random() < 0.2 ? Buffer.from('not a model') : authored.linear(1, version);
        writeModel(incoming, name, version, bytes);
        const place = join(folder, name, String(version));
        rmSync(place, { recursive: true, force: true });
        renameSync(join(incoming, name, String(version)), place);
      },
      () => rmSync(join(folder, pick(names), String(pick([1, 2, 3]))), { recursive: true, force: true }),
      () => {
        const some = names
          .filter(() => random() < 0.7)
          .map((name) => model(name, pick(['all', { latest: 1 }, { specific: [1, 3] }])));
        changes.push(
          server
            .reconfigure([...some, model('spin')])
            .catch(({ code }) => expect(code).toMatch(/UNKNOWN|UNAVAILABLE/)),
        );
      },
    ];
    for (let step = 0; step < steps; step++) {
      // Many requests, few changes.
      pick([actions[0], actions[0], actions[0], actions[2], ...actions] as typeof actions)();
      if (random() < 0.3) await new Promise(setImmediate);
    }
    let isClosed = false;
    const closing = server.close().then(() => {
      isClosed = true;
    });
    while (!isClosed || pending.size > 0) {
      clock.advance(pollIntervalMs);
      await new Promise(setImmediate);
    }
    await closing;
    await Promise.all(changes);

    expect(wrong).toEqual([]);
    expect(answered).toBe(asked);
    expect(server.status().filter(({ state }) => state !== 'END')).toEqual([]);
    expect(clock.pending).toBe(0);
  },
);

/** Numbers in [0, 1) that a seed decides: mulberry32. */
