import { type Clock, systemClock } from '../core/clock.js';
import { deferred } from '../core/deferred.js';
import { ServingError } from '../core/errors.js';
import { notify } from '../core/notify.js';
import { assertNumber, assertString } from '../core/option-check.js';
import { isBlank } from './config-format.js';
import { type ReadFile, readNodeFile, TextFile } from './text-file.js';

/** Which file is followed, how often it is looked at, and who is told. */
export interface ConfigFileOptions<T> {
  /** The file to follow; relative to the working directory. */
  readonly path: string;
  /**
   * Milliseconds from the end of one look to the next. 0 looks once.
   *
   * @default 0, as TF Serving's `--model_config_file_poll_wait_seconds`
   */
  readonly pollIntervalMs?: number;
  /**
   * Milliseconds that the file system has to answer in. What takes longer has failed with UNAVAILABLE.
   *
   * @default 10000, which a file system that is there at all does not need
   */
  readonly readTimeoutMs?: number;
  /**
   * Bytes that the file may have.
   *
   * @default 67108864 (64 MiB), a thousand times what a config file has
   */
  readonly maxFileBytes?: number;
  /** Makes a config of the text. Throws a ServingError where it cannot. */
  readonly parse: (text: string) => T;
  /**
   * Is given each change, after the one before has been taken over; rejects where the config cannot be taken over. It may
   * close the file, and must not wait for `poll` or `read`, which wait for it.
   */
  readonly onConfig: (config: T) => Promise<void> | void;
  /** Is told why the file could not be read, parsed or taken over: once, until the reason is another or has gone. */
  readonly onFailure: (error: ServingError) => void;
  /** @default the system's */
  readonly clock?: Clock;
  /** @internal The file system, so that a test can break it. */
  readonly readFile?: ReadFile;
}

/**
 * Follows one config file.
 *
 * It polls, and compares the whole content: file-system events miss what happens on network file systems and when
 * Kubernetes swaps the links of a ConfigMap, and a time of modification may be the same for two contents. A change is
 * given once. A file that cannot be read or parsed changes nothing; nor does an empty one, as a file is for a moment when
 * it is written in place. What the application could not take over is given again at the next look, until it can or the
 * file is another.
 *
 * ```
 *   look ─► read ─► blank? same as in force? ─► parse ─► onConfig ─► in force
 *             │                                   │          │ rejects: nothing is in force that is known
 *             └────────── onFailure ◄─────────────┴──────────┘
 * ```
 *
 * @example
 * ```ts
 * import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
 * import { tmpdir } from 'node:os';
 * import { join } from 'node:path';
 * import { ConfigFile, parseModelConfig } from 'servable';
 *
 * const folder = mkdtempSync(join(tmpdir(), 'servable-'));
 * const path = join(folder, 'models.config');
 * writeFileSync(path, 'model_config_list { config { name: "m" base_path: "/models/m" model_platform: "onnx" } }');
 * const changes = [];
 * const file = new ConfigFile({
 *   path,
 *   pollIntervalMs: 1000,
 *   parse: (text) => parseModelConfig(text, { file: path }),
 *   onConfig: (config) => void changes.push(config),
 *   onFailure: (error) => console.error(error.message),
 * });
 * const config = await file.read();
 * if ('models' in config) console.log(config.models[0]?.versionPolicy); // { latest: 1 }
 * await file.start(); // from now on, changes are given to onConfig
 * writeFileSync(path, 'model_config_list {}');
 * await file.poll(); // does not wait for the interval to be over
 * console.log(changes); // [ { models: [] } ]
 * file.close();
 * rmSync(folder, { recursive: true });
 * ```
 */
export class ConfigFile<T> {
  readonly #options: ConfigFileOptions<T>;
  readonly #pollIntervalMs: number;
  readonly #clock: Clock;
  readonly #file: TextFile;
  #started: Promise<void> | undefined;
  /** Settled when nothing is being read or taken over: one thing after the other. */
  #idle: Promise<unknown> = Promise.resolve();
  /** The look that has not begun yet, which all who ask for one share. */
  #next: Promise<void> | undefined;
  /** What the application has taken over; undefined where that is nothing, or not known. */
  #inForce: string | undefined;
  /** The text that could not be parsed, and why: it is not parsed again. */
  #refused: { readonly text: string; readonly error: unknown } | undefined;
  /** The failure that was told last; undefined once it has gone. */
  #told: string | undefined;
  #hasRead = false;
  #cancelTimer: (() => void) | undefined;
  #giveUp: (() => void) | undefined;
  #isClosed = false;

  /** @throws ServingError INVALID_ARGUMENT for an option that is wrong. */
  constructor(options: ConfigFileOptions<T>) {
    const { path, clock = systemClock, readFile = readNodeFile } = options;
    const { pollIntervalMs = 0, readTimeoutMs = 10_000, maxFileBytes = 64 * 1024 * 1024 } = options;
    assertString(path, 'path');
    assertNumber(pollIntervalMs, 'pollIntervalMs', { min: 0 });
    assertNumber(readTimeoutMs, 'readTimeoutMs', { min: 1 });
    assertNumber(maxFileBytes, 'maxFileBytes', { min: 1, isInteger: true });
    this.#options = { ...options };
    this.#pollIntervalMs = pollIntervalMs;
    this.#clock = clock;
    this.#file = new TextFile({ path, readTimeoutMs, maxFileBytes, clock, readFile });
  }

  /**
   * Reads the file and returns its config to the caller, who takes it over; `onConfig` is not given it. For the start of
   * a program, which should fail where its config does. An empty file is parsed like any other.
   *
   * @throws ServingError for a file that cannot be read: NOT_FOUND, PERMISSION_DENIED, FAILED_PRECONDITION (a directory),
   *   INVALID_ARGUMENT (too large, not UTF-8), UNAVAILABLE (any other reason); what `parse` throws; CANCELLED when the file
   *   is closed during it, FAILED_PRECONDITION after that.
   */
  read(): Promise<T> {
    return this.#takeTurn(async () => {
      this.#assertOpen('read');
      const text = await this.#readText();
      const config = this.#parse(text);
      this.#inForce = text;
      this.#hasRead = true;
      return config;
    });
  }

  /**
   * Follows the file from now on: looks at once, unless `read` has, and then again and again. Resolves after the first
   * look, whatever that brought. Once: a second call gets the promise of the first.
   *
   * @throws ServingError FAILED_PRECONDITION after `close`.
   */
  start(): Promise<void> {
    this.#started ??= this.#start();
    return this.#started;
  }

  /**
   * Looks now, after what is under way; resolves when what was found has been taken over or told. All who ask before it
   * begins share one look. Has no effect after `close`. Never rejects.
   */
  poll(): Promise<void> {
    this.#next ??= this.#takeTurn(() => {
      this.#next = undefined;
      return this.#look();
    });
    return this.#next;
  }

  /**
   * Looks no more and tells nothing more. What waits for a read or for `onConfig` is settled at once; `onConfig` itself is
   * not interrupted, and nobody hears of its outcome.
   */
  close(): void {
    this.#isClosed = true;
    this.#cancelTimer?.();
    this.#file.giveUp(this.#closedMeanwhile());
    this.#giveUp?.();
  }

  async #start(): Promise<void> {
    this.#assertOpen('follow');
    if (!this.#hasRead) await this.poll();
    this.#scheduleNext();
  }

  #scheduleNext(): void {
    if (this.#isClosed || this.#pollIntervalMs === 0) return;
    this.#cancelTimer = this.#clock.schedule(this.#pollIntervalMs, () => {
      void this.poll().then(() => this.#scheduleNext());
    });
  }

  #takeTurn<R>(work: () => Promise<R>): Promise<R> {
    const turn = this.#idle.then(work);
    this.#idle = turn.catch(() => {}); // whoever asked for the turn hears of it
    return turn;
  }

  async #look(): Promise<void> {
    if (this.#isClosed) return;
    try {
      const text = await this.#readText();
      if (isBlank(text)) return;
      if (text !== this.#inForce) await this.#apply(text);
      this.#told = undefined;
    } catch (error) {
      this.#fail(ServingError.from(error));
    }
  }

  async #readText(): Promise<string> {
    const text = await this.#file.read();
    if (this.#isClosed) throw this.#closedMeanwhile(); // after the file system had answered, and before it was heard
    return text;
  }

  async #apply(text: string): Promise<void> {
    const config = this.#parse(text);
    this.#inForce = undefined; // the application may fail half-way: even what it had before is to be given again then
    await this.#give(config);
    this.#inForce = text;
  }

  #parse(text: string): T {
    if (this.#refused?.text === text) throw this.#refused.error;
    this.#refused = undefined;
    try {
      return this.#options.parse(text);
    } catch (error) {
      this.#refused = { text, error };
      throw error;
    }
  }

  /** Resolves when the application has taken the config over, or when it is of no interest any more. */
  async #give(config: T): Promise<void> {
    const outcome = deferred<void>();
    this.#giveUp = () => outcome.resolve();
    const give = async () => this.#options.onConfig(config); // what it throws at once counts as a rejection
    give().then(outcome.resolve, outcome.reject);
    try {
      await outcome.promise;
    } finally {
      this.#giveUp = undefined;
    }
  }

  #fail(error: ServingError): void {
    const reason = `${error.code}: ${error.message}`;
    if (this.#isClosed || reason === this.#told) return;
    this.#told = reason;
    notify(this.#options.onFailure, error);
  }

  #closedMeanwhile(): ServingError {
    const message = `Config file '${this.#options.path}' was closed while it was read`;
    return new ServingError('CANCELLED', message);
  }

  #assertOpen(action: string): void {
    if (!this.#isClosed) return;
    const { path } = this.#options;
    const message = `Cannot ${action} config file '${path}': it has been closed`;
    throw new ServingError('FAILED_PRECONDITION', message);
  }
}
