#!/usr/bin/env node
// The program `servable`: parses its arguments, runs a command, and ends with a code that says how it went.
import { CommanderError } from 'commander';
import { ServingError } from '../core/errors.js';
import { CommandError, exitCodes } from './command-error.js';
import { createProgram } from './program.js';

/** @returns the exit code. */
async function main(args: readonly string[]): Promise<number> {
  try {
    // Everything is closed when a server has ended: whatever a storage's SDK still holds open must not keep the process.
    await createProgram({ onServed: (exitCode) => process.exit(exitCode) }).parseAsync(args, {
      from: 'user',
    });
    return exitCodes.ok;
  } catch (error) {
    return failed(error);
  }
}

function failed(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
  if (error instanceof CommandError) {
    process.stderr.write(`servable: ${error.message}\n`);
    return error.exitCode;
  }
  if (error instanceof ServingError) {
    process.stderr.write(`servable: ${error.message}\n`);
    return exitCodes.failed;
  }
  throw error; // a bug, with its stack
}

// Whoever reads the output may have seen enough: `servable inspect … | head`.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(exitCodes.ok);
});

process.exitCode = await main(process.argv.slice(2));
