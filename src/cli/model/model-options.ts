import { InvalidArgumentError, Option } from 'commander';
import { parseDevice } from '../../runner/devices/device-name.js';

/** Which version of a base path is meant. */
export function versionOption(): Option {
  return new Option('--model_version <n>', 'this version of a base path').argParser((text) => {
    if (/^\d+$/.test(text) && Number.isSafeInteger(Number(text))) return Number(text);
    throw new InvalidArgumentError('Expected an integer of at least 0.');
  });
}

/** Where a model runs that is loaded in this process. */
export function deviceOption(): Option {
  return new Option('--device <name>', 'run it on this device (default: cpu)').argParser((text) => {
    if (parseDevice(text) !== undefined) return text;
    throw new InvalidArgumentError('Expected cpu, cuda:0, tensorrt:0, webgpu, coreml or dml:0.');
  });
}
