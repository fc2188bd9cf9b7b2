import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, it } from 'vitest';
import { parseBatchingParameters } from '#dist/config/batching-parameters.js';
import { parseModelConfig } from '#dist/config/model-config.js';

const page = readFileSync(resolve(import.meta.dirname, '../../docs/config-files.md'), 'utf8');
const blocks = (language: string) =>
  [...page.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'gm'))].map(
    ([, text]) => text as string,
  );
const file = 'docs/config-files.md';

it('the page on config files shows the same models in text format and in JSON', () => {
  const config = parseModelConfig(blocks('proto')[0] as string, { file });
  expect('models' in config && config.models.map(({ name }) => name)).toEqual(['digits', 'iris']);
  expect(parseModelConfig(blocks('json')[0] as string, { file })).toEqual(config);
});

it('the page on config files shows batching parameters', () => {
  const { batching } = parseBatchingParameters(blocks('proto')[1] as string, { file });
  expect(batching).toMatchObject({ maxBatchSize: 32, allowedBatchSizes: [8, 16], maxExecutionBatchSize: 16 });
});
