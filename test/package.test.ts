import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { temporaryFolder } from './support/onnx/model-folder.js';

const repository = fileURLToPath(new URL('..', import.meta.url));
const dependencies = [
  'eventemitter3',
  'koffi',
  '@koromix',
  'onnxruntime-node',
  'onnxruntime-common',
  'p-queue',
  'p-timeout',
];

it('the packed package serves a model from an empty folder', () => {
  const folder = temporaryFolder();
  const modules = join(folder, 'node_modules');
  mkdirSync(modules);
  execFileSync('npm', ['pack', '--silent', '--pack-destination', folder], { cwd: repository });
  const [tarball] = readdirSync(folder).filter((file) => file.endsWith('.tgz'));
  execFileSync('tar', ['xzf', join(folder, tarball as string), '-C', modules]);
  renameSync(join(modules, 'package'), join(modules, 'servable'));
  for (const name of dependencies) symlinkSync(join(repository, 'node_modules', name), join(modules, name));
  writeFileSync(
    join(folder, 'main.mjs'),
    `import { ModelServer, tensor } from 'servable';
     const basePath = ${JSON.stringify(join(repository, 'examples/models/digits'))};
     const server = await new ModelServer({ models: [{ name: 'digits', basePath }] }).start();
     const pixels = tensor('float32', [1, 64], new Float32Array(64));
     const { id } = await server.predict('digits', { pixels });
     await server.close();
     console.log(id.version);`,
  );
  expect(execFileSync(process.execPath, ['main.mjs'], { cwd: folder, encoding: 'utf8' }).trim()).toBe('3');
  const packed = readdirSync(join(modules, 'servable'));
  expect(packed.sort()).toEqual([
    'CHANGELOG.md',
    'LICENSE',
    'README.md',
    'dist',
    'package.json',
    'protos',
    'src',
  ]);
});
