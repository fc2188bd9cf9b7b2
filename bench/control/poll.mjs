/**
 * What it costs to look at 1,000 models with 10 versions each.
 *
 *     node bench/control/poll.mjs
 */
import { cpSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { FileSystemSource } from 'servable';
import { withLoopDelay } from '../support/event-loop.mjs';
import { tiny } from '../support/model.mjs';
import { ModelFolder } from '../support/model-folder.mjs';
import { printHead, printTable } from '../support/report.mjs';
import { median, spread } from '../support/stats.mjs';

const models = 1000;
const versions = 10;
const looks = 21;
const folder = new ModelFolder();

printHead(`A look at ${models} models × ${versions} versions`, [
  'the local disk, its cache warm; each version has a model file; the source alone, its listener does nothing',
  `${looks} looks of each, one after the other, alternating; CPU: of all threads of the process`,
]);

const watched = Array.from({ length: models }, (_, index) => {
  const { name, basePath, versionPath } = folder.write(`model-${index}`, tiny());
  for (let version = 2; version <= versions; version++) {
    mkdirSync(join(basePath, String(version)));
    cpSync(join(versionPath, 'model.onnx'), join(basePath, String(version), 'model.onnx'));
  }
  return { name, basePath };
});

const policies = /** @type {const} */ ({ 'the latest version': { latest: 1 }, 'all versions': 'all' });
const sources = Object.entries(policies).map(([wanted, versionPolicy]) => {
  const source = new FileSystemSource({
    models: watched.map((model) => ({ ...model, versionPolicy })),
    pollIntervalMs: 0,
  });
  let heard = 0;
  const listener = {
    aspire: (/** @type {string} */ _model, /** @type {readonly unknown[]} */ found) => {
      heard += found.length;
    },
    fail: (/** @type {string} */ _model, /** @type {Error} */ error) => {
      throw error;
    },
  };
  return {
    wanted,
    source,
    listener,
    heard: () => heard,
    expected: versionPolicy === 'all' ? models * versions : models,
    first: 0,
    wallMs: /** @type {number[]} */ ([]),
    cpuMs: /** @type {number[]} */ ([]),
    worstMs: /** @type {number[]} */ ([]),
  };
});
for (const each of sources) {
  const startedAt = performance.now();
  await each.source.start(each.listener);
  each.first = performance.now() - startedAt;
}
for (let look = 0; look < looks; look++) {
  for (const each of sources) {
    const before = each.heard();
    const cpu = process.cpuUsage();
    const startedAt = performance.now();
    const { worstMs } = await withLoopDelay(() => each.source.poll());
    each.wallMs.push(performance.now() - startedAt);
    const { user, system } = process.cpuUsage(cpu);
    each.cpuMs.push((user + system) / 1000);
    each.worstMs.push(worstMs);
    if (each.heard() - before !== each.expected) throw new Error('A look did not find what is there');
  }
}
printTable(
  sources.map(({ wanted, first, wallMs, cpuMs, worstMs }) => ({
    wanted,
    'first look ms': first,
    'look ms': median(wallMs),
    repeats: spread(wallMs, 0),
    'CPU ms': median(cpuMs),
    'of a core, each second %': median(cpuMs) / 10,
    'event loop, worst ms': median(worstMs),
  })),
);
process.exit(); // the sources look no more
