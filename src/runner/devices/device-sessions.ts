import { ServingError } from '../../core/errors.js';
import type { DeviceStatus } from '../../core/servable.js';
import type { EngineSession, OpenTerms, OrtEngine } from '../engine.js';
import type { RunMemory } from '../engine-run.js';
import { type ArenaPlace, shrinkEntries } from '../ort/arena.js';
import type { PlacedSessionOptions, SessionOptions } from '../session-options.js';
import type { Fallback } from './device-options.js';
import { type DevicePlan, inShort, runsNothing } from './device-plan.js';
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

/** Makes a plan when its turn has come: what it needs may be missing, as the device itself may be. */
export type PlanMaker = () => Promise<DevicePlan>;

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
  isExclusive: false,
};

/**
 * Opens a session on each device. Where one of them cannot run the model, all of it goes to the CPU, or nothing does.
 *
 * @throws ServingError FAILED_PRECONDITION with what is missing and how to mend it, where the device is at fault and
 *   `fallback` is `fail`; whatever opening a session throws otherwise. Nothing is left open.
 */
export async function openDevices(load: DeviceLoad, makers: readonly PlanMaker[]): Promise<OpenDevices> {
  const sessions: DeviceSession[] = [];
  let isOnHost = true;
  try {
    for (const makePlan of makers) {
      isOnHost = false;
      const plan = await makePlan();
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
  const { engine, file, weightBytes, ownLimit, signal } = load;
  const { device, isOnHost, isExclusive, place } = plan;
  const options: PlacedSessionOptions = { ...load.options, providers: plan.providers };
  const terms: OpenTerms = {
    place,
    weightBytes: place === undefined ? 0 : weightBytes,
    ownLimit: place === 'cpu' ? undefined : ownLimit,
    isExclusive,
    countsNodes: !isOnHost,
    signal,
  };
  const open = await engine.openSession(file, options, terms).catch((error) => {
    throw isOnHost ? error : deviceError(device, error);
  });
  if (!runsNothing(plan, inShort(open.nodes ?? {})))
    return { device, place, open, isOnHost, runConfigEntries: runEntries(load, place) };
  await engine.closeSession(open);
  const total = Object.values(open.nodes ?? {}).reduce((sum, count) => sum + count, 0);
  throw new ServingError('FAILED_PRECONDITION', `${device} can run none of its ${total} operators`, {
    actual: JSON.stringify(inShort(open.nodes ?? {})),
    expected: `operators on ${device}`,
  });
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
