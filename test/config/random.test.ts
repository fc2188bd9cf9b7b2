import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseBatchingParameters } from '#dist/config/batching-parameters.js';
import type { ConfigFormat } from '#dist/config/config-format.js';
import type { ConfiguredModel } from '#dist/config/configured-model.js';
import { parseModelConfig } from '#dist/config/model-config.js';
import { ServingError } from '#dist/core/errors.js';

const file = 'models.config';
const formats = ['text', 'json', undefined] as const;

/** Reads a text as each kind of file, in each format; what is thrown must be a ServingError with a code of the caller. */
function readAnyhow(text: string): void {
  for (const format of formats) {
    for (const parse of [parseModelConfig, parseBatchingParameters]) {
      try {
        parse(text, { file, ...(format && { format }) });
      } catch (error) {
        if (!(error instanceof ServingError) || error.code !== 'INVALID_ARGUMENT') throw error;
      }
    }
  }
}

const words = fc.constantFrom(
  ...['model_config_list', 'config', 'name', 'base_path', 'model_type', 'model_platform', 'version_labels'],
  ...[
    'key',
    'value',
    'specific',
    'versions',
    'latest',
    'num_versions',
    'all',
    'max_batch_size',
    'TENSORFLOW',
  ],
  ...['custom_model_config', 'logging_config', 'sampling_config', 'sampling_rate', 'model_version_policy'],
  ...[
    '{',
    '}',
    '<',
    '>',
    '[',
    ']',
    ':',
    ',',
    ';',
    '-',
    '"',
    "'",
    '\\',
    '#',
    '\n',
    '\u0000',
    '\uFEFF',
    '\ud800',
  ],
  ...['0', '1', '-1', '1e400', '0x', '9007199254740993', 'nan', 'inf', 'true', 't', 'null', '"/a"', '"onnx"'],
  ...[
    '__proto__',
    'constructor',
    '[a/google.protobuf.Any]',
    '"@type"',
    '"modelConfigList"',
    '"maxBatchSize"',
  ],
);

const version = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
const name = fc.string({ unit: 'binary', minLength: 1, maxLength: 12 });
const share = fc.double({ min: 0, max: 1, noNaN: true }).map((rate) => rate + 0);
const models: fc.Arbitrary<ConfiguredModel[]> = fc.uniqueArray(
  fc
    .record(
      {
        name,
        basePath: fc.tuple(fc.constantFrom('/', 's3://', 'file:///'), name).map((parts) => parts.join('')),
        platform: fc.constantFrom('tensorflow' as const, 'onnx' as const),
        versionPolicy: fc.oneof(
          fc.constant('all' as const),
          fc.record({ latest: fc.integer({ min: 1, max: 2 ** 32 - 1 }) }),
          fc.record({ specific: fc.uniqueArray(version) }),
        ),
        labels: fc.dictionary(name, version, { noNullPrototype: true }),
        logging: fc.record({ type: name, filenamePrefix: name, samplingRate: share }),
      },
      { requiredKeys: ['name', 'basePath', 'platform', 'versionPolicy', 'labels'] },
    )
    .map((model): ConfiguredModel => model),
  { selector: (model) => model.name, maxLength: 5 },
);

/** A string of text format: every byte of its UTF-8 in octal, which leaves nothing to chance. */
const quote = (text: string) =>
  `"${[...Buffer.from(text)].map((byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('')}"`;

function toText({ name, basePath, platform, versionPolicy, labels, logging }: ConfiguredModel): string {
  const policy =
    versionPolicy === 'all'
      ? 'all {}'
      : 'latest' in versionPolicy
        ? `latest { num_versions: ${versionPolicy.latest} }`
        : `specific { ${versionPolicy.specific.map((each) => `versions: ${each}`).join(' ')} }`;
  return `config {
    name: ${quote(name)} base_path: ${quote(basePath)} model_platform: ${quote(platform)}
    model_version_policy { ${policy} }
    ${Object.entries(labels)
      .map(([label, each]) => `version_labels { key: ${quote(label)} value: ${each} }`)
      .join('\n')}
    ${
      logging === undefined
        ? ''
        : `logging_config {
      log_collector_config { type: ${quote(logging.type)} filename_prefix: ${quote(logging.filenamePrefix)} }
      sampling_config { sampling_rate: ${logging.samplingRate} }
    }`
    }
  }`;
}

function toJson({ versionPolicy, labels, logging, ...model }: ConfiguredModel): object {
  return {
    name: model.name,
    base_path: model.basePath,
    model_platform: model.platform,
    model_version_policy:
      versionPolicy === 'all'
        ? { all: {} }
        : 'latest' in versionPolicy
          ? { latest: { num_versions: versionPolicy.latest } }
          : { specific: { versions: versionPolicy.specific.map(String) } },
    version_labels: labels,
    ...(logging && {
      logging_config: {
        log_collector_config: { type: logging.type, filename_prefix: logging.filenamePrefix },
        sampling_config: { sampling_rate: logging.samplingRate },
      },
    }),
  };
}

describe('any text at all', () => {
  it('is a config or a ServingError: random bytes', () => {
    const bytes = fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array).toString('latin1'));
    fc.assert(fc.property(bytes, readAnyhow), { numRuns: 500 });
  });

  it('is a config or a ServingError: random words of the language', () => {
    const text = fc.array(words, { maxLength: 40 }).map((parts) => parts.join(' '));
    fc.assert(fc.property(text, readAnyhow), { numRuns: 3000 });
  });

  it('is a config or a ServingError: JSON of any shape under known names', () => {
    const key = fc.constantFrom('modelConfigList', 'config', 'name', 'versionLabels', 'loggingConfig', 'x');
    const { json } = fc.letrec((tie) => ({
      json: fc.oneof(
        { maxDepth: 6 },
        fc.jsonValue({ maxDepth: 1 }),
        fc.array(tie('json'), { maxLength: 3 }),
        fc.dictionary(key, tie('json'), { maxKeys: 3 }),
      ),
    }));
    fc.assert(
      fc.property(json, (value) => readAnyhow(JSON.stringify(value))),
      { numRuns: 1000 },
    );
  });

  it('is a config or a ServingError: a good one with one character changed', () => {
    const good = toText({
      name: 'm',
      basePath: '/m',
      platform: 'onnx',
      versionPolicy: { specific: [1, 2] },
      labels: { stable: 1 },
      logging: { type: 't', filenamePrefix: '/l', samplingRate: 0.5 },
    });
    const text = `model_config_list { ${good} }`;
    const changed = fc
      .tuple(fc.nat(text.length - 1), fc.string({ unit: 'binary', maxLength: 1 }))
      .map(([at, other]) => text.slice(0, at) + other + text.slice(at + 1));
    fc.assert(fc.property(changed, readAnyhow), { numRuns: 1000 });
  });
});

describe('a config that is written is read as it was meant', () => {
  const written: [ConfigFormat, (list: readonly ConfiguredModel[]) => string][] = [
    ['text', (list) => `model_config_list {\n${list.map(toText).join('\n')}\n}`],
    ['json', (list) => JSON.stringify({ model_config_list: { config: list.map(toJson) } })],
  ];
  it.each(written)('in %s', (_format, write) => {
    fc.assert(
      fc.property(models, (list) => {
        expect(parseModelConfig(write(list), { file })).toEqual({ models: list });
      }),
      { numRuns: 300 },
    );
  });
});
