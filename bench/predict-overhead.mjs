/**
 * What a server adds to a run: one unbatched `predict` of a model without work, over the bare run of the same model.
 *
 * A thread has to be woken, there and back: 25 µs more where the CPU waits for work in a loop, 70 µs and more where it
 * was halted in between. Which of the two a round meets is up to the system (on Linux guests, its haltpoll governor).
 *
 *     node bench/predict-overhead.mjs
 *     node --cpu-prof bench/predict-overhead.mjs   # where it goes
 */
import { deepStrictEqual } from 'node:assert/strict';
import { ModelServer } from 'servable';
import { alternate, paired, timingCells } from './support/alternate.mjs';
import { rowsOf } from './support/inputs.mjs';
import { tiny } from './support/model.mjs';
import { ModelFolder } from './support/model-folder.mjs';
import { bindRunner, nativeRun, openEngine, runServable } from './support/ours.mjs';
import { printHead, printTable } from './support/report.mjs';

printHead('What a predict adds to a run', [
  'a model of two operators, x float32 [1, 256]; one request at a time, each in a turn of the event loop of its own',
  'aim: below 14 µs, what Triton adds unbatched, with inline runs; a thread adds its wake-up',
]);

const model = new ModelFolder().write('tiny', tiny());
const inputs = { x: rowsOf(1) };
const { engine, load } = openEngine({ inlineRuns: 'on' });
const { engine: threaded } = openEngine({ inlineRuns: 'off' });
const open = await engine.openSession(model.file, {});
const servable = await load(model);
const run = nativeRun(open, inputs);
const { runner, runOptions } = bindRunner();
const bare = () => runner.run(run.session, runOptions, run.inputs, run.outputs);
const servers = await Promise.all(/** @type {const} */ (['on', 'auto', 'off']).map(serve));

const contestants = [
  { name: 'bare run', call: bare },
  { name: 'engine, inline on', call: () => engine.run(run) },
  { name: 'engine, inline off', call: () => threaded.run(run) },
  { name: 'servable, inline on', call: () => runServable(servable, inputs) },
  ...servers.map(({ server, inlineRuns }) => ({
    name: `predict, inline ${inlineRuns}`,
    call: () => server.predict('tiny', inputs),
  })),
];
const [expected] = bare();
for (const { server } of servers) {
  deepStrictEqual((await server.predict('tiny', inputs)).outputs, { y: expected });
}
const timings = await alternate(contestants, { rounds: 21 });
printTable(
  timings.map((timing) => ({
    call: timing.name,
    ...timingCells(timing),
    'added µs': paired(timing, timings[0] ?? timing, (micros, bareMicros) => micros - bareMicros),
  })),
);
await servable.unload();
await engine.closeSession(open);
await Promise.all([engine.close(), threaded.close(), ...servers.map(({ server }) => server.close())]);

/** @param {import('servable').InlineRuns} inlineRuns */
async function serve(inlineRuns) {
  const models = [{ name: model.name, basePath: model.basePath }];
  return { inlineRuns, server: await new ModelServer({ models, inlineRuns, pollIntervalMs: 0 }).start() };
}
