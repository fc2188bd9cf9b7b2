import { InvalidArgumentError, Option } from 'commander';
import { parseDevice } from '../../runner/devices/device-name.js';
import { readNatural } from '../read-number.js';

/** Which version of a base path is meant. */
export function versionOption(): Option {
  return new Option('--model_version <n>', 'this version of a base path').argParser((text) => {
    const version = readNatural(text);
    if (version !== undefined) return version;
    throw new InvalidArgumentError('Expected an integer of at least 0.');
  });
}

/** Where a model runs that is loaded in this process. */
export function deviceOption(): Option {
  return new Option('--device <name>', 'run it on this device (default: cpu)').argParser((text) => {
    const device = parseDevice(text);
    if (device !== undefined) return device.name;
    throw new InvalidArgumentError('Expected cpu, cuda:0, tensorrt:0, webgpu, coreml or dml:0.');
  });
}
