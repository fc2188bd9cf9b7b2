/**
 * What all threads are started with. None of the host's command-line options: they are about its program
 * (`--input-type`, `--import`, `--inspect`), and some of them keep a thread from starting.
 */
export const threadOptions: { execArgv: string[] } = { execArgv: [] };
