import { ServingError } from '../../core/errors.js';
import type { DeviceStatus } from '../../core/servable.js';
import type { EngineSession, OpenTerms, OrtEngine } from '../engine.js';
import type { RunMemory } from '../engine-run.js';
import { RunGraphs } from '../graphs/run-graphs.js';
import { shrinkEntries } from '../ort/arena.js';
import type { ArenaPlace } from '../ort/memory-info.js';
import type { PlacedSessionOptions, SessionOptions } from '../session-options.js';
import { Turns, webGpuTurns } from '../threads/turns.js';
import type { Fallback } from './device-options.js';
import { type DevicePlan, inShort, isOfHostAlone } from './device-plan.js';
import { describeRemedy, remedyFor } from './remedies.js';

/** A model's session on one device. */
export interface DeviceSession {
  readonly device: string;
  /** Whose memory it takes, where that can be limited. */
  readonly place: ArenaPlace | undefined;
  readonly open: EngineSession;
  readonly isOnHost: boolean;
  /** Given to onnxruntime with every run. */
  readonly runConfigEntries: Readonly<Record<string, string>> | undefined;
}

/** A model on its devices, and what is to be said of that. */
export interface OpenDevices {
  readonly sessions: readonly DeviceSession[];
  readonly status: DeviceStatus;
}

/** What is to be opened. */
export interface DeviceLoad {
  readonly engine: OrtEngine;
  readonly file: string;
  readonly options: SessionOptions;
  readonly fallback: Fallback;
  /** Adds to a plan what must be known of the device for it. What that needs may be missing, as the device itself may be. */
  readonly prepare: (plan: DevicePlan) => Promise<DevicePlan>;
  /** Bytes of the model's weights. */
  readonly weightBytes: number;
  /** A limit of the model's own, of each CUDA device's memory. */
  readonly ownLimit?: RunMemory | undefined;
  /** Whether memory goes back to the system after each run. */
  readonly shrinkArena: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** Codes of failures that another device would not mend. */
const notOfDevice: ReadonlySet<string> = new Set([
  'CANCELLED',
  'UNAVAILABLE',
  'RESOURCE_EXHAUSTED',
  'INVALID_ARGUMENT',
]);

/** The CPU, where a device cannot run a model. */
const onHost: DevicePlan = {
  device: 'cpu',
  kind: 'cpu',
  index: 0,
  place: 'cpu',
  providers: [],
  isOnHost: true,
};

/**
 * Opens a session on each device. Where one of them cannot run the model, all of it goes to the CPU, or nothing does.
 *
 * @throws ServingError FAILED_PRECONDITION with what is missing and how to mend it, where the device is at fault and
 *   `fallback` is `fail`; whatever opening a session throws otherwise. Nothing is left open.
 */
export async function openDevices(load: DeviceLoad, plans: readonly DevicePlan[]): Promise<OpenDevices> {
  const sessions: DeviceSession[] = [];
  let isOnHost = true;
  try {
    for (const plan of plans) {
      isOnHost = plan.isOnHost;
      sessions.push(await openDevice(load, plan));
    }
    return { sessions, status: statusOf(sessions) };
  } catch (error) {
    await closeDevices(load.engine, sessions);
    if (load.fallback === 'fail' || load.signal?.aborted || isNotOfDevice(error)) throw error;
    if (isOnHost) throw error; // the model's fault, not a device's
    const session = await openDevice(load, onHost);
    return { sessions: [session], status: { ...statusOf([session]), fallback: (error as Error).message } };
  }
}

/** Closes sessions. Never rejects. */
export async function closeDevices(engine: OrtEngine, sessions: readonly DeviceSession[]): Promise<void> {
  for (const { open } of sessions) await engine.closeSession(open);
}

async function openDevice(load: DeviceLoad, plan: DevicePlan): Promise<DeviceSession> {
  const { device, isOnHost } = plan;
  if (isOnHost) return sessionOf(load, plan, await openSession(load, plan));
  try {
    const open = await openSession(load, await load.prepare(plan));
    return await keepIfUsed(load, sessionOf(load, plan, open));
  } catch (error) {
    throw deviceError(device, error);
  }
}

/** The session, unless the device has none of its operators; it is closed then. */
async function keepIfUsed(load: DeviceLoad, session: DeviceSession): Promise<DeviceSession> {
  const { device, open } = session;
  try {
    if (await isUsed(load, open)) return session;
    throw runsNothingError(device, open);
  } catch (error) {
    await load.engine.closeSession(open);
    throw error;
  }
}

function openSession(load: DeviceLoad, plan: DevicePlan) {
  const { providers, place, index, isOnHost, isAloneIn, isRecorded } = plan;
  const { engine, file, weightBytes, ownLimit, signal } = load;
  const options: PlacedSessionOptions = { ...load.options, providers };
  const terms: OpenTerms = {
    place,
    weightBytes: place === undefined ? 0 : weightBytes,
    ownLimit: place === 'cpu' ? undefined : ownLimit,
    turns: isAloneIn && (isAloneIn === 'process' ? webGpuTurns() : new Turns()),
    graphs: isRecorded ? new RunGraphs(index) : undefined,
    countsNodes: !isOnHost,
    signal,
  };
  return engine.openSession(file, options, terms);
}

/**
 * Whether a device runs some of a model's operators. A provider that lays tensors out otherwise than the graph does is not
 * asked what it runs when onnxruntime takes its notes (1.30: WebGPU): where there are only notes of the CPU, they are
 * compared with those of a session that the CPU runs all of.
 */
async function isUsed(
  { engine, file, options, signal }: DeviceLoad,
  { nodes = {} }: EngineSession,
): Promise<boolean> {
  if (!isOfHostAlone(nodes)) return true;
  const all = await engine.openSession(file, options, { countsNodes: true, signal });
  await engine.closeSession(all);
  return totalOf(nodes) < totalOf(all.nodes);
}

function totalOf(nodes: Readonly<Record<string, number>> = {}): number {
  return Object.values(nodes).reduce((sum, count) => sum + count, 0);
}

function sessionOf(
  load: DeviceLoad,
  { device, place, isOnHost }: DevicePlan,
  open: EngineSession,
): DeviceSession {
  return { device, place, open, isOnHost, runConfigEntries: runEntries(load, place) };
}

function runsNothingError(device: string, { nodes }: EngineSession): ServingError {
  return new ServingError(
    'FAILED_PRECONDITION',
    `${device} can run none of its ${totalOf(nodes)} operators`,
    {
      actual: `${totalOf(nodes)} operators on the CPU`,
      expected: `operators on ${device}`,
    },
  );
}

function runEntries(
  { options, shrinkArena }: DeviceLoad,
  place: ArenaPlace | undefined,
): DeviceSession['runConfigEntries'] {
  const isKept = !shrinkArena || place === undefined || (place === 'cpu' && options.cpuArena === false);
  return isKept ? options.runConfigEntries : { ...shrinkEntries(place), ...options.runConfigEntries };
}

function isNotOfDevice(error: unknown): boolean {
  return error instanceof ServingError && notOfDevice.has(error.code);
}

/** A failure whose reason is known to lie in the device says so; all others stay as they are. */
function deviceError(device: string, error: unknown): unknown {
  if (!(error instanceof Error) || isNotOfDevice(error)) return error;
  const remedy = remedyFor(error.message);
  if (remedy === undefined) return error;
  const expected = remedy.fix ?? `a device ${device}`;
  const message = `${device} cannot be used: ${describeRemedy(remedy)}`;
  return new ServingError('FAILED_PRECONDITION', message, { actual: remedy.reason, expected, cause: error });
}

function statusOf(sessions: readonly DeviceSession[]): DeviceStatus {
  const [first] = sessions;
  const nodes = first?.open.nodes;
  return {
    devices: sessions.map(({ device }) => device),
    ...(nodes !== undefined && { nodes: inShort(nodes) }),
  };
}
