import { execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

const repository = resolve(import.meta.dirname, '../..');
const scripts = join(repository, 'test/interop/python');
// Debian's own Python, since the one of the PATH may be another without Debian's packages.
const python = '/usr/bin/python3';

/** A check of the client hangs no longer than this. */
const timeLimitMs = 50_000;

const needs: readonly [what: string, isThere: () => boolean][] = [
  [
    'python3-grpcio and python3-protobuf',
    () => spawnSync(python, ['-c', 'import grpc, google.protobuf']).status === 0,
  ],
  ['protobuf-compiler', () => existsSync('/usr/bin/protoc')],
  ['protobuf-compiler-grpc', () => existsSync('/usr/bin/grpc_python_plugin')],
];

/** Debian's package that the client lacks here; undefined where it can run. */
export const missingForPython = needs.find(([, isThere]) => !isThere())?.[0];

/** What becomes the arguments of a check, beside the options of the connection. */
export interface CheckOptions {
  readonly [argument: string]: unknown;
  readonly channel?: readonly (readonly [string, string | number])[];
  readonly tls?: { readonly root: string; readonly key?: string; readonly cert?: string };
}

/** The gRPC client of Debian's Python, with stubs that are made of the project's protos. */
export class PythonClient {
  readonly #stubs: string;

  private constructor(stubs: string) {
    this.#stubs = stubs;
  }

  static async create(): Promise<PythonClient> {
    const stubs = mkdtempSync(join(tmpdir(), 'servable-stubs-'));
    const reflection = join(repository, 'node_modules/@grpc/reflection/build/proto/grpc/reflection/v1');
    const args = ['-B', join(scripts, 'stubs.py'), join(repository, 'protos'), reflection, stubs];
    await promisify(execFile)(python, args, { timeout: timeLimitMs });
    return new PythonClient(stubs);
  }

  /**
   * Runs a check of test/interop/python and returns its result.
   *
   * @param onReady is called when the check waits for something that is to happen here, and lets it go on afterwards.
   */
  async run(
    target: string,
    check: string,
    options: CheckOptions = {},
    onReady?: () => unknown,
  ): Promise<unknown> {
    const args = ['-B', join(scripts, 'client.py'), target, check, JSON.stringify(options)];
    const env = {
      ...process.env,
      PYTHONPATH: this.#stubs,
      no_grpc_proxy: '*', // a proxy of the machine's is none for loopback
      GRPC_CLIENT_CHANNEL_BACKUP_POLL_INTERVAL_MS: '100', // an idle client sees a GOAWAY after 5 s otherwise
    };
    const running = promisify(execFile)(python, args, { timeout: timeLimitMs, env });
    let acted: Promise<unknown> | undefined;
    let heard = '';
    running.child.stdout?.on('data', (text: string) => {
      heard += text; // in pieces, where Python does not buffer
      if (acted !== undefined || !heard.startsWith('ready\n')) return;
      acted = Promise.resolve(onReady?.()).finally(() => running.child.stdin?.write('go\n'));
      acted.catch(() => {}); // awaited below
    });
    const { stdout } = await running;
    await acted;
    return JSON.parse(stdout.replace(/^ready\n/, ''));
  }

  /** What a program prints that uses the stubs. */
  async print(program: string, ...args: string[]): Promise<string> {
    const env = { ...process.env, PYTHONPATH: this.#stubs, no_grpc_proxy: '*' };
    const { stdout } = await promisify(execFile)(python, ['-B', '-c', program, ...args], {
      env,
      timeout: timeLimitMs,
    });
    return stdout.trim();
  }

  /** Starts a program of test/interop/python that serves, and says on which port; it ends when it is stopped. */
  async serve(script: string): Promise<{ readonly port: number; stop(): Promise<void> }> {
    const env = { ...process.env, PYTHONPATH: this.#stubs };
    const serving = spawn(python, ['-B', join(scripts, script)], { env, stdio: ['pipe', 'pipe', 'inherit'] });
    const exited = once(serving, 'exit');
    const [port] = await Promise.race([once(serving.stdout, 'data'), exited]);
    const stop = async () => {
      serving.stdin.end();
      await exited;
    };
    return { port: Number(String(port)), stop };
  }

  close(): void {
    rmSync(this.#stubs, { recursive: true, force: true });
  }
}
