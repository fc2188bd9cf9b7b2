import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { parseModelConfig } from '#dist/config/model-config.js';
import { caught } from '../support/caught.js';

const file = '/etc/models.config';
const fault = (text: string) => caught(() => parseModelConfig(text, { file }));
const inModel = (lines: string) => `model_config_list {\n  config {\n${lines}\n  }\n}`;

describe('a text that is no config', () => {
  it.each<[string, string]>([
    [
      'model_config_lst {}',
      "tensorflow.serving.ModelServerConfig: unknown field 'model_config_lst' (line 1)",
    ],
    [inModel('\n\n    basePath: "/m"'), "tensorflow.serving.ModelConfig: unknown field 'basePath' (line 5)"],
    ['model_config_list {\n  config {\n', "expected '}' (line 3)"],
    [
      'model_config_list {}\nmodel_config_list {}',
      'tensorflow.serving.ModelServerConfig.model_config_list: multiple values (line 2)',
    ],
    ['model_config_list {\n}\n\ncustom_model_config {\n}\n', 'config: multiple values (line 5)'],
    [
      inModel('    name: "a"\n    name: "b"\n'),
      'tensorflow.serving.ModelConfig.name: multiple values (line 4)',
    ],
    [inModel('    name: "a\n'), 'illegal string (line 3)'],
    [inModel('    name "a"'), "expected ':' (line 3)"],
    [inModel('    name: 7'), 'expected string (line 3)'],
    [inModel('    name: "\\xff"'), 'invalid UTF-8 string (line 3)'],
    [inModel('    name: "\\q"'), "illegal string escape '\\q' (line 3)"],
    [
      inModel('    model_type: constructor'),
      'tensorflow.serving.ModelConfig.model_type: enum value expected (line 3)',
    ],
    [inModel('    version_labels {\n key: "a"\n value: "1" }'), 'integer value expected (line 5)'],
    [
      inModel('    version_labels {\n key: "a"\n value: 9223372036854775808 }'),
      'integer value out of range (line 5)',
    ],
    [
      '[tensorflow.serving.x]: 1',
      "tensorflow.serving.ModelServerConfig: unknown extension 'tensorflow.serving.x' (line 1)",
    ],
    [
      '\ncustom_model_config {\n  [type.googleapis.com/my.Config] { x: 1 }\n}',
      'no such type: .my.Config; messages of other packages, in custom_model_config and custom_logging_config, are not supported (line 3)',
    ],
    ['\u0000\u0001\u0002', "illegal field name '\\u{0}\\u{1}\\u{2}' (line 1)"],
    ['model_config_list {}\u0000', "illegal field name '\\u{0}' (line 1)"],
    ['\n\ud800', "illegal field name '\\u{d800}' (line 2)"],
    ['\u202e', "illegal field name '\\u{202e}' (line 1)"],
  ])('says what is wrong with %j, and on which line', (text, what) => {
    expect(fault(text)).toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: `Invalid protobuf file: '${file}': ${what}`,
      cause: expect.any(Error),
    });
  });

  it.each<[string, string]>([
    ['{', "Expected property name or '}' (line 1)"],
    ['{\n"a": [1,\n2\n', "Expected ',' or ']' after array element (line 4)"],
    ['{\n"model_config_list": {}\n"x": 1}', "Expected ',' or '}' after property value (line 3)"],
    ['{\n"model_config_list": {},\n}', 'Expected double-quoted property name (line 3)'],
    ['{\n"model_config_list":\n\nnone,\n"x": 1}', "Unexpected token 'o' (line 4)"],
    ['{"model_config_list":\n', 'Unexpected end of JSON input (line 2)'],
    ['{}\n\n}', 'Unexpected non-whitespace character after JSON (line 3)'],
    ['{\n"a\\x": 1}', 'Bad escaped character (line 2)'],
    ['{\n\n\n\n"a\\x": 1}', 'Bad escaped character (line 5)'],
    ['{"a": 1, "a": 2,\n\n}', 'Expected double-quoted property name (line 3)'],
    ['{\n"name\n": 1}', 'Bad control character in string literal (line 2)'],
    ['{"name":\u0000}', "Unexpected token '\\u{0}' (line 1)"],
    ['{"modelConfigList": []}', 'tensorflow.serving.ModelConfigList: expected object: []'],
    ['{"modelConfigLst": {}}', 'tensorflow.serving.ModelServerConfig: unknown field: "modelConfigLst"'],
    [
      '{"model_config_list": {}, "modelConfigList": {}}',
      'tensorflow.serving.ModelServerConfig: duplicate field: "modelConfigList"',
    ],
    [
      '{"model_config_list": {},\n"model_config_list": {}}',
      'duplicate key in JSON object: "model_config_list"',
    ],
    [
      '{"customModelConfig": {}, "modelConfigList": {}}',
      'tensorflow.serving.ModelServerConfig: multiple values for oneof config',
    ],
    [
      '{"customModelConfig": {"@type": "my.Config"}}',
      'no such type: my.Config; messages of other packages, in custom_model_config and custom_logging_config, are not supported',
    ],
  ])('says what is wrong with the JSON %j', (text, what) => {
    expect(fault(text)).toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: `Invalid protobuf file: '${file}': ${what}`,
      cause: expect.any(Error),
    });
  });

  it('is refused where it ends too early, wherever that is', () => {
    const text = inModel(
      'name: "m" base_path: "/m" model_platform: "onnx" version_labels { key: "a" value: 12 }',
    );
    const json = '{"model_config_list":{"config":[{"name":"m","base_path":"/m","model_platform":"onnx"}]}}';
    for (const whole of [text, json]) {
      for (let end = 1; end < whole.length; end++) {
        const beginning = whole.slice(0, end);
        expect(fault(beginning).message).toMatch(
          /^Invalid protobuf file: '\/etc\/models.config': .* \(line \d+\)$/,
        );
      }
    }
  });

  it.each<[string, 'text' | 'json', string]>([
    ['{'.repeat(100_000), 'text', 'illegal field name'],
    ['{'.repeat(100_000), 'json', "Expected property name or '}'"],
    [`model_config_list ${'{'.repeat(100_000)}`, 'text', 'illegal field name'],
    [`custom_model_config ${'{ [a/google.protobuf.Any] '.repeat(100_000)}`, 'text', 'max depth exceeded'],
    [`{"a":`.repeat(100_000), 'json', 'Unexpected end'],
    [`{"modelConfigList":${'['.repeat(100_000)}${']'.repeat(100_000)}}`, 'json', 'it is nested too deeply'],
    [
      `{"customModelConfig":${'{"@type":"google.protobuf.Any","value":'.repeat(100_000)}1${'}'.repeat(100_001)}`,
      'json',
      'max depth exceeded',
    ],
  ])('is refused where it is nested a hundred thousand times: %#', (text, format, what) => {
    expect(caught(() => parseModelConfig(text, { file, format }))).toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining(what),
    });
  });

  it('is told in a short message, however long it is', () => {
    const long = 'x'.repeat(10_000_000);
    for (const text of [
      long,
      `"${long}`,
      `{"${long}": 1}`,
      `{"modelConfigList": "${long}"}`,
      inModel(`name: "a" name: "${long}"`),
    ]) {
      const { message } = fault(text);
      expect(message).toMatch(/^Invalid protobuf file: '/);
      expect(message.length).toBeLessThan(300);
    }
  });

  it('may be 10 MB long where it is one', () => {
    const model = (index: number) =>
      `config { name: "model-${index}" base_path: "/models/${index}" model_platform: "onnx" }\n`;
    const text = `model_config_list {\n${Array.from({ length: 130_000 }, (_, index) => model(index)).join('')}}`;
    expect(text.length).toBeGreaterThan(10_000_000);
    const config = parseModelConfig(text, { file });
    expect('models' in config && config.models.at(-1)?.basePath).toBe('/models/129999');
  });
});

describe('reading a config', () => {
  const run = (...args: string[]) => execFileSync(process.execPath, args, { encoding: 'utf8' }).trim();
  const program = `
    import { parseModelConfig } from '#dist/config/model-config.js';
    import { createRequire } from 'node:module';
    const isLoaded = () => Object.keys(createRequire(import.meta.url).cache).some((file) => file.includes('protobufjs'));
    const before = isLoaded();
    const text = parseModelConfig('model_config_list {}', { file: 'a' });
    const json = parseModelConfig('{"model_config_list": {}}', { file: 'a' });
    console.log(JSON.stringify([before, isLoaded(), text, json]));`;

  it('loads protobufjs when it is needed, and works where code from strings is forbidden', () => {
    const printed = run('--disallow-code-generation-from-strings', '--input-type=module', '--eval', program);
    expect(JSON.parse(printed)).toEqual([false, true, { models: [] }, { models: [] }]);
  });
});
