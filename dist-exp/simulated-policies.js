import { normal } from './queue-simulation.js';
/** What the runs of a shape cost; see `Stream.costMicros`. */
export function drawCost({ fixedMicros, perRowMicros, noise, outlierShare = 0 }) {
  return (rows, _nowMicros, random) => {
    const factor = Math.exp(noise * normal(random) - noise ** 2 / 2);
    const slow = random() < outlierShare ? 10 : 1;
    return (fixedMicros + perRowMicros * rows) * factor * slow;
  };
}
/** The law that is under test, used as the scheduler uses it. */
export function adaptivePolicy(controls, stream = 0) {
  const control = controls[stream];
  return {
    rowsFor: (firstArrivalMicros, nowMicros) => control.rowsFor(firstArrivalMicros, nowMicros),
    dueMicros: (batch) => control.dueMicros(batch),
    admits: ({ rows, waitingRows, firstArrivalMicros, runs, nowMicros }) =>
      control.admits({
        rows,
        waitingRows,
        firstArrivalMicros,
        busyUntilMicros: runs.map((run) => controls[run.stream].endMicros(run, nowMicros)),
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
export function staticPolicy(options) {
  const { rows: maxRows, slots, targetMicros, shape, caution } = options;
  const cost = (rows) => shape.fixedMicros + shape.perRowMicros * rows;
  const fullMicros = caution * cost(maxRows);
  return {
    rowsFor: () => maxRows,
    dueMicros: () => 0,
    admits({ rows, waitingRows, runs, nowMicros }) {
      const free = runs.map((run) => run.endMicros - nowMicros).sort((one, other) => one - other);
      while (free.length < slots) free.unshift(0);
      const ahead = Math.ceil((waitingRows + rows) / maxRows) - 1;
      const wait = free[ahead % slots] + Math.floor(ahead / slots) * fullMicros;
      return wait + fullMicros <= targetMicros;
    },
    latestStartMicros: (arrivalMicros, rows) => arrivalMicros + targetMicros - cost(rows),
    ended() {},
    dropped() {},
  };
}
/** Sums up the requests of a stream that arrived between two moments. */
export function outcome(result, targetMicros, { stream = 0, fromMicros = 0, untilMicros }) {
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
function sum(values) {
  return values.reduce((total, value) => total + value, 0);
}
