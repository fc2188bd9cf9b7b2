import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/**
 * Runs a program against the built library, as a host would, and returns what it printed. It has the names `OrtEngine`,
 * `OnnxLoader` and `tensor`.
 *
 * @throws what `execFile` throws where the program does not end well; an Error where it wrote to stderr.
 */
export async function host(program: string, env: NodeJS.ProcessEnv = {}): Promise<string> {
  const lines = `
    import { OrtEngine } from '#dist/runner/engine.js';
    import { OnnxLoader } from '#dist/runner/onnx-loader.js';
    import { tensor } from '#dist/core/tensor.js';
    ${program}`;
  const { stdout, stderr } = await promisify(execFile)(
    process.execPath,
    ['--input-type=module', '--eval', lines],
    { env: { ...process.env, ...env } },
  );
  if (stderr !== '') throw new Error(`The program wrote to stderr: ${stderr}`);
  return stdout.trim();
}
