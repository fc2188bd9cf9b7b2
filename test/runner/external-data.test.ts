import { mkdirSync, readdirSync, statSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Servable } from '#dist/core/servable.js';
import { tensor } from '#dist/core/tensor.js';
import { OnnxLoader } from '#dist/runner/onnx-loader.js';
import type { SessionOptions } from '#dist/runner/session-options.js';
import { openEngine, run } from '../support/engine.js';
import { host } from '../support/host.js';
import * as authored from '../support/onnx/authored-models.js';
import {
  externalFile,
  externalWeights,
  type WeightsPlace,
  weightsPlaces,
} from '../support/onnx/external-models.js';
import { temporaryFolder, writeModel } from '../support/onnx/model-folder.js';
import { rejection } from '../support/rejection.js';

const folder = temporaryFolder();
const bench = openEngine();
afterAll(() => bench.close());

/** Without prepacking onnxruntime computes on the mapped file itself, for as long as the model is loaded. */
const unpacked: SessionOptions = { configEntries: { 'session.disable_prepacking': '1' } };
const inputs = {
  x: tensor('float32', [1, 64], new Float32Array(64).fill(1)),
  go: tensor('bool', [], [true]),
};
const answer = 32;

let count = 0;
/** An empty version directory. */
function versionDirectory(): string {
  const path = join(folder, `model-${count++}`, '1');
  mkdirSync(path, { recursive: true });
  return path;
}

function load(path: string, options: SessionOptions = unpacked): Promise<Servable> {
  const loader = new OnnxLoader({ engine: bench.engine, sessionOptions: () => options });
  return loader.load({ model: 'm', version: 1 }, path);
}

async function answerOf(path: string, options?: SessionOptions): Promise<unknown> {
  const servable = await load(path, options);
  try {
    return (await run(servable, inputs)).y?.data[0];
  } finally {
    await servable.unload();
  }
}

describe('files of a version that serves', () => {
  /** Serves a version in a process of its own, does something to its files, and says what it answers then. */
  const serve = (path: string, change: string, options: SessionOptions = unpacked) =>
    host(`
      import { readFileSync, rmSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs';
      const path = ${JSON.stringify(path)};
      const engine = new OrtEngine({ inlineRuns: 'off' });
      engine.start();
      const loader = new OnnxLoader({ engine, sessionOptions: () => (${JSON.stringify(options)}) });
      const servable = await loader.load({ model: 'm', version: 1 }, path);
      const signature = servable.signatures.get('serving_default');
      const x = tensor('float32', [1, 64], new Float32Array(64).fill(1));
      const inputs = { x, go: tensor('bool', [], [true]) };
      const answers = [];
      const ask = async () => answers.push((await servable.run({ signature, inputs, outputs: ['y'] })).y.data[0]);
      await ask();
      ${change}
      await ask();
      const maps = process.platform === 'linux' ? readFileSync('/proc/self/maps', 'utf8') : '';
      console.log(answers.join(), maps.includes(path));
      await servable.unload();
      await engine.close();`);
  const written = (place?: WeightsPlace) => {
    const path = versionDirectory();
    writeFileSync(join(path, 'weights.bin'), externalFile());
    writeFileSync(join(path, 'model.onnx'), externalWeights('weights.bin', place));
    return path;
  };

  it.each([
    ['its data cut short in place', "truncateSync(path + '/weights.bin', 10);"],
    ['its data overwritten', "writeFileSync(path + '/weights.bin', Buffer.alloc(64 * 64 * 4));"],
    ['the model cut short in place', "truncateSync(path + '/model.onnx', 10);"],
    ['the model removed', "unlinkSync(path + '/model.onnx');"],
    ['the directory removed', 'rmSync(path, { recursive: true });'],
  ])('may come to any harm: %s', async (_, change) => {
    expect(await serve(written(), change)).toBe(`${answer},${answer} false`);
  });

  it.each(weightsPlaces)('are not mapped, also where the weights are an %s', async (place) => {
    const options = place.startsWith('branch') ? {} : unpacked;
    expect(await serve(written(place), "truncateSync(path + '/weights.bin', 10);", options)).toBe(
      `${answer},${answer} false`,
    );
  });

  it.skipIf(process.platform !== 'linux')(
    'end the process where they are mapped and cut short, as the docs say [linux]',
    async () => {
      const mapped = { ...unpacked, externalData: 'mapped' } as const;
      const death = serve(written(), "truncateSync(path + '/weights.bin', 10);", mapped);
      expect(await death.catch(({ signal, code }) => signal ?? code)).toMatch(/SIGBUS|135/);
    },
  );
});

describe('external data', () => {
  it.each([
    'weights.bin',
    './weights.bin',
    'sub/weights.bin',
    'sub//weights.bin',
    'sub/../weights.bin',
    '..w',
  ])('is found at %s', async (location) => {
    const path = versionDirectory();
    mkdirSync(join(path, 'sub'));
    writeFileSync(join(path, location), externalFile());
    writeFileSync(join(path, 'model.onnx'), externalWeights(location));
    expect(await answerOf(path)).toBe(answer);
  });

  it('is found through links within the version, and through those that a model and its data both are', async () => {
    const mounted = versionDirectory(); // as Kubernetes mounts files
    mkdirSync(join(mounted, '..data'));
    writeFileSync(join(mounted, '..data', 'weights.bin'), externalFile());
    writeFileSync(join(mounted, '..data', 'model.onnx'), externalWeights('weights.bin'));
    for (const name of ['weights.bin', 'model.onnx']) symlinkSync(`..data/${name}`, join(mounted, name));
    expect(await answerOf(mounted)).toBe(answer);

    const blobs = versionDirectory(); // as the cache of Hugging Face lies
    const snapshot = versionDirectory();
    writeFileSync(join(blobs, '1a'), externalFile());
    writeFileSync(join(blobs, '2b'), externalWeights('weights.bin'));
    symlinkSync(join(blobs, '1a'), join(snapshot, 'weights.bin'));
    symlinkSync(join(blobs, '2b'), join(snapshot, 'model.onnx'));
    expect(await answerOf(snapshot)).toBe(answer);
    expect(await answerOf(snapshot, { externalData: 'mapped' })).toBe(answer);
  });

  it.each<[string, string, (path: string) => void, RegExp]>([
    ['above the version', '../outside.bin', () => {}, /escapes model directory/],
    ['above it by a detour', 'sub/../../outside.bin', () => {}, /escapes model directory/],
    ['at an absolute path', '/etc/hostname', () => {}, /Absolute path not allowed/],
    [
      'behind a link that leads out',
      'link.bin',
      (path) => symlinkSync('../outside.bin', join(path, 'link.bin')),
      /escapes model directory/,
    ],
    ['nowhere', 'missing.bin', () => {}, /External data path does not exist/],
    ['at no path', '', () => {}, /location cannot be empty/],
    ['at a path with a NUL', 'weights.bin\0', () => {}, /does not exist/],
    [
      'in a directory',
      'folder.bin',
      (path) => mkdirSync(join(path, 'folder.bin')),
      /does not exist|Is a directory/,
    ],
    [
      'in a file that is too short',
      'short.bin',
      (path) => writeFileSync(join(path, 'short.bin'), 'short'),
      /file_length/,
    ],
  ])('%s is refused by onnxruntime, and the copy is not spoken of', async (_, location, prepare, message) => {
    const path = versionDirectory();
    writeFileSync(join(path, '..', 'outside.bin'), externalFile());
    writeFileSync(join(path, 'model.onnx'), externalWeights(location));
    prepare(path);
    for (const externalData of ['copied', 'mapped'] as const) {
      const error = await rejection(load(path, { externalData }));
      expect(error.message).toMatch(message);
      expect(error.message).not.toMatch(/servable-\w{6}\//);
    }
  });
});

describe('the copy of external data', () => {
  const { model, data } = authored.heavy(20, { isExternal: true });
  const path = `${writeModel(folder, 'heavy', 1, model, { [authored.heavyDataFile]: data as Uint8Array })}/1`;
  const temporary = join(folder, 'temporary');
  const { TMPDIR } = process.env;
  beforeAll(() => {
    mkdirSync(temporary);
    process.env.TMPDIR = temporary;
  });
  afterAll(() => {
    if (TMPDIR === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = TMPDIR;
  });

  it('is gone when the version is loaded, and when it is refused', async () => {
    const servable = await load(path);
    expect(readdirSync(temporary)).toEqual([]);
    await servable.unload();
    const refused = versionDirectory();
    writeFileSync(join(refused, 'model.onnx'), externalWeights('missing.bin'));
    await rejection(load(refused));
    expect(readdirSync(temporary)).toEqual([]);
  });

  it('is gone when the load is aborted, before it is made, while it is made or when it is loaded', async () => {
    const loader = new OnnxLoader({ engine: bench.engine });
    for (const megabytes of [0, 1, 5, 10, 19, 20]) {
      const abort = new AbortController();
      const loading = loader.load({ model: 'm', version: 1 }, path, abort.signal);
      const end = loading.then(
        (servable) => servable.unload(),
        ({ code }) => expect(code).toBe('CANCELLED'),
      );
      await copied(megabytes * 2 ** 20, end);
      abort.abort();
      await end;
      expect(readdirSync(temporary)).toEqual([]);
    }
  });

  it('that cannot be made ends the load with a hint, and is not made where it is not asked for', async () => {
    process.env.TMPDIR = join(temporary, 'missing');
    try {
      expect(await rejection(load(path))).toMatchObject({
        code: 'FAILED_PRECONDITION',
        message: expect.stringMatching(/^Cannot load m@1: cannot copy .*ENOENT.*TMPDIR.*externalData/),
      });
      await (await load(path, { externalData: 'mapped' })).unload();
    } finally {
      process.env.TMPDIR = temporary;
    }
  });

  it('is not made of a model that has none', async () => {
    process.env.TMPDIR = join(temporary, 'missing');
    try {
      const plain = `${writeModel(folder, 'plain', 1, authored.linear())}/1`;
      await (await load(plain)).unload();
    } finally {
      process.env.TMPDIR = temporary;
    }
  });

  it('of a file that shrinks while it is loaded is refused with ABORTED, and harms nobody', async () => {
    const weights = join(path, authored.heavyDataFile);
    for (const megabytes of [0, 1, 5, 10, 19, 20]) {
      writeFileSync(weights, data as Uint8Array);
      const end = rejection(load(path));
      await copied(megabytes * 2 ** 20, end);
      truncateSync(weights, 4096);
      expect(await end).toMatchObject({
        code: 'ABORTED',
        retryable: true,
        message: 'Cannot load m@1: its files changed while it was loaded',
        actual: `${weights} changed`,
      });
      expect(readdirSync(temporary)).toEqual([]);
    }
  });

  /** Resolves when so much of the data has been copied, or the load is over. */
  async function copied(bytes: number, loaded: Promise<unknown>): Promise<void> {
    let isOver = false;
    const over = () => {
      isOver = true;
    };
    loaded.then(over, over);
    const bytesOf = (name: string) => {
      const file = join(temporary, name, authored.heavyDataFile);
      return statSync(file, { throwIfNoEntry: false })?.size ?? -1;
    };
    while (!isOver && !readdirSync(temporary).some((name) => bytesOf(name) >= bytes)) {
      await new Promise(setImmediate);
    }
  }
});
