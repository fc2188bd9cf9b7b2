import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Worker } from 'node:worker_threads';
import { ModelServer, type ServableStatus, type ServingError, type StatusCode, tensor } from 'servable';
import { afterAll, expect, it } from 'vitest';
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
const pollIntervalMs = 1000;
const names = ['a', 'b', 'c'] as const;
const allVersions = [1, 2, 3, 4];
/** The version that everything ends with. */
const last = 9;

/** Threads of the engine that are up, to be killed: one that is killed while it loads its native library takes us with it. */
const threads = new Set<Worker>();
const onWorker = (worker: Worker) => {
  worker.once('message', () => threads.add(worker));
  worker.once('exit', () => threads.delete(worker));
};
process.on('worker', onWorker);
afterAll(() => void process.off('worker', onWorker));

interface Wanted {
  readonly name: string;
  readonly versionPolicy: 'all' | { readonly latest: number } | { readonly specific: readonly number[] };
  readonly labels: Readonly<Record<string, number>>;
}

/** What a config file says of a model. */
function toText({ name, versionPolicy, labels }: Wanted, folder: string): string {
  const policy =
    versionPolicy === 'all'
      ? 'all {}'
      : 'latest' in versionPolicy
        ? `latest { num_versions: ${versionPolicy.latest} }`
        : `specific { ${versionPolicy.specific.map((version) => `versions: ${version}`).join(' ')} }`;
  const labelled = Object.entries(labels).map(
    ([key, value]) => `version_labels { key: "${key}" value: ${value} }`,
  );
  return `config { name: "${name}" base_path: "${join(folder, name)}" model_platform: "onnx"
    model_version_policy { ${policy} } ${labelled.join(' ')} }`;
}

it.each([...failedSeeds, ...newSeeds])(
  'whatever happens to files, configs, labels and threads, what is good is served [seed %i]',
  async (seed) => {
    const random = seededRandom(seed);
    const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
    const folder = join(root, String(seed));
    const path = join(folder, 'models.config');
    const faults: string[] = [];

    const bytesOf = (version: number) => authored.linear(1, version, { written: String(random()) });
    for (const name of names) writeModel(folder, name, 1, bytesOf(1));
    /** Put in place as a whole, as a good deployment does. */
    const deploy = (name: string, version: number, bytes: Uint8Array) => {
      const incoming = join(folder, `incoming-${random()}`);
      writeModel(incoming, name, version, bytes);
      const place = join(folder, name, String(version));
      rmSync(place, { recursive: true, force: true });
      if (existsSync(join(folder, name))) renameSync(join(incoming, name, String(version)), place);
      rmSync(incoming, { recursive: true, force: true });
    };
    const write = (models: readonly Wanted[]) => {
      const text = `model_config_list { ${models.map((model) => toText(model, folder)).join('\n')} }`;
      writeFileSync(`${path}.new`, text);
      renameSync(`${path}.new`, path);
    };
    const anyModels = (): readonly Wanted[] =>
      names
        .filter(() => random() < 0.8)
        .map((name) => ({
          name,
          versionPolicy: pick(['all', { latest: 1 }, { latest: 2 }, { specific: [1, 3] }] as const),
          labels: pick([
            {},
            { stable: 1 },
            { stable: 2, canary: 3 },
            { canary: 4, stable: 4 },
          ]) as Wanted['labels'],
        }));

    const first = names.map((name) => ({ name, versionPolicy: 'all' as const, labels: { stable: 1 } }));
    write(first);
    const clock = new FakeClock();
    const available = new Map<string, Set<number>>(names.map((name) => [name, new Set()]));
    const server: ModelServer = new ModelServer({
      configFile: { path, pollIntervalMs },
      numBatchThreads: 2,
      pollIntervalMs,
      lookTimeoutMs: Number.POSITIVE_INFINITY, // the clock does not wait for the disk
      unloadGraceMs: 5000,
      clock,
      lifecycleObserver: {
        onState: ({ id, state }: ServableStatus) => {
          if (state === 'AVAILABLE') available.get(id.model)?.add(id.version);
          else available.get(id.model)?.delete(id.version);
          if (state === 'DRAINING') checkCovered(id.model, id.version);
        },
      },
    });
    let isClosing = false;
    /** A version that is wanted and good is not taken away before another one answers. */
    const checkCovered = (name: string, version: number) => {
      const model = server.listModels().find((each) => each.name === name);
      const mayWantNothing = typeof model?.versionPolicy === 'object' && 'specific' in model.versionPolicy;
      if (isClosing || model === undefined || mayWantNothing || model.isReady) return;
      faults.push(`${name}@${version} went, and nothing answers`);
    };
    const checkLabels = () => {
      for (const { name, labels } of server.listModels()) {
        for (const { label, current } of labels) {
          if (current === undefined || available.get(name)?.has(current)) continue;
          faults.push(`label ${label} of ${name} points to ${current}, which is not available`);
        }
      }
    };

    let asked = 0;
    let answered = 0;
    const pending = new Set<Promise<void>>();
    const allowed: readonly StatusCode[] = ['NOT_FOUND', 'UNAVAILABLE', 'INVALID_ARGUMENT'];
    const ask = (name: string, which: { readonly version?: number; readonly label?: string }) => {
      const accepted = new Set(available.get(name));
      const value = Math.floor(random() * 100);
      asked++;
      const end = server
        .predict({ model: name, ...which }, { x: tensor('float32', [1], [value]) })
        .then(
          ({ id, outputs }) => {
            if (!accepted.has(id.version))
              faults.push(`${name}@${id.version} answered and was not available`);
            if (outputs.y?.data[0] !== value + id.version) faults.push(`${name}@${id.version} is wrong`);
            if (which.version !== undefined && which.version !== id.version)
              faults.push('another version answered');
          },
          ({ code, message }: ServingError) => {
            if (!allowed.includes(code)) faults.push(`${code}: ${message}`);
          },
        )
        .then(() => {
          answered++;
          pending.delete(end);
        });
      pending.add(end);
    };

    const away = (name: string) => join(folder, `${name}-away`);
    const disturb: readonly (() => void)[] = [
      () => {
        const version = pick(allVersions);
        deploy(pick(names), version, random() < 0.3 ? Buffer.from('not a model') : bytesOf(version));
      },
      () => {
        const file = join(folder, pick(names), String(pick(allVersions)), 'model.onnx');
        if (existsSync(file)) writeFileSync(file, Buffer.from('half a mo')); // in place, as a bad deployment does
      },
      () => rmSync(join(folder, pick(names), String(pick(allVersions))), { recursive: true, force: true }),
      () => {
        const name = pick(names);
        if (existsSync(away(name))) {
          rmSync(join(folder, name), { recursive: true, force: true });
          renameSync(away(name), join(folder, name));
        } else {
          renameSync(join(folder, name), away(name));
          if (random() < 0.5) mkdirSync(join(folder, name));
        }
      },
      () => write(anyModels()),
      () => writeFileSync(path, pick(['', 'model_config_list { config { name: "a', '\u0000\u0001'])),
      () => {
        const thread = pick([...threads]);
        if (random() < 0.3) void thread?.terminate();
      },
    ];
    const step = async () => {
      for (const name of names) {
        ask(name, pick([{}, {}, { version: pick(allVersions) }, { label: pick(['stable', 'canary']) }]));
      }
      if (random() < 0.4) pick(disturb)();
      if (random() < 0.5) clock.advance(pick([1, 100, pollIntervalMs, 60_000]));
      for (let turn = 0; turn < 3; turn++) await new Promise(setImmediate);
      checkLabels();
    };

    await server.start();
    for (let count = 0; count < 150; count++) await step();

    // The disturbances stop: everything is mended, and everybody wants the same.
    for (const name of names) {
      if (existsSync(away(name))) {
        rmSync(join(folder, name), { recursive: true, force: true });
        renameSync(away(name), join(folder, name));
      }
      deploy(name, last, bytesOf(last));
    }
    write(names.map((name) => ({ name, versionPolicy: { latest: 1 }, labels: { stable: last } })));
    const isConverged = () =>
      names.every((name) => {
        const [label] = server.listModels().find((model) => model.name === name)?.labels ?? [];
        return label?.current === last && [...(available.get(name) ?? [])].join() === String(last);
      });
    while (!isConverged()) {
      // Until the test's own time is over: to start a thread takes a while.
      clock.advance(pollIntervalMs);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    expect(
      server.listModels().map(({ name, versions, labels }) => ({ name, versions, labels })),
    ).toMatchObject(
      names.map((name) => ({ name, labels: [{ label: 'stable', version: last, current: last }] })),
    );
    expect(isConverged()).toBe(true);
    for (const name of names) ask(name, { label: 'stable' });

    isClosing = true;
    let isClosed = false;
    void server.close().then(() => {
      isClosed = true;
    });
    while (!isClosed || pending.size > 0) {
      clock.advance(pollIntervalMs);
      await new Promise(setImmediate);
    }
    expect(faults).toEqual([]);
    expect(answered).toBe(asked);
    expect(server.status().filter(({ state }) => state !== 'END')).toEqual([]);
    expect(clock.pending).toBe(0);
  },
);
