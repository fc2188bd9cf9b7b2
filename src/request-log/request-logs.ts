import { ServingError } from '../core/errors.js';
import { RequestLog, type RequestLogParts } from './request-log.js';
import {
  type RequestLogConfig,
  type ResolvedRequestLogConfig,
  resolveRequestLogConfig,
} from './request-log-config.js';

/**
 * The logs of a server: one for each distinct configuration, shared by the models that have it.
 *
 * Source: TensorFlow Serving, core/server_request_logger.cc.
 *
 * @internal
 */
export class RequestLogs {
  readonly #parts: RequestLogParts;
  #logs: ReadonlyMap<ResolvedRequestLogConfig, RequestLog> = new Map();
  #byModel: ReadonlyMap<string, RequestLog> = new Map();
  /** Closes of logs that nobody uses any more, under way. */
  readonly #closing = new Set<Promise<void>>();
  #closed: Promise<void> | undefined;

  constructor(parts: RequestLogParts) {
    this.#parts = parts;
  }

  /** The log of a model; undefined where it logs nothing. Hot path of every request. */
  for(model: string): RequestLog | undefined {
    return this.#byModel.get(model);
  }

  /**
   * Logs as these configurations say, from now on: checked as a whole before anything changes. A log whose configuration is
   * still there goes on with the same file; one that is not is closed, and refuses what requests under way still offer it.
   * Resolves when those are closed.
   *
   * @throws ServingError INVALID_ARGUMENT naming the option, and nothing has changed; FAILED_PRECONDITION after `close`.
   */
  async configure(configs: ReadonlyMap<string, RequestLogConfig | undefined>): Promise<void> {
    if (this.#closed !== undefined)
      throw new ServingError('FAILED_PRECONDITION', 'Cannot configure request logs that are closed');
    const wanted = [...configs].flatMap(([model, config]) =>
      config === undefined
        ? []
        : [{ model, config: resolveRequestLogConfig(config, `requestLog of ${model}`) }],
    );
    const logs = new Map<ResolvedRequestLogConfig, RequestLog>();
    const byModel = new Map<string, RequestLog>();
    for (const { model, config } of wanted) {
      if (config.samplingRate === 0) continue; // nothing will come
      const known = findEqual(logs, config) ?? findEqual(this.#logs, config);
      const [key, log] = known ?? [config, new RequestLog({ ...this.#parts, ...withoutAbsent(config) })];
      logs.set(key, log);
      byModel.set(model, log);
    }
    const gone = [...this.#logs].filter(([config]) => !logs.has(config));
    this.#logs = logs;
    this.#byModel = byModel;
    await Promise.all(gone.map(([, log]) => this.#end(log)));
  }

  /** Resolves when all that was accepted so far is in a file, or dropped. */
  async flush(): Promise<void> {
    await Promise.all([...this.#logs.values()].map((log) => log.flush()));
  }

  /** Closes all logs. Once: a second call returns the first one's promise. Never rejects. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    for (const log of this.#logs.values()) void this.#end(log);
    await Promise.all(this.#closing);
  }

  async #end(log: RequestLog): Promise<void> {
    const closed = log.close();
    this.#closing.add(closed);
    await closed;
    this.#closing.delete(closed);
  }
}

function findEqual(
  logs: ReadonlyMap<ResolvedRequestLogConfig, RequestLog>,
  config: ResolvedRequestLogConfig,
): readonly [ResolvedRequestLogConfig, RequestLog] | undefined {
  return [...logs].find(([known]) =>
    Object.entries(config).every(([name, value]) => known[name as keyof typeof known] === value),
  );
}

/** As a user would write it: where there is a collector there is no prefix, and the other way round. */
function withoutAbsent({ collector, filenamePrefix, ...limits }: ResolvedRequestLogConfig): RequestLogConfig {
  return collector === undefined ? { filenamePrefix, ...limits } : { collector, ...limits };
}
