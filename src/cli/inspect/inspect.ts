import { ServingError } from '../../core/errors.js';
import type { DeviceName } from '../../runner/devices/device-name.js';
import { CommandError, exitCodes } from '../command-error.js';
import { findModel } from '../model/model-target.js';
import { inspectModel } from './inspect-model.js';
import { inspectionJson } from './inspection-json.js';
import { showInspection } from './show-inspection.js';

/** The flags of `servable inspect`, as they were given. */
export interface InspectFlags {
  readonly json?: true;
  readonly model_version?: number;
  readonly device?: DeviceName;
}

/**
 * `servable inspect`: prints what can be found out about a model.
 *
 * @throws CommandError where it cannot be loaded, after what is known all the same was printed; ServingError.
 */
export async function inspect(
  path: string,
  { json, model_version, device = 'cpu' }: InspectFlags,
): Promise<void> {
  const target = await findModel(path, model_version);
  const inspection = await inspectModel(target, { device }).catch((error: unknown) => {
    throw ServingError.from(error, 'UNAVAILABLE');
  });
  const shown = json
    ? `${JSON.stringify(inspectionJson(inspection), null, 2)}\n`
    : showInspection(inspection);
  process.stdout.write(shown);
  if (inspection.error !== undefined) throw new CommandError(exitCodes.failed, inspection.error.message);
}
