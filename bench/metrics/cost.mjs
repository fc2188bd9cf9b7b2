/**
 * What it costs a request that it is counted, timed and, where nobody listens, not traced: on the thread that it comes to.
 *
 * The request itself is left out: what is timed is its record, the clock that is read for it, and every cell that it
 * changes. prom-client's instruments do the same counting without the records, for comparison.
 *
 *     node bench/metrics/cost.mjs
 *     node --cpu-prof bench/metrics/cost.mjs   # where it goes
 */
import { strictEqual } from 'node:assert/strict';
import { Counter, Histogram, Registry } from 'prom-client';
import { BatchRecord } from '#dist/batching/batch-record.js';
import { systemClock } from '#dist/core/clock.js';
import { RequestRecord } from '#dist/core/request-records.js';
import { traced } from '#dist/core/trace.js';
import { Meters } from '#dist/metrics/meters.js';
import { ModelRun } from '#dist/runner/model-run.js';
import { serverTraces } from '#dist/tracing/server-traces.js';
import { answered, arrived } from '#dist/transport/watched-request.js';
import { alternate, paired } from '../support/alternate.mjs';
import { printHead, printTable } from '../support/report.mjs';

const requests = 1000;

printHead('What metrics and tracing cost a request', [
  `${requests} requests in a loop, a turn of the event loop each; nobody listens to the tracing channels`,
  'aim: below 1 µs a request',
]);

const id = { model: 'digits', version: 3 };
const spec = { model: 'digits' };
const clock = systemClock;
const known = { hasModel: () => true, hasVersion: () => true, facts: () => /** @type {never} */ ({}) };
const meters = new Meters(known, clock);
const watch = { clock, observer: meters.wires, trace: serverTraces.request, onFailure: () => {} };
const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
const work = () => Promise.resolve();
let counted = 0;

/** @param {import('#dist/core/request-records.js').WireRecord} [wire] */
function countRequest(wire) {
  const record = new RequestRecord('predict', spec, clock.now(), wire);
  if (serverTraces.predict.isOn) traced(serverTraces.predict, record, work);
  record.id = id;
  record.rows = 1;
  record.handedOverMs = clock.now();
  return record;
}

/** @param {RequestRecord} record */
function countAnswer(record) {
  record.endedMs = clock.now();
  meters.requests.onAnswer(record);
  counted++;
}

/** @param {RequestRecord | BatchRecord} origin */
function countRun(origin) {
  const run = new ModelRun(id, 'cpu', origin, clock.now());
  if (serverTraces.run.isOn) traced(serverTraces.run, run, work);
  run.runMicros = 20;
  run.endedMs = clock.now();
  origin.noteRun(5, run.runMicros);
  meters.runs.onRun(run);
}

function inProcess() {
  for (let index = 0; index < requests; index++) {
    const record = countRequest();
    countRun(record);
    countAnswer(record);
  }
}

/** @param {string | undefined} header what every request has as its traceparent */
function overRest(header) {
  for (let index = 0; index < requests; index++) {
    const wire = arrived(watch, 'REST', '', () => header);
    wire.api = 'predict';
    wire.model = 'digits';
    const record = countRequest(wire);
    countRun(record);
    countAnswer(record);
    answered(watch, wire, 'OK');
  }
}

const batchSize = 20;

function inBatches() {
  for (let start = 0; start < requests; start += batchSize) {
    const records = Array.from({ length: batchSize }, () => countRequest());
    const content = { id, requests: records, rows: batchSize, padding: 0, attempt: 0 };
    const batch = new BatchRecord(content);
    countRun(batch);
    const waitMicros = records.map(() => 100);
    for (const record of records) record.noteRun(100, batch.runMicros);
    meters.batching.onRun({
      ...content,
      requests: batchSize,
      asked: batchSize,
      requestRows: records.map(() => 1),
      waitMicros,
      runMicros: 20,
      isSplit: false,
    });
    for (const record of records) countAnswer(record);
  }
}

const registry = new Registry();
const registers = [registry];
const buckets = Array.from({ length: 33 }, (_, power) => 10 * 1.8 ** power);
/** @param {string} name @param {readonly string[]} labelNames */
const newCounter = (name, labelNames) =>
  new Counter({ name, help: name, labelNames: [...labelNames], registers });
/** @param {string} name @param {readonly string[]} labelNames */
const newHistogram = (name, labelNames) =>
  new Histogram({ name, help: name, labelNames: [...labelNames], buckets, registers });
const theirs = {
  requests: newCounter('requests', ['model', 'version', 'method', 'code']),
  rows: newCounter('rows', ['model', 'version']),
  duration: newHistogram('duration', ['model', 'version', 'method']),
  withModel: newHistogram('with_model', ['model_name', 'API', 'runtime']),
  executions: newCounter('executions', ['model', 'version', 'place']),
  execution: newHistogram('execution', ['model', 'version']),
  graphRuns: newCounter('graph_runs', []),
  graphMicros: newCounter('graph_micros', []),
  graphTimes: newHistogram('graph_times', []),
};

function byPromClient() {
  const version = '3';
  const model = 'digits';
  for (let index = 0; index < requests; index++) {
    theirs.requests.inc({ model, version, method: 'predict', code: 'OK' });
    theirs.rows.inc({ model, version }, 1);
    theirs.duration.observe({ model, version, method: 'predict' }, 25);
    theirs.withModel.observe({ model_name: model, API: 'Predict', runtime: 'TF1' }, 25);
    theirs.executions.inc({ model, version, place: 'calling_thread' });
    theirs.execution.observe({ model, version }, 20);
    theirs.graphRuns.inc();
    theirs.graphMicros.inc(20);
    theirs.graphTimes.observe(20);
  }
}

const contestants = [
  { name: 'nothing', call: () => {} },
  { name: 'a request of this process, unbatched', call: inProcess },
  { name: `a request in a batch of ${batchSize}`, call: inBatches },
  { name: 'a request over REST, unbatched', call: () => overRest(undefined) },
  { name: 'the same in a trace that its client records', call: () => overRest(traceparent) },
  { name: 'prom-client, unbatched', call: byPromClient },
];
const timings = await alternate(contestants, { rounds: 21 });
const [nothing] = timings;
printTable(
  timings.slice(1).map((timing) => ({
    counted: timing.name,
    'ns a request': paired(timing, nothing ?? timing, (micros, none) => ((micros - none) * 1000) / requests),
  })),
);
const { families } = meters;
strictEqual(
  families.requests.cell('digits', '3', 'predict', 'OK').value,
  counted,
  'every request was counted once',
);
