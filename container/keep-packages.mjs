// Makes a package.json of what an image needs: no development, and the optional packages that are named, in the versions
// that are developed with and that the lock file has.
import { readFileSync, writeFileSync } from 'node:fs';

const file = JSON.parse(readFileSync('package.json', 'utf8'));
const { dependencies, devDependencies, peerDependencies, peerDependenciesMeta, scripts, ...rest } = file;
for (const name of process.argv.slice(2)) {
  const version = devDependencies[name];
  if (peerDependencies[name] === undefined || version === undefined) {
    throw new Error(
      `${name} is no optional package, expected one of ${Object.keys(peerDependencies).join(', ')}`,
    );
  }
  dependencies[name] = version;
}
writeFileSync('package.json', `${JSON.stringify({ ...rest, dependencies }, null, 2)}\n`);
