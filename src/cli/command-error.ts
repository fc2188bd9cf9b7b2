/** What the program ends with; docs/cli.md says the same to its users. */
export const exitCodes = {
  /** All went well; a server ended in good order. */
  ok: 0,
  /** What was asked for could not be done. */
  failed: 1,
  /** The command line, or what it names as configuration, is wrong; nothing was begun. */
  usage: 2,
  /** A port is in use, or an address cannot be had. */
  address: 3,
} as const;

/** How a command has failed: the program says the message, and ends with the code. */
export class CommandError extends Error {
  readonly exitCode: number;

  constructor(exitCode: number, message: string, cause?: unknown) {
    super(message, { cause });
    this.exitCode = exitCode;
  }
}

/** What is wrong with how the program was called. */
export function usageError(message: string, cause?: unknown): CommandError {
  return new CommandError(exitCodes.usage, message, cause);
}

/** Does what only a wrong call lets fail. @throws CommandError for a wrong call, in place of what was thrown. */
export function asUsage<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw toUsage(error);
  }
}

/** The error of a wrong call that another error comes from. */
export function toUsage(error: unknown): CommandError {
  if (error instanceof CommandError) return error;
  return usageError(error instanceof Error ? error.message : String(error), error);
}
