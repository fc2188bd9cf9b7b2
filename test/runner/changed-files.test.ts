import { appendFileSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { tensor } from '#dist/core/tensor.js';
import { type EngineSession, type OpenTerms, OrtEngine } from '#dist/runner/engine.js';
import { OnnxLoader } from '#dist/runner/onnx-loader.js';
import type { PlacedSessionOptions } from '#dist/runner/session-options.js';
import { run } from '../support/engine.js';
import * as authored from '../support/onnx/authored-models.js';
import { externalFile, externalWeights } from '../support/onnx/external-models.js';
import { temporaryFolder, writeModel } from '../support/onnx/model-folder.js';
import { rejection } from '../support/rejection.js';

/** An engine with something that happens just before or after a session is made. */
class HookedEngine extends OrtEngine {
  before: () => void = () => {};
  after: () => void = () => {};
  opened = 0;
  closed = 0;

  override async openSession(file: string, options: PlacedSessionOptions, terms?: OpenTerms) {
    this.before();
    const open = await super.openSession(file, options, terms);
    this.opened++;
    this.after();
    return open;
  }

  override async closeSession(open: EngineSession) {
    await super.closeSession(open);
    this.closed++;
  }
}

const folder = temporaryFolder();
const engine = new HookedEngine({ numBatchThreads: 1 });
engine.start();
afterAll(() => engine.close());
const loader = new OnnxLoader({ engine });
const id = { model: 'm', version: 3 };
let count = 0;

/** A version with external data and signatures. */
function written(): string {
  const beside = { 'weights.bin': externalFile(), 'signatures.json': '{}' };
  return `${writeModel(folder, `model-${count++}`, 3, externalWeights('weights.bin'), beside)}/3`;
}

const changes: readonly (readonly [string, (path: string) => void])[] = [
  ['the model is written', (path) => writeFileSync(join(path, 'model.onnx'), authored.linear())],
  ['the model goes', (path) => rmSync(join(path, 'model.onnx'))],
  ['the data grow', (path) => appendFileSync(join(path, 'weights.bin'), 'more')],
  ['the data are touched', (path) => utimesSync(join(path, 'weights.bin'), 1, 1)],
  ['the signatures go', (path) => rmSync(join(path, 'signatures.json'))],
  ['the whole directory goes', (path) => rmSync(path, { recursive: true })],
  [
    'the data are replaced by others of the same size and age',
    (path) => {
      const [file, other] = [join(path, 'weights.bin'), join(path, 'other')];
      utimesSync(file, 1, 1);
      writeFileSync(other, externalFile());
      utimesSync(other, 1, 1);
      renameSync(other, file);
    },
  ],
];

describe('files that change while their version is loaded', () => {
  it.each(changes)('end the load with ABORTED, and leave no session behind: %s', async (_, change) => {
    for (const moment of ['before', 'after'] as const) {
      const path = written();
      engine.before = engine.after = () => {};
      engine[moment] = () => change(path);
      engine.opened = engine.closed = 0;
      const error = await rejection(loader.load(id, path));
      expect(error).toMatchObject({
        code: 'ABORTED',
        retryable: true,
        message: 'Cannot load m@3: its files changed while it was loaded',
        id,
      });
      expect(error.actual).toContain(path);
      expect(engine.closed).toBe(engine.opened);
    }
  });

  it('end it with ABORTED too where signatures come', async () => {
    const path = `${writeModel(folder, `model-${count++}`, 3, authored.linear())}/3`;
    engine.before = () => {};
    engine.after = () => writeFileSync(join(path, 'signatures.json'), '{}');
    expect((await rejection(loader.load(id, path))).code).toBe('ABORTED');
    engine.after = () => {};
    const servable = await loader.load(id, path);
    expect(await run(servable, { x: tensor('float32', [1], [1]) })).toHaveProperty('y');
    await servable.unload();
  });

  it('do not matter where they are none of the version’s', async () => {
    const path = written();
    engine.before = () => writeFileSync(join(path, 'README.md'), 'Read me');
    await (await loader.load(id, path)).unload();
  });
});
