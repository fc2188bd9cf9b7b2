import { cancelled, ServingError } from '../../core/errors.js';
import type { OrtApi, Pointer } from '../ort/c-api.js';
import type { OpenSession } from '../ort/session.js';
import type { SessionOptions } from '../session-options.js';
import type { ThreadAnswer, ThreadRequest } from '../worker/messages.js';
import type { ExecutionThreads } from './execution-threads.js';

/** Memory is given back to the system when no session was closed for so long, or so many were. */
const quietMs = 1000;
const mostUntrimmed = 64;

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
  async open(file: string, options: SessionOptions, signal?: AbortSignal): Promise<OpenSession> {
    if (signal?.aborted) throw cancelled(signal);
    let nativeOptions: Pointer | undefined;
    const threads = hasThreads(options) ? this.#ordinaryThreads() : this.#threads;
    const request: ThreadRequest = { kind: 'open-session', file, options };
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
      return (answer as Extract<ThreadAnswer, { kind: 'opened' }>).open;
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
   * The files that a model has its external data in, as the model names them.
   *
   * @throws ServingError CANCELLED when the signal is aborted, FAILED_PRECONDITION where the file cannot be read,
   *   UNAVAILABLE.
   */
  async listExternalData(file: string, signal?: AbortSignal): Promise<readonly string[]> {
    if (signal?.aborted) throw cancelled(signal);
    const request: ThreadRequest = { kind: 'list-external-data', file };
    const onAbort = () => this.#threads.withdraw(request, cancelled(signal));
    signal?.addEventListener('abort', onAbort);
    try {
      const answer = await this.#threads.submit({ request });
      return (answer as Extract<ThreadAnswer, { kind: 'listed' }>).locations;
    } catch (error) {
      throw ServingError.from(error, 'FAILED_PRECONDITION');
    } finally {
      signal?.removeEventListener('abort', onAbort);
    }
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
function hasThreads({ intraOpNumThreads = 1, executionMode, providers }: SessionOptions): boolean {
  return intraOpNumThreads > 1 || executionMode === 'parallel' || providers !== undefined;
}
