import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

const repository = fileURLToPath(new URL('..', import.meta.url));
const read = (file: string) => readFileSync(join(repository, file), 'utf8');

/** Runs a program in the repository, where `servable` is this package, and returns the lines that it printed. */
async function run(...args: string[]): Promise<string[]> {
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: repository });
  return stdout.split('\n').filter((line) => line !== '');
}

/** What the comments beside a program's `console.log` calls say that it prints. */
function promised(program: string): string[] {
  return [...program.matchAll(/console\.log\(.*\)[;,]? *\/\/ (.*)$/gm)].map((match) => match[1] as string);
}

/** The code blocks of a text, without the stars of a comment. */
function codeBlocks(text: string, language: string): string[] {
  const plain = text.replace(/^ *\* ?/gm, '');
  return [...plain.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'gm'))].map(
    (match) => match[1] as string,
  );
}

describe('examples', () => {
  const programs = readdirSync(join(repository, 'examples')).filter(
    (file) => file.endsWith('.mjs') && file !== 'demo.mjs',
  );
  it.each(programs)('%s prints what its comments say', async (file) => {
    expect(await run(join('examples', file))).toEqual(promised(read(join('examples', file))));
  });

  it('demo.mjs classifies the test images as well as the models can', async () => {
    const printed = (await run('examples/demo.mjs')).join('\n');
    expect(printed).toContain('version 1: 348 of 360 right, accuracy 0.967');
    expect(printed).toContain('version 2: 356 of 360 right, accuracy 0.989');
    expect(printed).toContain('a 9; version 2 says 9');
    expect(printed).toMatch(/over gRPC at grpc:\S+: version 2, 356 of 360 right/);
    expect(printed).toMatch(/over REST at http:\S+: version 2, 356 of 360 right/);
  });
});

describe('documentation', () => {
  const sources = readdirSync(join(repository, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => join('src', file));
  const examples = [
    ...sources,
    'README.md',
    'docs/batching.md',
    'docs/custom.md',
    'docs/lifecycle.md',
    'docs/client.md',
    'docs/config-files.md',
    'docs/grpc.md',
    'docs/metrics.md',
    'docs/tracing-and-logs.md',
    'docs/devices.md',
  ].flatMap((file) =>
    codeBlocks(read(file), file.endsWith('.md') ? 'js' : 'ts').map((code) => ({ file, code })),
  );

  it.each(examples)('the example in $file prints what its comments say', async ({ code }) => {
    expect(await run('--input-type=module', '--eval', code)).toEqual(promised(code));
  });

  it('every public class has an example', () => {
    const index = `${read('src/index.ts')}${read('src/client.ts')}`;
    const classes = sources.flatMap((file) =>
      [...read(file).matchAll(/^export class (\w+)/gm)].map((match) => ({ file, name: match[1] as string })),
    );
    const values = index.replace(/^export type \{[^}]*\}/gm, '');
    const isPublic = ({ name }: { name: string }) => new RegExp(`(?<!type )\\b${name}\\b[,} ]`).test(values);
    const without = classes
      .filter(isPublic)
      .filter(({ file }) => !examples.some((example) => example.file === file));
    expect(without.map(({ name }) => name)).toEqual([]);
  });
});
