import { ServingError } from '../../core/errors.js';
import type { ProviderOptions } from '../session-options.js';
import { arenaStats } from './arena-stats.js';
import { type OrtApi, OutWord, type Pointer } from './c-api.js';
import { type ArenaPlace, createMemoryInfo, deviceIndex } from './memory-info.js';
import { NativeStrings } from './native-strings.js';
import type { SessionRunner } from './run.js';
import { createRunOptions } from './run-options.js';
import { closeSession, type OpenSession, openSessionFromBytes } from './session.js';
import { createSessionOptions } from './session-options.js';
import { tinyModel } from './tiny-model.js';
import { tryProviders } from './try-providers.js';

/** What an arena is to be. */
export interface ArenaConfig {
  readonly place: ArenaPlace;
  readonly limitBytes: number;
  /** True: memory is taken as it is asked for. False: by doubling, in few large pieces. */
  readonly allowGrowth: boolean;
}

/** An arena that all sessions of the process share which were opened with it. Plain data: it may cross threads. */
export interface OpenArena extends ArenaConfig {
  readonly memoryInfo: Pointer;
  /** A session of nothing: by it the arena is reached, asked and shrunk while no model is loaded. */
  readonly anchor: OpenSession;
  /** The arena itself; belongs to the anchor. */
  readonly allocator: Pointer;
}

/** `ArenaExtendStrategy`. Source: onnxruntime, core/framework/arena_extend_strategy.h. */
const nextPowerOfTwo = 0;
const sameAsRequested = 1;

/**
 * Registers an arena with the environment and opens its anchor. Blocks. An environment has one arena for each place: a
 * second one takes the place of the first, which lives on as long as sessions have it.
 *
 * @throws OrtError with onnxruntime's reason; ServingError INTERNAL where sessions do not get the arena. Nothing is left.
 */
export function openArena(api: OrtApi, environment: Pointer, config: ArenaConfig): OpenArena {
  // onnxruntime 1.30 ends the process where it is to make an arena of a provider whose library it cannot load.
  if (config.place !== 'cpu') tryProviders(api, environment, providersOf(config.place));
  const memoryInfo = createMemoryInfo(api, config.place);
  let isRegistered = false;
  try {
    register(api, environment, memoryInfo, config);
    isRegistered = true;
    const anchor = openAnchor(api, environment, memoryInfo, config);
    const arena: OpenArena = { ...config, memoryInfo, anchor, allocator: anchor.allocator };
    return arena;
  } catch (error) {
    if (isRegistered) api.UnregisterAllocator(environment, memoryInfo);
    api.ReleaseMemoryInfo(memoryInfo);
    throw error;
  }
}

/** Takes the arena out of the environment. Its memory goes with the last session that has it. */
export function closeArena(api: OrtApi, environment: Pointer, { anchor, memoryInfo }: OpenArena): void {
  closeSession(api, anchor);
  api.UnregisterAllocator(environment, memoryInfo);
  api.ReleaseMemoryInfo(memoryInfo);
}

/** Gives back to the system what the arena keeps for the next runs. onnxruntime does that at the end of a run alone. */
export function shrinkArena(api: OrtApi, runner: SessionRunner, { place, anchor }: OpenArena): void {
  const runOptions = createRunOptions(api, shrinkEntries(place));
  try {
    const [input] = anchor.inputs;
    const [output] = anchor.outputs;
    if (input === undefined || output === undefined) return;
    const tensor = { dtype: 'float32', shape: [1], data: new Float32Array(1) } as const;
    const fed = [{ nativeName: input.nativeName, tensor }];
    runner.run(anchor.session, runOptions, fed, [{ nativeName: output.nativeName, kind: 'tensor' }]);
  } finally {
    api.ReleaseRunOptions(runOptions);
  }
}

/** The run options that shrink an arena when the run has ended. Source: onnxruntime_run_options_config_keys.h. */
export function shrinkEntries(place: ArenaPlace): Readonly<Record<string, string>> {
  const device = place === 'cpu' ? 'cpu:0' : place.replace('cuda', 'gpu');
  return { 'memory.enable_memory_arena_shrinkage': device };
}

function register(
  api: OrtApi,
  environment: Pointer,
  memoryInfo: Pointer,
  { place, limitBytes, allowGrowth }: ArenaConfig,
): void {
  const out = new OutWord();
  const keys = new NativeStrings(['max_mem', 'arena_extend_strategy']);
  const strategy = allowGrowth ? sameAsRequested : nextPowerOfTwo;
  const values = BigUint64Array.from([BigInt(limitBytes), BigInt(strategy)]);
  try {
    api.CreateArenaCfgV2(keys.pointers, values, values.length, out.memory);
  } finally {
    keys.free();
  }
  const config = out.pointer;
  const provider = place === 'cpu' ? 'CPUExecutionProvider' : 'CUDAExecutionProvider';
  try {
    api.CreateAndRegisterAllocatorV2(environment, provider, memoryInfo, config, null, null, 0);
  } finally {
    api.ReleaseArenaCfg(config);
  }
}

function openAnchor(
  api: OrtApi,
  environment: Pointer,
  memoryInfo: Pointer,
  { place, limitBytes }: ArenaConfig,
): OpenSession {
  const options = createSessionOptions(api, {
    configEntries: sharedArenaEntries,
    providers: providersOf(place),
  });
  let anchor: OpenSession | undefined;
  try {
    anchor = openSessionFromBytes(api, environment, tinyModel, options, memoryInfo);
    assertArena(api, anchor, { place, limitBytes });
    return anchor;
  } catch (error) {
    if (anchor !== undefined) closeSession(api, anchor);
    throw error;
  } finally {
    api.ReleaseSessionOptions(options);
  }
}

/** The providers whose memory is a place's; the CPU needs none. */
function providersOf(place: ArenaPlace): readonly ProviderOptions[] {
  return place === 'cpu' ? [] : [{ name: 'cuda', options: { device_id: String(deviceIndex(place)) } }];
}

/** The session options by which a session takes its memory from the arenas of the environment. */
export const sharedArenaEntries = { 'session.use_env_allocators': '1' } as const;

/**
 * Makes sure that a session has the arena that it was to have: another user of onnxruntime in the process may have put one
 * in its place.
 *
 * @throws ServingError INTERNAL
 */
export function assertArena(
  api: OrtApi,
  { allocator }: OpenSession,
  { place, limitBytes }: Pick<ArenaConfig, 'place' | 'limitBytes'>,
): void {
  const actual = arenaStats(api, allocator)?.limitBytes;
  if (actual === limitBytes) return;
  throw new ServingError(
    'INTERNAL',
    `The arena of ${place} is limited to ${actual} bytes, expected ${limitBytes}: something else in the process has registered another one`,
    { actual: `${actual} bytes`, expected: `${limitBytes} bytes` },
  );
}
