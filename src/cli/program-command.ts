import { Command } from 'commander';

/** What commander 14.0.3 does with a flag that is none; it has no name for it in its types. */
const { unknownOption } = Command.prototype as unknown as {
  unknownOption(this: Command, flag: string): void;
};

/** A command that looks for the flag that was meant by its name alone: commander compares `--prot=8500` as a whole. */
export class ProgramCommand extends Command {
  override createCommand(name?: string): ProgramCommand {
    return new ProgramCommand(name);
  }

  /** @internal Called by commander. */
  unknownOption(flag: string): void {
    unknownOption.call(this, flag.replace(/=.*$/s, ''));
  }
}
