/**
 * How far from its moment the batch scheduler's timer calls, beside what a program would write: `setTimeout`.
 *
 *     node bench/batching/deadline-timer.mjs
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { ThreadTimer } from '#dist/batching/deadline/thread-timer.js';
import { printHead, printTable } from '../support/report.mjs';
import { median, percentile } from '../support/stats.mjs';

const delaysMicros = [100, 500, 1000, 5000];
const calls = 400;
const idleMs = 5000;

/** @type {() => void} */
let onDue = () => {};
const timer = new ThreadTimer(() => onDue());

/** @type {Record<string, (deadlineMs: number) => Promise<void>>} */
const contestants = {
  'the timer': (deadlineMs) =>
    new Promise((resolve) => {
      onDue = resolve;
      timer.set(deadlineMs);
    }),
  setTimeout: (deadlineMs) => sleep(deadlineMs - performance.now()),
};

printHead("The timer of a batch's deadline", [
  `${calls} calls for each delay, alternating with setTimeout, 1 to 3 ms apart; an otherwise idle process`,
  'error: the moment of the call less the moment that was set; aim: median of its size below 50 µs',
]);

for (let warmUp = 0; warmUp < 100; warmUp++) await contestants['the timer']?.(performance.now() + 1);
/** @type {Map<string, number[]>} */
const errors = new Map();
let timerCpuMicros = 0;
for (let call = 0; call < calls; call++) {
  for (const delayMicros of delaysMicros) {
    for (const [name, wait] of Object.entries(contestants)) {
      await sleep(1 + (call % 3));
      const before = process.cpuUsage();
      const deadlineMs = performance.now() + delayMicros / 1000;
      await wait(deadlineMs);
      const key = `${delayMicros} ${name}`;
      errors.set(key, [...(errors.get(key) ?? []), (performance.now() - deadlineMs) * 1000]);
      if (name === 'the timer') timerCpuMicros += cpuMicros(before);
    }
  }
}
printTable(
  delaysMicros.flatMap((delayMicros) =>
    Object.keys(contestants).map((name) => {
      const all = errors.get(`${delayMicros} ${name}`) ?? [];
      return {
        'delay µs': delayMicros,
        by: name,
        'p1 µs': percentile(all, 0.01),
        'p50 µs': median(all),
        'p90 µs': percentile(all, 0.9),
        'p99 µs': percentile(all, 0.99),
        'median of its size µs': median(all.map(Math.abs)),
      };
    }),
  ),
);

const idle = process.cpuUsage();
await sleep(idleMs);
const idleMicros = cpuMicros(idle);
printTable([
  {
    'CPU for a call µs': timerCpuMicros / (calls * delaysMicros.length),
    [`CPU in ${idleMs / 1000} s with no moment set µs`]: idleMicros,
  },
]);
await timer.close();

/** @param {NodeJS.CpuUsage} before of all threads of the process */
function cpuMicros(before) {
  const { user, system } = process.cpuUsage(before);
  return user + system;
}
