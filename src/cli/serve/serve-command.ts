import { type Command, InvalidArgumentError, Option } from 'commander';
import { packageVersion } from '../../server/package-version.js';
import { readNumber } from '../read-number.js';
import { type Flag, flagGroups } from './flag.js';
import { type FlagValues, serveFlags } from './serve-flags.js';

const placeholders = { text: '<text>', integer: '<n>', number: '<n>', boolean: '[bool]' } as const;

/** Adds `servable serve`, with a group of flags after the other. */
export function addServeCommand(program: Command, onServed: (exitCode: number) => void): void {
  const command = program
    .command('serve')
    .summary('serve models over gRPC and REST')
    .description(
      "Serves models by TensorFlow Serving's APIs. Flags have the names and meanings of tensorflow_model_server's; those of " +
        'servable alone are told apart in docs/cli.md. They are written --name=value or --name value; one that takes a [bool] ' +
        'may stand alone for true. All that is written goes to stderr.',
    )
    .version(`servable ${packageVersion}`, '--version', 'print the version')
    .helpOption('--help', 'print this help')
    .action(async (flags: FlagValues) => {
      const { serve } = await import('./serve.js'); // what serves takes its time to be loaded
      onServed(await serve(flags));
    });
  const flags = Object.entries<Flag>(serveFlags);
  for (const group of flagGroups) {
    for (const [name, flag] of flags) {
      if (flag.group === group) command.addOption(optionOf(name, flag));
    }
  }
}

function optionOf(name: string, flag: Flag): Option {
  const shown = flag.default === '' ? flag.help : `${flag.help} (default: ${flag.default})`;
  const option = new Option(`--${name} ${placeholders[flag.kind]}`, shown).helpGroup(`${flag.group}:`);
  return option.argParser((text) => parseValue(flag.kind, text));
}

/** @throws InvalidArgumentError for a text that is no such value. */
function parseValue(kind: Flag['kind'], text: string): string | number | boolean {
  switch (kind) {
    case 'text':
      return text;
    case 'boolean':
      if (/^(true|1)$/i.test(text)) return true;
      if (/^(false|0)$/i.test(text)) return false;
      throw new InvalidArgumentError('Expected true or false.');
    case 'integer':
      if (/^[+-]?\d+$/.test(text) && Number.isSafeInteger(Number(text))) return Number(text);
      throw new InvalidArgumentError('Expected an integer.');
    case 'number': {
      const number = readNumber(text);
      if (number !== undefined) return number;
      throw new InvalidArgumentError('Expected a number.');
    }
    default:
      return kind satisfies never;
  }
}
