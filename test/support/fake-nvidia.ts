import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { NvidiaLibraries } from '#dist/runner/devices/nvidia/nvml.js';
import { temporaryFolder } from './onnx/model-folder.js';

/** A machine with two GPUs, of which CUDA has them in the other order, as it may. */
export interface FakeNvidia {
  readonly libraries: NvidiaLibraries;
  /** Bytes that are taken of the GPU that CUDA counts as 0, until it is said otherwise. */
  setUsed(bytes: number): void;
  /** What NVML and CUDA answer from now on instead of 0: `nvmlInit_v2`, `cuInit`, … */
  setFault(name: string, code: number): void;
  /** How many times NVML was initialised and not given back. */
  initialised(): number;
}

export const gib = 2 ** 30;

const source = new URL('fake-nvidia.c', import.meta.url).pathname;

/** What is missing to make one; undefined where nothing is. */
export function missingForFakeNvidia(): string | undefined {
  if (process.platform !== 'linux') return 'it is a shared library for Linux';
  try {
    execFileSync('cc', ['--version'], { stdio: 'ignore' });
    return undefined;
  } catch {
    return 'this machine has no C compiler';
  }
}

/** Builds the driver's libraries as a machine of that kind would have them. They read what they are to say from files. */
export function fakeNvidia({ hidden = false } = {}): FakeNvidia {
  const folder = temporaryFolder();
  const library = join(folder, 'libfakenvidia.so');
  const state = join(folder, 'state');
  const flags = [`-DSTATE="${state}"`, `-DVISIBLE=${hidden ? 0 : 2}`];
  execFileSync('cc', ['-shared', '-fPIC', '-o', library, ...flags, source]);
  const values: Record<string, number> = { used: gib };
  const write = (name: string, value: number) => {
    values[name] = value;
    writeFileSync(
      state,
      Object.entries(values)
        .map((entry) => entry.join(' '))
        .join('\n'),
    );
  };
  write('used', gib);
  return {
    libraries: { nvml: library, cuda: library },
    setUsed: (bytes) => write('used', bytes),
    setFault: (name, code) => write(name, code),
    initialised: () => Number(readFileSync(`${state}.count`, 'utf8')),
  };
}
