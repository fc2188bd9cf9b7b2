import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type Flag, flagGroups } from '#dist/cli/serve/flag.js';
import { ownFlags, serveFlags } from '#dist/cli/serve/serve-flags.js';
import { runProgram } from '../support/program.js';

const flags = Object.entries<Flag>(serveFlags);

describe('servable serve --help', () => {
  it('shows each flag once, in its group', async () => {
    const { stdout, stderr, code } = await runProgram(['serve', '--help']);
    expect({ stderr, code }).toEqual({ stderr: '', code: 0 });
    const sections = new Map(
      stdout.split(/\n\n(?=\S)/).map((section) => [section.slice(0, section.indexOf(':')), section]),
    );
    for (const group of flagGroups) {
      const shown = [...(sections.get(group) ?? '').matchAll(/^ {2}--(\w+) /gm)].map(([, name]) => name);
      expect(shown).toEqual(flags.filter(([, flag]) => flag.group === group).map(([name]) => name));
    }
    const all = [...stdout.matchAll(/^ {2}--(\w+)/gm)].map(([, name]) => name);
    expect(new Set(all).size).toBe(all.length);
    expect(all).toHaveLength(flags.length + 2); // --help and --version
  });
});

describe('docs/cli.md', () => {
  const text = readFileSync('docs/cli.md', 'utf8');
  const rows = [...text.matchAll(/^\| `--(\w+)` +\| (.*?) +\| (.*?) +\|$/gm)].map(
    ([, name = '', byDefault = '', here = '']) => ({
      name,
      byDefault: byDefault.replaceAll('`', '').trim(),
      here,
    }),
  );

  it('has each flag once, and no others', () => {
    const names = rows.map(({ name }) => name).filter((name) => name !== 'version');
    expect([...names].sort()).toEqual(flags.map(([name]) => name).sort());
  });

  it("has all of TensorFlow Serving's flags, which are 48", () => {
    expect(rows.length - Object.keys(ownFlags).length).toBe(48);
  });

  it.each(flags)('says of --%s what it is by default, and whether it has an effect', (name, flag) => {
    const row = rows.find((each) => each.name === name);
    expect(row?.byDefault).toBe(flag.default);
    expect(row?.here.startsWith('no effect: ')).toBe(flag.ignored !== undefined);
  });
});

describe('servable', () => {
  it('says what commands there are', async () => {
    const { stdout, code } = await runProgram(['--help']);
    expect(code).toBe(0);
    expect([...stdout.matchAll(/^ {2}(\w+) .*/gm)].map(([, name]) => name)).toEqual([
      'serve',
      'inspect',
      'predict',
      'warmup',
      'devices',
      'help',
    ]);
  });

  it.each([['--version'], ['serve', '--version']])('says its version (%s %s)', async (...args) => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
    expect(await runProgram(args)).toMatchObject({ code: 0, stdout: `servable ${version}\n` });
  });

  it.each<[string, readonly string[], RegExp]>([
    ['nothing', [], /^Usage: servable/],
    ['a command that is misspelt', ['serv'], /unknown command 'serv'\n\(Did you mean serve\?\)/],
    ['a flag that is none', ['inspect', 'x', '--jsno'], /unknown option '--jsno'\n\(Did you mean --json\?\)/],
    [
      'one with a value',
      ['serve', '--rest_api_prot=8501'],
      /unknown option '--rest_api_prot'\n\(Did you mean --rest_api_port\?\)/,
    ],
  ])('ends with 2 for %s', async (_what, args, message) => {
    const { code, stderr } = await runProgram(args);
    expect(stderr).toMatch(message);
    expect(code).toBe(2);
  });
});
