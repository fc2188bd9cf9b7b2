import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { addServeCommand } from '#dist/cli/serve/serve-command.js';

/** What the arguments of `serve` are read as. */
function parse(...args: string[]): Record<string, unknown> {
  const program = new Command().exitOverride().configureOutput({ writeErr: () => {} });
  addServeCommand(program, () => {});
  const [serve] = program.commands;
  let values: Record<string, unknown> = {};
  serve?.exitOverride().configureOutput({ writeErr: () => {} });
  serve?.action((given) => {
    values = given;
  });
  program.parse(['serve', ...args], { from: 'user' });
  return values;
}

describe('flags of servable serve', () => {
  it.each<[string, string[], object]>([
    ['with =', ['--model_name=a=b'], { model_name: 'a=b' }],
    ['with a space', ['--model_name', 'a'], { model_name: 'a' }],
    ['of an empty text', ['--model_name='], { model_name: '' }],
    ['the last of two', ['--port=1', '--port=2'], { port: 2 }],
    ['a boolean alone', ['--enable_batching', '--port=1'], { enable_batching: true, port: 1 }],
    ['a boolean with =', ['--enable_batching=false'], { enable_batching: false }],
    ['a boolean with a space', ['--enable_batching', 'false'], { enable_batching: false }],
    [
      'a boolean as a digit',
      ['--enable_batching=1', '--enable_model_warmup=0'],
      { enable_batching: true, enable_model_warmup: false },
    ],
    ['a boolean in capitals', ['--enable_batching=True'], { enable_batching: true }],
    ['a number below 0', ['--load_retry_interval_micros', '-1'], { load_retry_interval_micros: -1 }],
    ['a fraction', ['--lame_duck_seconds=.5'], { lame_duck_seconds: 0.5 }],
    ['nothing', [], {}],
  ])('are read %s', (_what, args, expected) => {
    expect(parse(...args)).toEqual(expected);
  });

  it.each([
    [['--port=1.5'], 'Expected an integer'],
    [['--port=0x10'], 'Expected an integer'],
    [['--port='], 'Expected an integer'],
    [['--per_process_gpu_memory_fraction=half'], 'Expected a number'],
    [['--per_process_gpu_memory_fraction=Infinity'], 'Expected a number'],
    [['--enable_batching='], 'Expected true or false'],
    [['--enable_batching', 'digits'], 'Expected true or false'],
    [['--no-enable_batching'], 'unknown option'],
    [['--rest_api_prot=1'], 'Did you mean --rest_api_port?'],
    [['--enable_batch'], 'Did you mean --enable_batching?'],
    [['-port=1'], 'unknown option'],
  ])('%j are refused', (args, message) => {
    expect(() => parse(...args)).toThrow(message);
  });
});
