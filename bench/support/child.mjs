import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);

/**
 * Runs a scenario of this bench in a process of its own, so that memory is its own too.
 *
 * @param {string} script `import.meta.url` of the bench
 * @param {string} scenario what its `runScenario` is asked for
 * @returns {Promise<any>} what the scenario returns
 */
export async function inChild(script, scenario) {
  const { stdout } = await run(process.execPath, ['--expose-gc', fileURLToPath(script), scenario], {
    maxBuffer: 2 ** 26,
  });
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '');
}

/**
 * In a child: runs the scenario that it was started for, and returns true.
 *
 * @param {Readonly<Record<string, () => Promise<unknown>>>} scenarios
 */
export async function runScenario(scenarios) {
  const scenario = process.argv[2];
  if (scenario === undefined) return false;
  const run = scenarios[scenario];
  if (run === undefined)
    throw new Error(`There is no scenario "${scenario}": ${Object.keys(scenarios).join(', ')}`);
  console.log(JSON.stringify(await run()));
  return true;
}
