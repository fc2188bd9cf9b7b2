import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { findBatchFault } from '#dist/batching/safety/batch-safety.js';
import { findPaddingFault } from '#dist/batching/safety/padding-safety.js';
import type { Servable } from '#dist/core/servable.js';
import { OrtEngine } from '#dist/runner/engine.js';
import { OnnxLoader } from '#dist/runner/onnx-loader.js';
import { defaultSignature } from '../../support/engine.js';
import { provideLocale } from '../../support/locale.js';
import { type ModelVersion, modelVersions } from '../../support/model-cases.js';
import { temporaryFolder } from '../../support/onnx/model-folder.js';
import { padAndStack } from '../../support/pad-rows.js';
import { describeShared, sharedFolder } from '../../support/shared-folder.js';

const fixed = /^input ".*" has a fixed axis 0 of \d+$/;
const scalar = /^input ".*" is a scalar, or its rank is not stated$/;

/** Why a model is not batched, by name or by name and version. Those that are not here are. */
const faults: Readonly<Record<string, RegExp>> = {
  batch_mean_center: /^output "total" has no axis 0$/,
  'bike-onehot': fixed,
  'dtln-1': fixed,
  'dtype-bool': fixed,
  'dtype-float': fixed,
  'dtype-float16': fixed,
  'dtype-int16': fixed,
  'dtype-int32': fixed,
  'dtype-int64': fixed,
  'dtype-uint32': fixed,
  'dtype-uint8': fixed,
  'external-data-add': fixed,
  fastestdet: fixed,
  mnist: fixed,
  'multi-dtype': fixed,
  no_input: /^it has no inputs$/,
  'odd-names': fixed,
  'signature_change@2': scalar,
  'silero_vad@4': scalar,
  'silero_vad@6': fixed,
  'silero_vad-half': fixed,
  spin: scalar,
  'squeezenet-fp16': fixed,
  // Its normaliser drops a cell that is a stop word, here "12", which the column beside it then has a row more than.
  'tfidf-20news-nozipmap': /^it fails with 3 rows: .*Concat/,
  time_major: /^output "y" has 2 rows for 1 row of input$/,
  'tree-ensemble-25': fixed,
  'ultraface-slim320': fixed,
  'zero-dim': fixed,
};

/** What padding does to the models with axes to pad, where it does anything. */
const paddingFaults: Readonly<Record<string, RegExp | undefined>> = {
  // It multiplies the ids by the mask, and looks at what is masked as at any other token.
  encoder: /^output "last_hidden_state" is /,
  passthrough: undefined,
  ragged_softmax: /^output "y" is /,
  'sentence-boundary': /^output "output" is /,
  tinybert: undefined,
  'yunet-s': /^output "cls_8" is /,
};

/** Models with an operator that opens the locale en_US.UTF-8 when it loads. */
const localeModels = ['string-vectorizer', 'tfidf-20news-nozipmap'];

describeShared('rows of real models', ['models'], () => {
  const folder = join(sharedFolder, 'models');
  const noLocale = provideLocale(temporaryFolder());
  const engine = new OrtEngine({ numBatchThreads: 2 });
  const loader = new OnnxLoader({ engine, sessionOptions: () => ({}) });
  beforeAll(() => engine.start());
  afterAll(() => engine.close());

  const versions = modelVersions(folder);
  const loadable = versions.filter(({ model }) => noLocale === undefined || !localeModels.includes(model));

  it.each(loadable)('may share runs or not, as the table says: $model@$version', async (version) => {
    const reason = faults[version.model] ?? faults[`${version.model}@${version.version}`];
    const fault = await withServable(version, (servable) =>
      findBatchFault(servable, defaultSignature(servable), { maxRows: 32 }),
    );
    if (reason === undefined) expect(fault).toBeUndefined();
    else expect(fault).toMatch(reason);
  });

  const padded = loadable.filter(({ model }) => model in paddingFaults);
  it.each(padded)('are padded or not, as the table says: $model@$version', async (version) => {
    const reason = paddingFaults[version.model];
    const fault = await withServable(version, (servable) =>
      findPaddingFault(servable, defaultSignature(servable), { maxRows: 32, merge: padAndStack }),
    );
    if (reason === undefined) expect(fault).toBeUndefined();
    else expect(fault).toMatch(reason);
  });

  async function withServable<T>(
    version: ModelVersion,
    look: (servable: Servable) => Promise<T>,
  ): Promise<T> {
    const { model, directory } = version;
    const servable = await loader.load({ model, version: version.version }, directory);
    try {
      return await look(servable);
    } finally {
      await servable.unload();
    }
  }
});
