import { expect, it } from 'vitest';
import { formatBytes } from '#dist/cli/format-bytes.js';
import { LineLog, type LineLogOptions } from '#dist/cli/line-log.js';

function log(options: Partial<LineLogOptions>) {
  const lines: string[] = [];
  const logger = new LineLog({
    format: 'text',
    level: 'info',
    write: (line) => lines.push(line),
    now: () => 0,
    ...options,
  });
  return { lines, logger };
}

it('writes a line for people', () => {
  const { lines, logger } = log({});
  logger.warn({ event: 'x' }, 'two\n  lines');
  expect(lines).toEqual(['1970-01-01T00:00:00.000Z WARN  two lines\n']);
});

it('writes a line for programs, with all fields', () => {
  const { lines, logger } = log({ format: 'json' });
  logger.error({ event: 'x', bytes: 3n }, 'two\nlines');
  expect(JSON.parse(lines.join(''))).toEqual({ level: 50, time: 0, event: 'x', bytes: 3, msg: 'two\nlines' });
});

it('colours the level of a line for people', () => {
  const { lines, logger } = log({ isColoured: true });
  logger.error({}, 'x');
  expect(lines.join('')).toContain('\x1b[31mERROR\x1b[39m x');
});

it.each([
  ['debug', 4],
  ['info', 3],
  ['warn', 2],
  ['error', 1],
] as const)('from %s on writes %d of four levels', (level, count) => {
  const { lines, logger } = log({ level });
  for (const each of ['debug', 'info', 'warn', 'error'] as const) logger[each]({}, 'x');
  expect(lines).toHaveLength(count);
});

it.each([
  [0, '0 B'],
  [999, '999 B'],
  [1000, '1.0 KB'],
  [19_664, '19.7 KB'],
  [999_499, '999 KB'],
  [999_500, '1.0 MB'],
  [4.2e9, '4.2 GB'],
  [5e15, '5000 TB'],
])('%d bytes are %s', (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text);
});
