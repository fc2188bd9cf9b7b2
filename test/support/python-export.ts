import { execFile, spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { promisify } from 'node:util';

const scripts = resolve(import.meta.dirname, '../../examples/export');
// Debian's own Python, since the one of the PATH may be another without Debian's packages.
const python = '/usr/bin/python3';

/** The first of these modules that this machine's Python lacks; undefined where it has all. */
export function missingModule(...modules: readonly string[]): string | undefined {
  if (spawnSync(python, ['--version']).status !== 0) return python;
  return modules.find((each) => spawnSync(python, ['-c', `import ${each}`], { cwd: '/' }).status !== 0);
}

/**
 * Runs a program beside the scripts of examples/export, which it may import, and returns what it printed, as JSON.
 *
 * @throws what `execFile` throws where it does not end well, with its stderr in the message.
 */
export async function runPython(program: string, ...args: readonly string[]): Promise<unknown> {
  const { stdout } = await promisify(execFile)(python, ['-B', '-c', program, ...args], {
    env: { ...process.env, PYTHONPATH: scripts },
    timeout: 50_000,
    maxBuffer: 2 ** 26,
  });
  return stdout.trim() === '' ? undefined : JSON.parse(stdout);
}
