import type { Command } from 'commander';
import type { DevicesFlags } from './devices.js';

/** Adds `servable devices`. */
export function addDevicesCommand(program: Command): void {
  program
    .command('devices')
    .summary('list what models may run on here, and what stands in the way')
    .description(
      'Tries every kind of device that a model may name, and says of each whether it can be used, or else what is missing and ' +
        'the command that mends it. Of GPUs it says what they have to do.',
    )
    .option('--json', 'print JSON')
    .helpOption('--help', 'print this help')
    .action(async (flags: DevicesFlags) => (await import('./devices.js')).devices(flags));
}
