// Makes src/wire/generated/messages.{js,d.ts} of the messages that are read and written as a whole: `npm run build` runs it.
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import pbjs from 'protobufjs-cli/pbjs.js';
import pbts from 'protobufjs-cli/pbts.js';

const folder = fileURLToPath(new URL('.', import.meta.url));
const target = join(folder, '../src/wire/generated');
const { name, version } = JSON.parse(readFileSync(join(folder, '../package.json'), 'utf8'));

/** What these import comes along. */
const files = [
  'tensorflow_serving/apis/prediction_service.proto',
  'tensorflow_serving/apis/model_service.proto',
  'tensorflow_serving/apis/prediction_log.proto',
  'grpc/health/v1/health.proto',
];

// Generated code of the same root would share its types with that of another package, or another version of this one.
const root = `${name}@${version}`;
const left = ['create', 'verify', 'convert', 'delimited', 'service', 'typeurl'].map((what) => `--no-${what}`);
const options = ['-t', 'static-module', '-w', 'esm', '-r', root, '--keep-case', ...left, '-p', folder];

mkdirSync(target, { recursive: true });
const scratch = mkdtempSync(join(tmpdir(), 'messages-'));
try {
  const commented = join(scratch, 'messages.js'); // the types are made of comments, which are half of the code
  await promisify(pbjs.main)([...options, '-o', commented, ...files]);
  await promisify(pbts.main)(['-o', join(target, 'messages.d.ts'), commented]);
} finally {
  rmSync(scratch, { recursive: true });
}
await promisify(pbjs.main)([...options, '--no-comments', '-o', join(target, 'messages.js'), ...files]);
