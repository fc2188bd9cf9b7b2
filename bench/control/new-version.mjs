/**
 * From a new version on disk to AVAILABLE: how long, and where it goes.
 *
 *     node bench/control/new-version.mjs
 */
import { join } from 'node:path';
import { ModelServer } from 'servable';
import { heavy, mlp, tiny } from '../support/model.mjs';
import { ModelFolder } from '../support/model-folder.mjs';
import { openOfficial } from '../support/official.mjs';
import { printHead, printTable } from '../support/report.mjs';
import { median, percentile } from '../support/stats.mjs';
import { Versions } from '../support/versions.mjs';

const count = 25;
const folder = new ModelFolder();
const models = /** @type {const} */ ([
  ['two operators', folder.write('tiny', tiny())],
  ['11.6 MB', folder.write('mlp', mlp())],
  ['100 MB', folder.write('heavy', heavy(100))],
]);

printHead('From disk to AVAILABLE', [
  `${count} versions of each, one after the other; put in place by a rename, at any time between two looks; medians`,
  'seen: until the version is wanted, half of an interval on the average; load: from then until it is AVAILABLE',
  'official: InferenceSession.create of onnxruntime-node with the same file, in the same process',
]);

/** @type {Record<string, string | number>[]} */
const rows = [];
for (const pollIntervalMs of [1000, 100]) {
  for (const [what, model] of models) {
    const versions = new Versions(model);
    const { name, basePath } = model;
    const server = await new ModelServer({ models: [{ name, basePath }], pollIntervalMs }).start();
    /** @type {Map<string, number>} */
    const moments = new Map();
    server.on('state', ({ id, state }) => moments.set(`${id.version} ${state}`, performance.now()));
    const [seen, loaded, total, official] = [[], [], [], []].map(() => /** @type {number[]} */ ([]));
    let before = 1;
    for (let turn = 0; turn < count; turn++) {
      // At another moment of the interval each time.
      await new Promise((resolve) => setTimeout(resolve, (pollIntervalMs * turn) / count));
      const version = versions.deploy();
      const startedAt = performance.now();
      await server.waitFor({ model: name, version: before }, 'END');
      const at = (/** @type {string} */ state) => /** @type {number} */ (moments.get(`${version} ${state}`));
      seen?.push(at('START') - startedAt);
      loaded?.push(at('AVAILABLE') - at('START'));
      total?.push(at('AVAILABLE') - startedAt);
      versions.remove(before);
      before = version;
      const createdAt = performance.now();
      const session = await openOfficial(join(basePath, String(version), 'model.onnx'));
      official?.push(performance.now() - createdAt);
      await session.release();
    }
    await server.close();
    versions.reset();
    rows.push({
      'poll every ms': pollIntervalMs,
      model: what,
      'seen ms': median(seen ?? []),
      'load ms': median(loaded ?? []),
      'in all ms': median(total ?? []),
      'in all, p90 ms': percentile(total ?? [], 0.9),
      'official ms': median(official ?? []),
    });
  }
}
printTable(rows);
