import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';

const repository = fileURLToPath(new URL('../..', import.meta.url));
const main = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

/** How the program was run. */
export interface ProgramOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** What it reads from its standard input. @default nothing */
  readonly input?: string | Uint8Array;
  readonly cwd?: string;
}

/** How a run of the program has ended. */
export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `servable` to its end. */
export async function runProgram(args: readonly string[], options: ProgramOptions = {}): Promise<Ended> {
  const program = startProgram(args, options);
  program.child.stdin?.end(options.input ?? '');
  return await program.ended;
}

/** `servable` while it runs; it is killed with the test. */
export interface Program {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  /** Resolves with the match when what it has written to stderr matches; rejects when it ends before. */
  said(pattern: RegExp): Promise<RegExpMatchArray>;
}

export function startProgram(
  args: readonly string[],
  { env = {}, cwd = repository }: ProgramOptions = {},
): Program {
  const { MODEL_NAME, MODEL_BASE_PATH, ...own } = process.env;
  const child = spawn(process.execPath, [main, ...args], { cwd, env: { ...own, ...env } });
  let [stdout, stderr] = ['', ''];
  const listeners = new Set<() => void>();
  child.stdout.on('data', (piece) => {
    stdout += piece;
  });
  child.stderr.on('data', (piece) => {
    stderr += piece;
    for (const listener of listeners) listener();
  });
  const ended = once(child, 'close').then(([code]) => ({ code, stdout, stderr }));
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  const said = (pattern: RegExp) =>
    new Promise<RegExpMatchArray>((resolve, reject) => {
      const look = () => {
        const match = stderr.match(pattern);
        if (match === null) return;
        listeners.delete(look);
        resolve(match);
      };
      listeners.add(look);
      look();
      void ended.then(() => reject(new Error(`The program ended without saying ${pattern}:\n${stderr}`)));
    });
  return { child, ended, said };
}

/** The flags with which `serve` takes free ports on the loopback. */
export const freePorts = ['--grpc_address=127.0.0.1:0', '--rest_address=127.0.0.1:0'] as const;

/** `servable serve` that listens, and is killed with the test. */
export interface ServedProgram extends Program {
  readonly grpc: string;
  readonly rest: string;
}

/** Resolves when the ports are open, which is before the models are there. */
export async function serveProgram(
  args: readonly string[],
  options?: ProgramOptions,
): Promise<ServedProgram> {
  const program = startProgram(['serve', ...freePorts, ...args], options);
  const [, grpc = ''] = await program.said(/gRPC is served on (\S+:\d+)/);
  const [, rest = ''] = await program.said(/REST is served on (http\S+:\d+)/);
  return { ...program, grpc, rest };
}
