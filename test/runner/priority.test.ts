import { readdirSync, readFileSync } from 'node:fs';
import { getPriority } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { OrtEngine } from '#dist/runner/engine.js';
import * as authored from '../support/onnx/authored-models.js';
import { temporaryFolder, writeModel } from '../support/onnx/model-folder.js';

const isLinux = process.platform === 'linux' && getPriority() < 10;

/** How many threads of this process have this niceness. */
function threadsWith(niceness: number): number {
  const tasks = readdirSync('/proc/self/task');
  const nices = tasks.map((task) => {
    const stat = readFileSync(join('/proc/self/task', task, 'stat'), 'utf8');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[16]);
  });
  return nices.filter((nice) => nice === niceness).length;
}

it.skipIf(!isLinux)(
  'loads give way to requests, but for sessions with threads of their own (Linux)',
  async () => {
    const file = join(writeModel(temporaryFolder(), 'm', 1, authored.linear()), '1', 'model.onnx');
    const engine = new OrtEngine({ numBatchThreads: 1, numLoadThreads: 1 });
    engine.start();
    const before = threadsWith(10);
    const open = await engine.openSession(file, {});
    expect(threadsWith(10) - before).toBe(1);
    const ordinary = threadsWith(getPriority());
    const wide = await engine.openSession(file, { intraOpNumThreads: 3 });
    expect(threadsWith(10) - before).toBe(1);
    expect(threadsWith(getPriority()) - ordinary).toBeGreaterThanOrEqual(3); // a load thread, and two of the session's
    await engine.closeSession(open);
    await engine.closeSession(wide);
    await engine.close();
  },
);
