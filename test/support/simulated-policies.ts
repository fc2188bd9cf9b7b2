import type { LatencyControl } from '#dist/batching/adaptive/latency-control.js';
import { normal, type SimulatedPolicy, type SimulationResult, simulateQueue } from './queue-simulation.js';

/** Microseconds that runs cost: `(fixed + perRow · rows)`, times log-normal noise, and sometimes far more. */
export interface CostShape {
  readonly fixedMicros: number;
  readonly perRowMicros: number;
  /** Standard deviation of the logarithm. */
  readonly noise: number;
  /** How many of the runs take ten times as long. */
  readonly outlierShare?: number;
}

/** What the runs of a shape cost; see `Stream.costMicros`. */
export function drawCost({ fixedMicros, perRowMicros, noise, outlierShare = 0 }: CostShape) {
  return (rows: number, _nowMicros: number, random: () => number): number => {
    const factor = Math.exp(noise * normal(random) - noise ** 2 / 2);
    const slow = random() < outlierShare ? 10 : 1;
    return (fixedMicros + perRowMicros * rows) * factor * slow;
  };
}

/** The law that is under test, used as the scheduler uses it. */
export function adaptivePolicy(controls: readonly LatencyControl[], stream = 0): SimulatedPolicy {
  const control = controls[stream] as LatencyControl;
  return {
    rowsFor: (firstArrivalMicros, nowMicros) => control.rowsFor(firstArrivalMicros, nowMicros),
    dueMicros: (batch) => control.dueMicros(batch),
    admits: ({ rows, waitingRows, firstArrivalMicros, runs, nowMicros }) =>
      control.admits({
        rows,
        waitingRows,
        firstArrivalMicros,
        busyUntilMicros: runs.map((run) =>
          (controls[run.stream] as LatencyControl).endMicros(run, nowMicros),
        ),
        nowMicros,
      }),
    latestStartMicros: (arrivalMicros, rows) => control.latestStartMicros(arrivalMicros, rows),
    ended(run, oldestMicros) {
      control.observeRun(run, run.endMicros);
      control.observeLatency(oldestMicros);
    },
    dropped: () => control.observeLatency(Number.POSITIVE_INFINITY),
  };
}

/** Batches of one size that never wait, by someone who knows how long every run under way will take. */
export function staticPolicy(options: {
  readonly rows: number;
  readonly slots: number;
  readonly targetMicros: number;
  readonly shape: CostShape;
  /** What a run to come is taken to cost, in means. */
  readonly caution: number;
}): SimulatedPolicy {
  const { rows: maxRows, slots, targetMicros, shape, caution } = options;
  const cost = (rows: number) => shape.fixedMicros + shape.perRowMicros * rows;
  const fullMicros = caution * cost(maxRows);
  return {
    rowsFor: () => maxRows,
    dueMicros: () => 0,
    admits({ rows, waitingRows, runs, nowMicros }) {
      const free = runs.map((run) => run.endMicros - nowMicros).sort((one, other) => one - other);
      while (free.length < slots) free.unshift(0);
      const ahead = Math.ceil((waitingRows + rows) / maxRows) - 1;
      const wait = (free[ahead % slots] as number) + Math.floor(ahead / slots) * fullMicros;
      return wait + fullMicros <= targetMicros;
    },
    latestStartMicros: (arrivalMicros, rows) => arrivalMicros + targetMicros - cost(rows),
    ended() {},
    dropped() {},
  };
}

interface Setting extends CostShape {
  readonly slots: number;
  readonly targetMicros: number;
  readonly maxRows: number;
}

/**
 * Rows in a microsecond that full slots answer, in the largest batches whose slow runs leave time to wait for a slot,
 * evenly spread; and what such a run takes.
 */
export function capacity(setting: Setting): { rows: number; runMicros: number; perMicro: number } {
  const { fixedMicros, perRowMicros, noise, slots, targetMicros, maxRows } = setting;
  // The 99th percentile of a log-normal draw.
  const slowRun = Math.exp(2.33 * noise);
  const fitting = Math.floor((targetMicros / (1 + 1 / slots) / slowRun - fixedMicros) / perRowMicros);
  const rows = Math.max(1, Math.min(fitting, maxRows));
  const runMicros = fixedMicros + perRowMicros * rows;
  return { rows, runMicros, perMicro: (slots * rows) / runMicros };
}

/** The most that batches of one size answer in time, over sizes and cautions, with so many of the admitted in time. */
export function findBestStatic(
  setting: Setting,
  { seed, load, inTimeShare }: { seed: number; load: number; inTimeShare: number },
): { rows: number; caution: number; goodputPerMicro: number } {
  const { rows: usualRows, runMicros, perMicro } = capacity(setting);
  const untilMicros = (200 * runMicros) / setting.slots;
  let best = { rows: 0, caution: 0, goodputPerMicro: 0 };
  for (const size of [0.25, 0.5, 1, 1.25, 1.5]) {
    const rows = Math.max(1, Math.min(Math.round(usualRows * size), setting.maxRows));
    for (const caution of [1.15, 1.3, 1.6]) {
      const policy = staticPolicy({ ...setting, shape: setting, rows, caution });
      const stream = { ratePerMicro: load * perMicro, costMicros: drawCost(setting), policy };
      const result = simulateQueue({
        seed,
        slots: setting.slots,
        durationMicros: untilMicros,
        streams: [stream],
      });
      const { inTimeShare: share, goodputPerMicro } = outcome(result, setting.targetMicros, { untilMicros });
      if (share >= inTimeShare && goodputPerMicro > best.goodputPerMicro)
        best = { rows, caution, goodputPerMicro };
    }
  }
  return best;
}

/** What came of a stream's requests. */
export interface Outcome {
  /** Of all requests. */
  readonly admittedShare: number;
  /** Of the admitted ones; 1 without any. */
  readonly inTimeShare: number;
  /** Latency of the answers. */
  readonly p50Micros: number;
  readonly p99Micros: number;
  /** Rows answered in time, in a microsecond. */
  readonly goodputPerMicro: number;
  /** Runs that began after the deadline of one of their requests. */
  readonly startedLate: number;
  readonly rowsPerRun: number;
}

/** Sums up the requests of a stream that arrived between two moments. */
export function outcome(
  result: SimulationResult,
  targetMicros: number,
  { stream = 0, fromMicros = 0, untilMicros }: { stream?: number; fromMicros?: number; untilMicros: number },
): Outcome {
  const all = (result.requests[stream] ?? []).filter(
    ({ arrivalMicros }) => arrivalMicros >= fromMicros && arrivalMicros < untilMicros,
  );
  const admitted = all.filter(({ end }) => end !== 'refused');
  const answered = admitted.filter(({ end }) => end === 'answered');
  const latencies = answered
    .map((one) => one.endMicros - one.arrivalMicros)
    .sort((one, other) => one - other);
  const inTime = answered.filter((one) => one.endMicros - one.arrivalMicros <= targetMicros);
  return {
    admittedShare: all.length === 0 ? 1 : admitted.length / all.length,
    inTimeShare: admitted.length === 0 ? 1 : inTime.length / admitted.length,
    p50Micros: latencies[Math.floor(latencies.length * 0.5)] ?? 0,
    p99Micros: latencies[Math.floor(latencies.length * 0.99)] ?? 0,
    goodputPerMicro: sum(inTime.map(({ rows }) => rows)) / (untilMicros - fromMicros),
    startedLate: answered.filter((one) => one.startedMicros > one.arrivalMicros + targetMicros).length,
    rowsPerRun: sum(answered.map(({ rows }) => rows)) / sum(answered.map((one) => one.rows / one.batchRows)),
  };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
