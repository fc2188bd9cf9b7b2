import { setImmediate as nextTurn } from 'node:timers/promises';
import { median, percentile, spread } from './stats.mjs';

/**
 * One way to do the same thing.
 *
 * @typedef {{ readonly name: string, readonly call: () => unknown }} Contestant
 */

/**
 * What one contestant took: the calls in microseconds, and the median of each round.
 *
 * @typedef {{ readonly name: string, readonly calls: number[], readonly rounds: number[] }} Timing
 */

/**
 * Times contestants in turns, A B C, B C A, …, so that what else the machine does falls on all of them alike.
 *
 * @param {readonly Contestant[]} contestants
 * @param {{ rounds?: number, roundMs?: number, warmUpMs?: number, atOnce?: number }} [options] each call, or so many at
 *   once, come in a turn of the event loop of their own, as requests do; the time of many is shared among them
 * @returns {Promise<Timing[]>}
 */
export async function alternate(contestants, { rounds = 15, roundMs = 60, warmUpMs = 300, atOnce = 1 } = {}) {
  for (const { call } of contestants) await time(call, warmUpMs, atOnce);
  const timings = contestants.map(({ name }) => ({
    name,
    calls: /** @type {number[]} */ ([]),
    rounds: /** @type {number[]} */ ([]),
  }));
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < contestants.length; turn++) {
      const place = (round + turn) % contestants.length;
      const { call } = /** @type {Contestant} */ (contestants[place]);
      const calls = await time(call, roundMs, atOnce);
      timings[place]?.calls.push(...calls);
      timings[place]?.rounds.push(median(calls));
    }
  }
  return timings;
}

/**
 * @param {() => unknown} call
 * @param {number} forMs
 * @param {number} atOnce
 */
async function time(call, forMs, atOnce) {
  /** @type {number[]} */
  const micros = [];
  const end = performance.now() + forMs;
  while (performance.now() < end || micros.length < 5) {
    await nextTurn();
    const started = performance.now();
    await callTimes(call, atOnce);
    micros.push(((performance.now() - started) * 1000) / atOnce);
  }
  return micros;
}

/**
 * @param {() => unknown} call
 * @param {number} atOnce
 */
function callTimes(call, atOnce) {
  return atOnce === 1 ? call() : Promise.all(Array.from({ length: atOnce }, call));
}

/**
 * The median of what is left of one contestant in relation to another, round by round.
 *
 * @param {Timing} timing
 * @param {Timing} base
 * @param {(value: number, base: number) => number} relate
 */
export function paired(timing, base, relate) {
  return median(timing.rounds.map((value, round) => relate(value, base.rounds[round] ?? Number.NaN)));
}

/** @param {Timing} timing */
export function timingCells({ calls, rounds }) {
  return {
    'p50 µs': median(rounds),
    'p99 µs': percentile(calls, 0.99),
    'medians of rounds': spread(rounds),
  };
}
