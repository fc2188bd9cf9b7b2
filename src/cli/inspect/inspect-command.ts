import type { Command } from 'commander';
import { ServingError } from '../../core/errors.js';
import { CommandError, exitCodes } from '../command-error.js';
import { deviceOption, versionOption } from '../model/model-options.js';
import { findModel } from '../model/model-target.js';
import { inspectModel } from './inspect-model.js';
import { inspectionJson } from './inspection-json.js';
import { showInspection } from './show-inspection.js';

interface InspectFlags {
  readonly json?: true;
  readonly model_version?: number;
  readonly device?: string;
}

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
    .action(inspect);
}

async function inspect(path: string, { json, model_version, device = 'cpu' }: InspectFlags): Promise<void> {
  const target = await findModel(path, model_version);
  const inspection = await inspectModel(target, { device: device as 'cpu' }).catch((error: unknown) => {
    throw ServingError.from(error, 'UNAVAILABLE');
  });
  const shown = json
    ? `${JSON.stringify(inspectionJson(inspection), null, 2)}\n`
    : showInspection(inspection);
  process.stdout.write(shown);
  if (inspection.error !== undefined) throw new CommandError(exitCodes.failed, inspection.error.message);
}
