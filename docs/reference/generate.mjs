// Writes the reference of each entry point into docs/api, or into the folder that is given.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { entryPoints, extract } from './extract.mjs';
import { render } from './render.mjs';

const [folder = fileURLToPath(new URL('../api', import.meta.url))] = process.argv.slice(2);
mkdirSync(folder, { recursive: true });
for (const entryPoint of entryPoints()) {
  const file = `${entryPoint.name.replaceAll('/', '-')}.md`;
  writeFileSync(join(folder, file), render(extract(entryPoint)));
  console.log(join(folder, file));
}
