import { cancelled, ServingError } from '../../core/errors.js';
import type { NvidiaLibraries } from '../devices/nvidia/nvml.js';
import type { VisibleGpus } from '../devices/nvidia/visible-gpus.js';
import type { ModelHeader } from '../files/model-header.js';
import type { ArenaConfig, OpenArena } from '../ort/arena.js';
import type { OrtApi, Pointer } from '../ort/c-api.js';
import type { SessionMemory } from '../ort/capped-session.js';
import type { OpenSession } from '../ort/session.js';
import type { PlacedSessionOptions, ProviderOptions } from '../session-options.js';
import type { ThreadAnswer, ThreadRequest } from '../worker/messages.js';
import type { ExecutionThreads } from './execution-threads.js';

/** Memory is given back to the system when no session was closed for so long, or so many were. */
const quietMs = 1000;
const mostUntrimmed = 64;

/** A session that is to be made. */
export interface SessionLoad {
  readonly file: string;
  readonly options: PlacedSessionOptions;
  /** Whether it says which providers run its operators. */
  readonly countsNodes: boolean;
  /** The arena that it shares; undefined where it has one of its own. */
  readonly memory?: SessionMemory | undefined;
}

/** A session, and how many operators each provider runs, by its full name, where that was asked for. */
export interface LoadedSession {
  readonly open: OpenSession;
  readonly nodes: Readonly<Record<string, number>> | undefined;
}

export interface LoadThreads {
  /** Threads that give way to those that answer requests. */
  readonly patient: ExecutionThreads;
  /** Threads of ordinary priority. */
  readonly ordinary: () => ExecutionThreads;
}

/**
 * Opens and closes sessions on the load threads, and ends loads that are no longer wanted.
 *
 * Loads give way to requests, but for those of sessions that have threads of their own: a thread inherits the priority of
 * the one that makes it, and these are to answer requests.
 */
export class LoadRunner {
  readonly #api: OrtApi;
  readonly #threads: ExecutionThreads;
  readonly #ordinaryThreads: () => ExecutionThreads;
  /** The options of the loads under way: what they are ended by. */
  readonly #loads = new Set<Pointer>();
  /** Sessions that were closed since memory was given back to the system, and when that is due. */
  #untrimmed = 0;
  #trimTimer: NodeJS.Timeout | undefined;

  constructor(api: OrtApi, { patient, ordinary }: LoadThreads) {
    this.#api = api;
    this.#threads = patient;
    this.#ordinaryThreads = ordinary;
  }

  /**
   * Creates a session from a model file, on the next free thread.
   *
   * @throws OrtError with onnxruntime's reason; ServingError CANCELLED for a load that was aborted before its end,
   *   FAILED_PRECONDITION for a provider that is not there, UNAVAILABLE.
   */
  async open(load: SessionLoad, signal?: AbortSignal): Promise<LoadedSession> {
    if (signal?.aborted) throw cancelled(signal);
    let nativeOptions: Pointer | undefined;
    const threads = hasThreads(load.options) ? this.#ordinaryThreads() : this.#threads;
    const request: ThreadRequest = { kind: 'open-session', ...load };
    const onAbort = () => {
      if (nativeOptions === undefined) threads.withdraw(request, cancelled(signal));
      else this.#end(nativeOptions);
    };
    const onOpening = (native: Pointer) => {
      nativeOptions = native;
      this.#loads.add(native);
      if (signal?.aborted) onAbort();
    };
    signal?.addEventListener('abort', onAbort);
    try {
      const answer = await threads.submit({ request, onOpening });
      return answer as Extract<ThreadAnswer, { kind: 'opened' }>;
    } catch (error) {
      // onnxruntime says in many ways, and with many codes, that it stopped.
      throw signal?.aborted ? cancelled(signal) : error;
    } finally {
      signal?.removeEventListener('abort', onAbort);
      if (nativeOptions !== undefined) {
        this.#loads.delete(nativeOptions);
        this.#api.ReleaseSessionOptions(nativeOptions);
      }
    }
  }

  /**
   * What a model file says before anybody builds it.
   *
   * @throws ServingError CANCELLED when the signal is aborted, FAILED_PRECONDITION where the file cannot be read,
   *   UNAVAILABLE.
   */
  async readHeader(file: string, signal?: AbortSignal): Promise<ModelHeader> {
    if (signal?.aborted) throw cancelled(signal);
    const request: ThreadRequest = { kind: 'read-header', file };
    const onAbort = () => this.#threads.withdraw(request, cancelled(signal));
    signal?.addEventListener('abort', onAbort);
    try {
      const answer = await this.#threads.submit({ request });
      return (answer as Extract<ThreadAnswer, { kind: 'header' }>).header;
    } catch (error) {
      throw ServingError.from(error, 'FAILED_PRECONDITION');
    } finally {
      signal?.removeEventListener('abort', onAbort);
    }
  }

  /** Registers an arena. @throws OrtError with onnxruntime's reason; ServingError UNAVAILABLE, INTERNAL. */
  async openArena(config: ArenaConfig): Promise<OpenArena> {
    const answer = await this.#ordinaryThreads().submit({ request: { kind: 'open-arena', config } });
    return (answer as Extract<ThreadAnswer, { kind: 'arena' }>).arena;
  }

  /** Takes an arena out of the environment. Never rejects. */
  closeArena(arena: OpenArena): Promise<void> {
    return this.#submit({ kind: 'close-arena', arena });
  }

  /** The GPUs that CUDA has in this process. @throws ServingError FAILED_PRECONDITION with the reason; UNAVAILABLE. */
  async listGpus(libraries: NvidiaLibraries): Promise<VisibleGpus> {
    try {
      const answer = await this.#threads.submit({ request: { kind: 'list-gpus', libraries } });
      return (answer as Extract<ThreadAnswer, { kind: 'gpus' }>).found;
    } catch (error) {
      throw ServingError.from(error, 'FAILED_PRECONDITION');
    }
  }

  /** TensorRT's version; `unknown` where it is not there. @throws ServingError UNAVAILABLE */
  async tensorRtVersion(): Promise<string> {
    const answer = await this.#threads.submit({ request: { kind: 'tensorrt-version' } });
    return (answer as Extract<ThreadAnswer, { kind: 'version' }>).version;
  }

  /** Makes a session of nothing on these providers. @throws what stands in the way. */
  async tryProviders(providers: readonly ProviderOptions[]): Promise<void> {
    await this.#ordinaryThreads().submit({ request: { kind: 'try-providers', providers } });
  }

  /** Releases a session. The caller has made sure that no run is in flight. Never rejects. */
  async close(open: OpenSession): Promise<void> {
    await this.#submit({ kind: 'close-session', open });
    this.#untrimmed++;
    this.#scheduleTrim();
  }

  /** Gives no memory back any more. */
  end(): void {
    clearTimeout(this.#trimTimer);
  }

  /** Not while versions come and go: giving memory back holds up whoever allocates some, for a millisecond or two. */
  #scheduleTrim(): void {
    clearTimeout(this.#trimTimer);
    if (this.#untrimmed < mostUntrimmed) {
      this.#trimTimer = setTimeout(() => this.#trim(), quietMs);
      this.#trimTimer.unref();
    } else {
      this.#trim();
    }
  }

  #trim(): void {
    this.#untrimmed = 0;
    void this.#submit({ kind: 'trim' });
  }

  /** Ends every load that is under way: it fails with whatever onnxruntime says to that. */
  abandon(): void {
    for (const nativeOptions of this.#loads) this.#end(nativeOptions);
  }

  /** Unloading goes on whatever happens: a thread that died over it has been replaced. */
  async #submit(request: ThreadRequest): Promise<void> {
    await this.#threads.submit({ request }).catch(() => {});
  }

  #end(nativeOptions: Pointer): void {
    this.#api.SessionOptionsSetLoadCancellationFlag(nativeOptions, true);
  }
}

/** Whether a session computes with more threads than the one that runs it. */
function hasThreads({ intraOpNumThreads = 1, executionMode, providers = [] }: PlacedSessionOptions): boolean {
  return intraOpNumThreads > 1 || executionMode === 'parallel' || providers.length > 0;
}
