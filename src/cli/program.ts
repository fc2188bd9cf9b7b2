import type { Command } from 'commander';
import { packageVersion } from '../server/package-version.js';
import { addDevicesCommand } from './devices/devices-command.js';
import { addInspectCommand } from './inspect/inspect-command.js';
import { addPredictCommand } from './predict/predict-command.js';
import { ProgramCommand } from './program-command.js';
import { addServeCommand } from './serve/serve-command.js';
import { addWarmupCommand } from './warmup/warmup-command.js';

export interface ProgramOptions {
  /** Is given the exit code of `serve`, when it has ended. */
  readonly onServed: (exitCode: number) => void;
}

/** The commands of the program, ready to parse arguments. */
export function createProgram({ onServed }: ProgramOptions): Command {
  const program = new ProgramCommand('servable')
    .description('Serves ONNX models, and looks at them. `servable help <command>` says more.')
    .version(`servable ${packageVersion}`, '--version', 'print the version')
    .helpOption('--help', 'print this help')
    .helpCommand('help [command]', 'print the help of a command')
    .showSuggestionAfterError()
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'servable: ')) })
    .exitOverride();
  addServeCommand(program, onServed);
  addInspectCommand(program);
  addPredictCommand(program);
  addWarmupCommand(program);
  addDevicesCommand(program);
  return program;
}
