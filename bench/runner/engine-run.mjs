/**
 * One run, by our binding and by onnxruntime's own: from a model without work to one of 100 MB.
 *
 * The official `run` comes back in the next turn of the event loop; with 64 at once, they share that turn.
 *
 * `official` is `InferenceSession.run`; `in-thread` our `SessionRunner` called in the same thread, which is the
 * like-for-like; `inline` and `thread` are `OrtEngine.run` with `inlineRuns` on and off.
 *
 *     node bench/runner/engine-run.mjs
 */
import { deepStrictEqual } from 'node:assert/strict';
import { alternate, paired, timingCells } from '../support/alternate.mjs';
import { rowsOf } from '../support/inputs.mjs';
import { heavy, tiny } from '../support/model.mjs';
import { ModelFolder } from '../support/model-folder.mjs';
import { officialFeeds, openOfficial } from '../support/official.mjs';
import { bindRunner, nativeRun, openEngine } from '../support/ours.mjs';
import { printHead, printTable } from '../support/report.mjs';

printHead('One run against the official binding', [
  'input x float32 [rows, 256]; intra-op threads 1, spinning off, on both sides',
  'aim: in-thread at most 1.1 times official',
]);

const folder = new ModelFolder();
const { engine: inline } = openEngine({ inlineRuns: 'on' });
const { engine: threaded } = openEngine({ inlineRuns: 'off' });
const { runner, runOptions } = bindRunner();

/** @type {Record<string, string | number>[]} */
const table = [];
const models = { tiny: tiny(), '1 MB': heavy(1), '10 MB': heavy(10), '100 MB': heavy(100) };
for (const [name, bytes] of Object.entries(models)) {
  for (const rows of [1, 32]) table.push(...(await measure(name, bytes, rows, 1)));
}
table.push(...(await measure('tiny', models.tiny, 1024, 1)));
table.push(...(await measure('tiny', models.tiny, 1, 64)));
table.push(...(await measure('1 MB', models['1 MB'], 1, 64)));
printTable(table);
await Promise.all([inline.close(), threaded.close()]);

/**
 * @param {string} name
 * @param {Uint8Array} bytes
 * @param {number} rows
 * @param {number} atOnce runs that are asked for together; times are for one of them
 */
async function measure(name, bytes, rows, atOnce) {
  const { file } = folder.write(name, bytes);
  const inputs = { x: rowsOf(rows) };
  const official = await openOfficial(file);
  const feeds = officialFeeds(inputs);
  const open = await threaded.openSession(file, {});
  const run = nativeRun(open, inputs);
  const contestants = [
    { name: 'official', call: () => official.run(feeds) },
    { name: 'in-thread', call: () => runner.run(run.session, runOptions, run.inputs, run.outputs) },
    { name: 'inline', call: () => inline.run(run) },
    { name: 'thread', call: () => threaded.run(run) },
  ];
  const { y } = await official.run(feeds);
  for (const { name, call } of contestants.slice(1)) {
    const [answer] = /** @type {readonly import('servable').Tensor[]} */ (await call());
    deepStrictEqual(answer, { dtype: 'float32', shape: y?.dims, data: y?.data }, `${name} answers otherwise`);
  }
  const timings = await alternate(contestants, { atOnce });
  const [base] = timings;
  await threaded.closeSession(open);
  await official.release();
  return timings.map((timing) => ({
    model: name,
    rows,
    'at once': atOnce,
    run: timing.name,
    ...timingCells(timing),
    'times official':
      base === undefined ? '' : paired(timing, base, (micros, baseMicros) => micros / baseMicros),
  }));
}
