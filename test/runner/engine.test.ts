import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { tensor } from '#dist/core/tensor.js';
import { OrtEngine } from '#dist/runner/engine.js';
import { openEngine, run } from '../support/engine.js';
import { host } from '../support/host.js';
import * as authored from '../support/onnx/authored-models.js';
import { temporaryFolder, writeModel } from '../support/onnx/model-folder.js';
import { rejection } from '../support/rejection.js';

/** Inputs for `spin` that keep a thread busy for about this many multiplications of 256×256. */
const spins = (n: number) => ({
  x: tensor('float32', [1, 256], new Float32Array(256)),
  n: tensor('int64', [], [n]),
});
const forEver = spins(1e9);

describe('OrtEngine', () => {
  const bench = openEngine({ inlineRuns: 'off' });
  afterAll(() => bench.close());

  it('runs one session in several threads at once', async () => {
    const servable = await bench.load(authored.spin());
    const answers = await Promise.all([1, 2, 3, 4, 5].map((n) => run(servable, spins(n))));
    expect(answers.map(({ y }) => y?.shape)).toEqual(Array(5).fill([1, 256]));
  });

  it('ends a run that is aborted while it runs, and the thread serves the next one', async () => {
    const servable = await bench.load(authored.spin());
    for (let round = 0; round < 5; round++) {
      const abort = new AbortController();
      const long = [run(servable, forEver, abort), run(servable, forEver, abort)];
      setImmediate(() => abort.abort());
      const errors = await Promise.all(long.map(rejection));
      expect(errors.map(({ code }) => code)).toEqual(['CANCELLED', 'CANCELLED']);
      expect(await run(servable, spins(1))).toHaveProperty('y');
    }
  });

  it('takes a run that is aborted while it waits for a thread out of the queue', async () => {
    const servable = await bench.load(authored.spin());
    const busy = new AbortController();
    const running = [run(servable, forEver, busy), run(servable, forEver, busy)];
    const waiting = new AbortController();
    const queued = run(servable, spins(1), waiting);
    waiting.abort(new Error('no longer wanted'));
    // It settles although no thread becomes free.
    expect(await rejection(queued)).toMatchObject({ code: 'CANCELLED' });
    busy.abort();
    await Promise.all(running.map(rejection));
  });

  it('refuses work before it is started and after it is closed', async () => {
    const engine = new OrtEngine();
    expect((await rejection(engine.openSession('x', {}))).code).toBe('UNAVAILABLE');
    await engine.close();
    expect(() => engine.start()).toThrow(expect.objectContaining({ code: 'FAILED_PRECONDITION' }));
    expect((await rejection(engine.openSession('x', {}))).code).toBe('UNAVAILABLE');
  });

  it('is started and closed many times over in one process, two at a time', async () => {
    const folder = temporaryFolder();
    const path = `${writeModel(folder, 'linear', 1, authored.linear())}/1/model.onnx`;
    for (let round = 0; round < 3; round++) {
      const engines = [new OrtEngine({ numBatchThreads: 1 }), new OrtEngine({ numBatchThreads: 1 })];
      for (const engine of engines) engine.start();
      for (const engine of engines) await engine.closeSession(await engine.openSession(path, {}));
      await Promise.all(engines.map((engine) => engine.close()));
    }
  });

  it('cancels a load that is queued or under way, and the engine loads on', async () => {
    const folder = temporaryFolder();
    const file = `${writeModel(folder, 'heavy', 1, authored.heavy(10).model)}/1/model.onnx`;
    const before = AbortSignal.abort();
    expect((await rejection(bench.engine.openSession(file, {}, { signal: before }))).code).toBe('CANCELLED');
    const abort = new AbortController();
    // More than there are load threads: some are queued, some are under way.
    const loads = Array.from({ length: 6 }, () =>
      bench.engine.openSession(file, {}, { signal: abort.signal }),
    );
    setImmediate(() => abort.abort());
    const outcomes = await Promise.allSettled(loads);
    for (const outcome of outcomes) {
      if (outcome.status === 'fulfilled') await bench.engine.closeSession(outcome.value);
      else expect(outcome.reason).toMatchObject({ code: 'CANCELLED' });
    }
    expect(outcomes.at(-1)?.status).toBe('rejected');
    await bench.engine.closeSession(await bench.engine.openSession(file, {}));
  });
});

describe('OrtEngine as a guest', () => {
  const folder = temporaryFolder();
  const basePath = writeModel(folder, 'linear', 1, authored.linear());
  const heavyPath = writeModel(folder, 'heavy', 1, authored.heavy(50).model);
  const spinPath = writeModel(folder, 'spin', 1, authored.spin());
  const open = (path: string, options = '{}') => `
    const engine = new OrtEngine(${options});
    engine.start();
    const servable = await new OnnxLoader({ engine }).load({ model: 'm', version: 1 }, ${JSON.stringify(join(path, '1'))});
    const signature = servable.signatures.get('serving_default');`;

  it('lets the process end by itself when it is closed', async () => {
    expect(
      await host(`${open(basePath)} await servable.unload(); await engine.close(); console.log('closed');`),
    ).toBe('closed');
  });

  it('does not keep the process alive while it is idle', async () => {
    expect(await host(`${open(basePath)} console.log('idle');`)).toBe('idle');
  });

  it('keeps the process alive until a run is answered', async () => {
    const program = `${open(spinPath)}
      const inputs = { x: tensor('float32', [1, 256], new Float32Array(256)), n: tensor('int64', [], [2000]) };
      servable.run({ signature, inputs, outputs: ['y'] }).then(() => console.log('answered'));`;
    expect(await host(program)).toBe('answered');
  });

  it('lets the process exit at any moment: while threads start, while they run, while they load', async () => {
    const busy = `
      const inputs = { x: tensor('float32', [1, 256], new Float32Array(256)), n: tensor('int64', [], [1e9]) };
      for (let i = 0; i < 8; i++) servable.run({ signature, inputs, outputs: ['y'] }).catch(() => {});`;
    const atStart = 'const engine = new OrtEngine(); engine.start();';
    const loads = `${atStart}
      engine.openSession(${JSON.stringify(join(heavyPath, '1', 'model.onnx'))}, {}).catch(() => {});`;
    const exits = [
      'process.exit(0);',
      'setImmediate(() => process.exit(0));',
      'setTimeout(() => process.exit(0), 30);',
    ];
    for (const exit of exits) {
      expect(await host(`${atStart} ${exit}`)).toBe('');
      expect(await host(`${open(spinPath)} ${busy} ${exit}`)).toBe('');
      expect(await host(`${loads} ${exit}`)).toBe('');
    }
  });

  it.skipIf(process.platform !== 'linux')(
    'leaves no file, no log and no telemetry thread behind [linux]',
    async () => {
      const home = await mkdtemp(join(tmpdir(), 'servable-home-'));
      try {
        const env = {
          HOME: home,
          XDG_CACHE_HOME: '',
          TMPDIR: home,
          CI: undefined,
          ORT_DISABLE_TELEMETRY: undefined,
        };
        // One thread of the host's, one that loads and one that runs: what the engine starts is all that there is.
        const count = `(await import('node:fs')).readdirSync('/proc/self/task').length`;
        const threads = await host(
          `const before = ${count}; ${open(basePath, '{ numBatchThreads: 1, numLoadThreads: 1 }')}
         console.log(${count} - before, process.env.ORT_DISABLE_TELEMETRY, process.pid);`,
          env,
        );
        const [started, variable, pid] = threads.split(' ');
        expect([Number(started), variable]).toEqual([2, 'undefined']);
        expect(await readdir(home)).toEqual([]);
        expect((await readdir('/tmp')).filter((name) => name.includes(`mat-debug-${pid}`))).toEqual([]);
      } finally {
        await rm(home, { recursive: true });
      }
    },
  );

  it.skipIf(process.platform !== 'linux')(
    'sleeps while it is idle: no thread of it is running [linux]',
    async () => {
      // Samples the states of the threads until they all sleep; one that spins or polls would never.
      const program = `${open(basePath, '{ numBatchThreads: 4 }')}
      const { readdirSync, readFileSync } = await import('node:fs');
      const inputs = { x: tensor('float32', [1], [1]) };
      for (let i = 0; i < 50; i++) await servable.run({ signature, inputs, outputs: ['y'] });
      const tasks = readdirSync('/proc/self/task').filter((task) => Number(task) !== process.pid);
      const state = (task) => readFileSync('/proc/self/task/' + task + '/stat', 'utf8').replace(/.*\\) /, '')[0];
      for (let inARow = 0; inARow < 100; ) {
        inARow = tasks.every((task) => state(task) === 'S') ? inARow + 1 : 0;
        await new Promise(setImmediate);
      }
      console.log('asleep');`;
      expect(await host(program)).toBe('asleep');
    },
  );
});

describe('inline runs', () => {
  it('are ended and done again on a thread when one turns out long', async () => {
    const bench = openEngine({ inlineRuns: 'auto' });
    try {
      const servable = await bench.load(authored.spin());
      // Learns that runs of this size are short, then gets one that is not: the answer is right all the same.
      for (let i = 0; i < 50; i++) await run(servable, spins(1));
      const long = await run(servable, spins(3000));
      const again = await run(servable, spins(3000));
      expect(long).toEqual(again);
    } finally {
      await bench.close();
    }
  });
});
