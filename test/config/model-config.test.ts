import { describe, expect, it } from 'vitest';
import type { ConfiguredModel } from '#dist/config/configured-model.js';
import { parseModelConfig } from '#dist/config/model-config.js';
import { caught } from '../support/caught.js';

const file = '/etc/models.config';
const parse = (text: string, format?: 'text' | 'json') =>
  parseModelConfig(text, { file, ...(format && { format }) });

/** The models of a text, which must have some. */
function modelsOf(text: string): readonly ConfiguredModel[] {
  const config = parse(text);
  if ('models' in config) return config.models;
  throw new Error('The text wants no action, expected models');
}

const usable = 'name: "m" base_path: "/m" model_platform: "onnx"';
const list = (...models: string[]) =>
  `model_config_list { ${models.map((model) => `config { ${model} }`).join(' ')} }`;
/** The one model of a text that is usable but for what is added to it. */
const model = (added: string) => modelsOf(list(`${usable} ${added}`))[0];

describe('a model config', () => {
  const expected: ConfiguredModel[] = [
    {
      name: 'digits',
      basePath: '/models/digits',
      platform: 'onnx',
      versionPolicy: { specific: [1, 2] },
      labels: { stable: 1, canary: 2 },
      logging: { type: 'tfrecord', filenamePrefix: '/logs/digits', samplingRate: 0.25 },
    },
    {
      name: 'iris',
      basePath: 's3://bucket/iris',
      platform: 'tensorflow',
      versionPolicy: { latest: 1 },
      labels: {},
    },
  ];

  it('is read from text format', () => {
    const text = `# Two models.
      model_config_list: {
        config: {
          name: 'dig' "its",
          base_path: "/models/digits";
          model_platform: "onnx"
          model_version_policy { specific { versions: 1, versions: 0x2 } }
          version_labels { key: "stable" value: 1 }
          version_labels < key: 'canary', value: 2 >  # on trial
          logging_config {
            log_collector_config { type: "tfrecord" filename_prefix: "/logs/digits" }
            sampling_config { sampling_rate: 0.25f }
          }
        }
        config < name: "iris" base_path: "s3://bucket/iris" model_type: TENSORFLOW >
      }`;
    expect(modelsOf(text)).toEqual(expected);
  });

  it.each([
    [
      'with names in snake_case and numbers as strings',
      {
        model_config_list: {
          config: [
            {
              name: 'digits',
              base_path: '/models/digits',
              model_platform: 'onnx',
              model_version_policy: { specific: { versions: ['1', '2'] } },
              version_labels: { stable: '1', canary: '2' },
              logging_config: {
                log_collector_config: { type: 'tfrecord', filename_prefix: '/logs/digits' },
                sampling_config: { sampling_rate: 0.25 },
              },
            },
            { name: 'iris', base_path: 's3://bucket/iris', model_type: 'TENSORFLOW' },
          ],
        },
      },
    ],
    [
      'with names in camelCase and numbers as numbers',
      {
        modelConfigList: {
          config: [
            {
              name: 'digits',
              basePath: '/models/digits',
              modelPlatform: 'onnx',
              modelVersionPolicy: { specific: { versions: [1, 2] } },
              versionLabels: { stable: 1, canary: 2 },
              loggingConfig: {
                logCollectorConfig: { type: 'tfrecord', filenamePrefix: '/logs/digits' },
                samplingConfig: { samplingRate: 0.25 },
              },
            },
            { name: 'iris', basePath: 's3://bucket/iris', modelType: 1, versionLabels: null },
          ],
        },
      },
    ],
  ])('is read from JSON, %s', (_how, json) => {
    expect(modelsOf(JSON.stringify(json))).toEqual(expected);
    expect(parseModelConfig(JSON.stringify(json, undefined, 2), { file: 'models.JSON' })).toEqual({
      models: expected,
    });
  });

  it.each([
    ['', { noAction: true }],
    [' \n\t\r\n', { noAction: true }],
    ['\uFEFF', { noAction: true }],
    ['# nothing\n  # but comments', { noAction: true }],
    ['{}', { noAction: true }],
    ['{"model_config_list": null}', { noAction: true }],
    ['model_config_list {}', { models: [] }],
    ['model_config_list: < >', { models: [] }],
    ['{"modelConfigList": {}}', { models: [] }],
  ])('tells no list (no action) from an empty one (nothing is served): %j', (text, wanted) => {
    expect(parse(text)).toEqual(wanted);
  });

  it('is no action where a JSON file is empty', () => {
    expect(parse('\n', 'json')).toEqual({ noAction: true });
  });

  it.each([
    `\uFEFF${list(usable)}`,
    '\uFEFF{"model_config_list":{"config":[{"name":"m","base_path":"/m","model_platform":"onnx"}]}}',
    '# a comment\n{"model_config_list":{"config":[{"name":"m"}]}}',
  ])('may begin with a byte-order mark, and not, as JSON, with a comment: %j', (text) => {
    if (text.startsWith('#')) expect(caught(() => parse(text)).message).toContain("'#'");
    else expect(modelsOf(text)).toHaveLength(1);
  });

  it('goes by the format it is given before anything else', () => {
    expect(caught(() => parse(list(usable), 'json')).message).toContain("Unexpected token 'm'");
    expect(caught(() => parse('{}', 'text')).message).toContain("illegal field name '{'");
    expect(caught(() => parseModelConfig(list(usable), { file: 'a.json' })).message).toContain("token 'm'");
  });

  it.each<[string, ConfiguredModel['versionPolicy']]>([
    ['', { latest: 1 }],
    ['model_version_policy {}', { latest: 1 }],
    ['model_version_policy { latest {} }', { latest: 1 }],
    ['model_version_policy { latest { num_versions: 0 } }', { latest: 1 }],
    ['model_version_policy { latest { num_versions: 3 } }', { latest: 3 }],
    ['model_version_policy { all {} }', 'all'],
    ['model_version_policy { specific {} }', { specific: [] }],
    ['model_version_policy { specific { versions: [7, 7, 0] } }', { specific: [7, 0] }],
    ['model_version_policy { specific { versions: 9007199254740991 } }', { specific: [2 ** 53 - 1] }],
  ])('has a version policy: "%s" is %j', (text, wanted) => {
    expect(model(text)?.versionPolicy).toEqual(wanted);
  });

  it.each(['/models/m', 's3://bucket/m', 'gs://bucket/m', 'file:///models/m', 'hdfs://host:9000/m'])(
    'takes %s as a base path',
    (basePath) => {
      expect(modelsOf(list(`name: "m" base_path: "${basePath}" model_platform: "onnx"`))[0]?.basePath).toBe(
        basePath,
      );
    },
  );

  it('has the last version of a label that is given twice', () => {
    const label = (version: number) => `version_labels { key: "stable" value: ${version} }`;
    expect(model(`${label(1)} ${label(2)}`)?.labels).toEqual({ stable: 2 });
  });

  it.each(['__proto__', 'constructor', 'a b', 'ü🙂'])('may have a label %s', (name) => {
    const text = `version_labels { key: "${name}" value: 7 }`;
    const json = `{"model_config_list":{"config":[{"name":"m","base_path":"/m","model_platform":"onnx","version_labels":{"${name}":7}}]}}`;
    for (const labels of [model(text)?.labels, modelsOf(json)[0]?.labels])
      expect(Object.entries(labels ?? {})).toEqual([[name, 7]]);
  });

  it.each<[string, string, number]>([
    ['the general rate', 'sampling_rate: 0.5', 0.5],
    ['0 where there is none', '', 0],
    [
      'the rate of our task before it',
      'sampling_rate: 0.5 per_task_sampling_configs { sampling_rate: 1 }',
      1,
    ],
    ['the rate of task 0', 'per_task_sampling_configs { task_index: 0 sampling_rate: 0.1 }', 0.1],
    [
      'the first of several that fit',
      'per_task_sampling_configs { task_index: 0 sampling_rate: 0.1 } per_task_sampling_configs { sampling_rate: 0.2 }',
      0.1,
    ],
    [
      'not that of another task',
      'sampling_rate: 0.5 per_task_sampling_configs { task_index: 1 sampling_rate: 1 }',
      0.5,
    ],
    [
      'not that of a data centre',
      'sampling_rate: 0.5 per_task_sampling_configs { dc: "eu" sampling_rate: 1 }',
      0.5,
    ],
    ['0 where our task has none', 'sampling_rate: 0.5 per_task_sampling_configs { task_index: 0 }', 0],
  ])('samples by %s', (_what, sampling, wanted) => {
    expect(model(`logging_config { sampling_config { ${sampling} attributes: 3 } }`)?.logging).toEqual({
      type: '',
      filenamePrefix: '',
      samplingRate: wanted,
    });
  });
});

describe('a model config is refused in the words of TF Serving', () => {
  const named = (name: string, rest: string) => `name: "${name}" ${rest}`;
  it.each<[string, string, string]>([
    [
      list(usable, usable),
      'Illegal to list model m multiple times in config list',
      'model_config_list.config[1].name',
    ],
    [
      list(named('m', 'base_path: "models/m" model_platform: "onnx"')),
      'Expected model m to have an absolute path or URI; got base_path()=models/m',
      'model_config_list.config[0].base_path',
    ],
    [
      list(named('m', 'model_platform: "onnx"')),
      'Expected model m to have an absolute path or URI; got base_path()=',
      'model_config_list.config[0].base_path',
    ],
    [
      list(usable, named('n', 'base_path: "s3:/models" model_platform: "onnx"')),
      'Expected model n to have an absolute path or URI; got base_path()=s3:/models',
      'model_config_list.config[1].base_path',
    ],
    [
      list(named('m', 'base_path: "/m" model_type: TENSORFLOW model_platform: "tensorflow"')),
      'Illegal setting both ModelServerConfig::model_type (deprecated) and ModelServerConfig::model_platform, model name is m',
      'model_config_list.config[0].model_type',
    ],
    [
      list(named('m', 'base_path: "/m"')),
      'Illegal setting neither ModelServerConfig::model_type (deprecated) nor ModelServerConfig::model_platform, model name is m',
      'model_config_list.config[0].model_platform',
    ],
    [
      list(named('m', 'base_path: "/m" model_type: MODEL_TYPE_UNSPECIFIED model_platform: ""')),
      'Illegal setting neither ModelServerConfig::model_type (deprecated) nor ModelServerConfig::model_platform, model name is m',
      'model_config_list.config[0].model_platform',
    ],
    [
      list(named('m', 'base_path: "/m" model_type: OTHER')),
      'ModelServerConfig::model_type choice 2 not supported.',
      'model_config_list.config[0].model_type',
    ],
    [
      list(named('m', 'base_path: "/m" model_type: 7')),
      'ModelServerConfig::model_type choice 7 not supported.',
      'model_config_list.config[0].model_type',
    ],
    [
      list(named('m', 'base_path: "/m" model_platform: "pytorch"')),
      'Model m requests unsupported platform pytorch',
      'model_config_list.config[0].model_platform',
    ],
  ])('%s', (text, message, option) => {
    expect(caught(() => parse(text))).toMatchObject({ code: 'INVALID_ARGUMENT', message, option });
  });

  it('by the first fault in its order: names, then paths, then platforms', () => {
    const bad = 'base_path: "m"';
    expect(caught(() => parse(list(named('a', bad), named('b', ''), named('b', '')))).message).toContain(
      'to list model b',
    );
    expect(caught(() => parse(list(named('a', 'base_path: "/a"'), named('b', bad)))).message).toContain(
      'Expected model b',
    );
  });
});

describe('a model config is refused in our words where TF Serving has none', () => {
  const refusals: [string, string, string][] = [
    [
      'custom_model_config {}',
      'custom_model_config is not supported; only model_config_list is',
      'custom_model_config',
    ],
    [
      list(usable, 'base_path: "/n" model_platform: "onnx"'),
      'model 2 of its list has no name',
      'model_config_list.config[1].name',
    ],
    ...(
      [
        [
          'version_labels { key: "a" value: -1 }',
          'label "a": got -1, expected an integer from 0 to 2^53 - 1',
          'version_labels',
        ],
        [
          'version_labels { key: "a" value: 9007199254740993 }',
          'label "a": got 9007199254740993, expected an integer from 0 to 2^53 - 1',
          'version_labels',
        ],
        ['version_labels { value: 1 }', 'a version label is empty, expected a name', 'version_labels'],
        [
          'model_version_policy { specific { versions: [1, -9223372036854775808] } }',
          'specific version: got -9223372036854775808, expected an integer from 0 to 2^53 - 1',
          'model_version_policy',
        ],
        [
          'logging_config { sampling_config { sampling_rate: 1.5 } }',
          'sampling_rate: got 1.5, expected a number from 0 to 1',
          'logging_config.sampling_config',
        ],
        [
          'logging_config { sampling_config { sampling_rate: nan } }',
          'sampling_rate: got NaN, expected a number from 0 to 1',
          'logging_config.sampling_config',
        ],
        [
          'logging_config { sampling_config { per_task_sampling_configs { dc: "eu" sampling_rate: -0.1 } } }',
          'sampling_rate: got -0.1, expected a number from 0 to 1',
          'logging_config.sampling_config',
        ],
        [
          'logging_config { custom_logging_config {} }',
          'custom_logging_config is not supported; log_collector_config and sampling_config are',
          'logging_config.custom_logging_config',
        ],
      ] as const
    ).map(([added, what, field]): [string, string, string] => [
      list(`${usable} ${added}`),
      `model m, ${what}`,
      `model_config_list.config[0].${field}`,
    ]),
  ];
  it.each(refusals)('%s', (text, what, option) => {
    expect(caught(() => parse(text))).toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: `Cannot use config file '${file}': ${what}`,
      option,
    });
  });

  it('a version in JSON that is no safe integer, however it is written', () => {
    for (const version of [
      '9007199254740993',
      '"9007199254740993"',
      '1e300',
      '-1',
      '1.5',
      'true',
      '"x"',
      '{}',
    ]) {
      const json = `{"model_config_list":{"config":[{"name":"m","base_path":"/m","model_platform":"onnx","version_labels":{"a":${version}}}]}}`;
      expect(caught(() => parse(json)).code).toBe('INVALID_ARGUMENT');
    }
  });
});
