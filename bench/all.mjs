/**
 * Runs every bench, one after the other, and keeps what each prints in `bench/results`: the raw figures behind any that
 * are quoted elsewhere.
 *
 *     npm run bench
 *     node bench/all.mjs batching   # those whose path begins so
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const benches = [
  'predict-overhead',
  'runner/engine-run',
  'runner/event-loop',
  'runner/many-models',
  'runner/shared-session',
  'runner/memory',
  'runner/memory-estimate',
  'batching/deadline-timer',
  'batching/throughput',
  'batching/cpu-per-request',
  'batching/lone-latency',
  'batching/goodput',
  'batching/fairness',
  'batching/gain',
  'batching/choose',
  'devices/device',
  'control/churn',
  'control/swaps',
  'control/poll',
  'control/new-version',
  'metrics/cost',
  'request-log/cost',
  'transport/grpc/predict',
  'transport/grpc/batched',
  'transport/grpc/window',
  'transport/rest/predict',
  'client/predict',
  'json/decode',
  'json/encode',
  'wire/tensor',
  'peers/onnxruntime-node',
];

const [prefix = ''] = process.argv.slice(2);
for (const bench of benches.filter((path) => path.startsWith(prefix))) {
  const { status, stdout } = spawnSync(process.execPath, [join(import.meta.dirname, `${bench}.mjs`)], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  console.log(stdout);
  if (status === 0) {
    const file = join(import.meta.dirname, 'results', `${bench}.md`);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, `${stdout.trim()}\n`);
  } else {
    console.error(`${bench} ended with ${status}`);
    process.exitCode = 1;
  }
}
