import type { Command } from 'commander';
import { deviceOption, versionOption } from '../model/model-options.js';
import type { InspectFlags } from './inspect.js';

/** Adds `servable inspect`. */
export function addInspectCommand(program: Command): void {
  program
    .command('inspect')
    .argument('<path>', 'an .onnx file, a version directory, or a base path: its highest version')
    .summary('show what a model takes and gives, and how it would be served')
    .description(
      'Shows the signatures of a model as `saved_model_cli show --all` lays them out, what its file says of itself, where its ' +
        'weights are, what would run it, whether its requests may share runs, and what its warm-up file holds.',
    )
    .addOption(versionOption())
    .addOption(deviceOption())
    .option('--json', 'print JSON')
    .helpOption('--help', 'print this help')
    .action(async (path: string, flags: InspectFlags) => (await import('./inspect.js')).inspect(path, flags));
}
