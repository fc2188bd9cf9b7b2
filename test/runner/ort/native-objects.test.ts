import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { type Tensor, tensor } from '#dist/core/tensor.js';
import { bindOrtApi } from '#dist/runner/ort/c-api.js';
import { openEnvironment } from '#dist/runner/ort/environment.js';
import { findLibrary } from '#dist/runner/ort/library.js';
import { SessionRunner } from '#dist/runner/ort/run.js';
import { createRunOptions } from '#dist/runner/ort/run-options.js';
import { closeSession, type OpenSession, openSession } from '#dist/runner/ort/session.js';
import { createSessionOptions } from '#dist/runner/ort/session-options.js';
import type { OutputKind } from '#dist/runner/ort/values.js';
import { type CountingApi, countingApi } from '../../support/counting-api.js';
import * as authored from '../../support/onnx/authored-models.js';
import { temporaryFolder, writeModel } from '../../support/onnx/model-folder.js';

const bound = bindOrtApi(findLibrary());
const environment = openEnvironment(bound);
afterAll(() => bound.ReleaseEnv(environment));
const folder = temporaryFolder();
const fileOf = (name: string, bytes: Uint8Array) =>
  join(writeModel(folder, name, 1, bytes), '1', 'model.onnx');

/** Opens a model, runs it on this thread, closes everything; what goes wrong in between goes wrong. */
function serve(
  { api }: CountingApi,
  file: string,
  inputs: Readonly<Record<string, Tensor>>,
  kinds: Readonly<Record<string, OutputKind>>,
  session: Parameters<typeof createSessionOptions>[1] = {},
): readonly Tensor[] {
  const options = createSessionOptions(api, session);
  let open: OpenSession | undefined;
  const runner = new SessionRunner(api);
  const runOptions = createRunOptions(api);
  try {
    open = openSession(api, environment, file, options);
    const named = [...open.inputs, ...open.overridableInitializers, ...open.outputs];
    const nativeName = (name: string) => named.find((value) => value.name === name)?.nativeName as bigint;
    return runner.run(
      open.session,
      runOptions,
      Object.entries(inputs).map(([name, tensor]) => ({ nativeName: nativeName(name), tensor })),
      Object.entries(kinds).map(([name, kind]) => ({ nativeName: nativeName(name), kind })),
    );
  } finally {
    api.ReleaseRunOptions(runOptions);
    runner.close();
    if (open !== undefined) closeSession(api, open);
    api.ReleaseSessionOptions(options);
  }
}

const linear = fileOf('linear', authored.linear(1, 1, { some: 'metadata', more: 'of it' }));
const one = tensor('float32', [1], [1]);

describe('native objects', () => {
  it.each<[string, string, Record<string, Tensor>, Record<string, OutputKind>, boolean]>([
    ['a good run', linear, { x: one }, { y: 'tensor' }, true],
    ['a run without outputs', linear, { x: one }, {}, false],
    ['a run of the wrong dtype', linear, { x: tensor('int8', [1], [1]) }, { y: 'tensor' }, false],
    [
      'a run of a shape that the data do not fill',
      linear,
      { x: { ...one, shape: [5] } },
      { y: 'tensor' },
      false,
    ],
    [
      'an optional input',
      fileOf('scale', authored.overridableScale()),
      { x: tensor('float32', [1, 3], [1, 2, 3]), scale: tensor('float32', [], [1]) },
      { y: 'tensor' },
      true,
    ],
    [
      'strings',
      fileOf('strings', authored.passthrough(['string'])),
      { in_string: tensor('string', [1, 2], ['a', 'b\0c']) },
      { out_string: 'tensor' },
      true,
    ],
    [
      'strings that do not fill their shape',
      fileOf('strings', authored.passthrough(['string'])),
      { in_string: { dtype: 'string', shape: [1, 1], data: ['a', 'b'] } },
      { out_string: 'tensor' },
      false,
    ],
    [
      'a ZipMap',
      fileOf('zipmap', authored.zipMap(['a', 'b'])),
      { scores: tensor('float32', [3, 2], [1, 2, 3, 4, 5, 6]) },
      { label: 'tensor', probabilities: 'map-rows' },
      true,
    ],
    [
      'a ZipMap read as a tensor',
      fileOf('zipmap', authored.zipMap(['a', 'b'])),
      { scores: tensor('float32', [1, 2], [1, 2]) },
      { label: 'tensor', probabilities: 'tensor' },
      false,
    ],
    [
      'a sequence read as maps',
      fileOf('sequence', authored.sequenceOutput()),
      { x: tensor('float32', [1, 2], [1, 2]) },
      { y: 'tensor', seq: 'map-rows' },
      false,
    ],
    [
      'an operator that fails',
      fileOf('gather', authored.gatherTable()),
      { ids: tensor('int64', [1], [99]) },
      { row: 'tensor' },
      false,
    ],
    ['a file that is no model', fileOf('garbage', Buffer.from('not a model')), {}, {}, false],
    ['a file that is not there', join(folder, 'nowhere.onnx'), {}, {}, false],
    ['a model with maps as inputs', fileOf('maps', authored.mapInput()), {}, {}, false],
    ['a model with int4', fileOf('int4', authored.castOutput('int4')), {}, {}, false],
  ])('are all given back after %s', (_, file, inputs, kinds, isGood) => {
    const counting = countingApi(bound);
    const attempt = () => serve(counting, file, inputs, kinds);
    if (isGood) expect(attempt()).toHaveLength(Object.keys(kinds).length);
    else expect(attempt).toThrow();
    expect(counting.outstanding()).toEqual([]);
    expect(counting.handedOut()).toBeGreaterThan(0);
  });

  it.each([
    ['a provider that is not there', { providers: [{ name: 'nonesuch', options: { key: 'value' } }] }],
    ['CUDA where there is none', { providers: ['cuda'] }],
    ['TensorRT where there is none', { providers: [{ name: 'tensorrt', options: { nonesuch: '1' } }] }],
    ['a dimension of a negative size', { freeDimensions: { batch: -5 }, providers: ['nonesuch'] }],
  ])('are all given back after options with %s', (_, session) => {
    const counting = countingApi(bound);
    expect(() => createSessionOptions(counting.api, session)).toThrow();
    expect(counting.outstanding()).toEqual([]);
    expect(counting.handedOut()).toBeGreaterThan(0);
  });

  it.each([
    'ReleaseValue',
    'ReleaseTypeInfo',
    'AllocatorFree',
    'ReleaseSession',
    'ReleaseModelMetadata',
  ] as const)('are seen to be missing when %s is forgotten: the control of this test', (skip) => {
    const counting = countingApi(bound, skip);
    serve(counting, linear, { x: one }, { y: 'tensor' });
    expect(new Set(counting.outstanding())).toEqual(new Set([skip]));
  });
});
