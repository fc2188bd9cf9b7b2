import { listDevices } from '../../runner/devices/list-devices.js';
import { showDevices } from './show-devices.js';

/** The flags of `servable devices`, as they were given. */
export interface DevicesFlags {
  readonly json?: true;
}

/** `servable devices`: prints what models may run on. @throws ServingError where onnxruntime cannot be loaded. */
export async function devices({ json }: DevicesFlags): Promise<void> {
  const reports = await listDevices();
  process.stdout.write(json ? `${JSON.stringify(reports, null, 2)}\n` : showDevices(reports));
}
