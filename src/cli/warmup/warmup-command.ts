import { type Command, InvalidArgumentError, Option } from 'commander';
import { deviceOption, versionOption } from '../model/model-options.js';
import { readNatural } from '../read-number.js';
import type { WarmupFlags } from './write-warmup.js';

/** Adds `servable warmup`. */
export function addWarmupCommand(program: Command): void {
  const each = (text: string, others: readonly string[] = []) => [...others, text];
  program
    .command('warmup')
    .argument('<path>', 'a version directory, or a base path: its highest version')
    .summary('write the warm-up file of a version')
    .description(
      `Writes assets.extra/tf_serving_warmup_requests into a version directory, as a whole or not at all: requests with which a version is run before it ` +
        'is available, by servable and by TensorFlow Serving. Each is run once before it is written.',
    )
    .addOption(
      new Option(
        '--json <file>',
        'REST bodies, one or one a line; - is the standard input; may be repeated',
      ).argParser(each),
    )
    .addOption(
      new Option('--log <file>', 'a request log or another warm-up file; may be repeated').argParser(each),
    )
    .option('--log_model <name>', 'of these, the requests to this model alone')
    .option('--synthetic', 'a made-up request for each signature')
    .addOption(
      new Option('--batch_sizes <n,n>', 'each request with so many rows, its own over and over').argParser(
        toSizes,
      ),
    )
    .addOption(
      new Option('--limit <n>', `requests at most (default: 1000, all that may be)`).argParser(toSize),
    )
    .option('--unchecked', 'write requests without having run them')
    .option('--force', 'replace a file that is there')
    .addOption(versionOption())
    .addOption(deviceOption())
    .helpOption('--help', 'print this help')
    .action(async (path: string, flags: WarmupFlags) =>
      (await import('./write-warmup.js')).writeWarmup(path, flags),
    );
}

function toSize(text: string): number {
  const size = readNatural(text);
  if (size !== undefined && size > 0) return size;
  throw new InvalidArgumentError('Expected an integer of at least 1.');
}

function toSizes(text: string): readonly number[] {
  return text.split(',').map(toSize);
}
