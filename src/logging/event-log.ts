import type { LifecycleObserver, LoadReport } from '../control/lifecycle-observer.js';
import type { ManagerFailure } from '../control/manager.js';
import type { ServableStatus } from '../control/servable-state.js';
import { defined } from '../core/defined.js';
import type { ServingError } from '../core/errors.js';
import type { UnbatchedReport } from '../core/servable.js';
import { formatServableId, type ServableId } from '../core/servable-id.js';
import type { LabelMove } from '../routing/labels.js';
import type { WarmupReport } from '../warmup/warmup-loader.js';
import type { Logger } from './logger.js';

/** What became of a config file that was read. */
export interface ConfigNews {
  readonly path: string;
  readonly models?: readonly string[];
  readonly error?: ServingError;
}

/**
 * Writes down what happens to a server and its models: one line for each event that an operator may ask for, with fields to
 * search by (`event`, `model`, `version`, `state`, `code`, `reason`, `durationMs`), and nothing of what requests hold.
 */
export class EventLog implements LifecycleObserver {
  readonly #logger: Logger;
  /** Milliseconds that the last load of a version took, until its state is told. */
  readonly #loadMs = new Map<string, number>();

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  onState(status: ServableStatus): void {
    const { id, state, error, retry, warning, memoryBytes } = status;
    const durationMs = state === 'AVAILABLE' || state === 'END' ? this.#takeLoadMs(id) : undefined;
    const fields = { event: 'version state', ...id, state };
    const name = formatServableId(id);
    if (error !== undefined) {
      this.#logger.error({ ...fields, ...why(error) }, `${name} has failed: ${error.message}`);
    } else if (retry !== undefined) {
      const { failures, nextAttemptMs } = retry;
      const more = { ...why(retry.error), failures, nextAttemptMs };
      this.#logger.warn(
        { ...fields, ...more },
        `${name} is tried again in ${nextAttemptMs} ms: ${retry.error.message}`,
      );
    } else if (warning !== undefined) {
      this.#logger.warn({ ...fields, ...why(warning) }, `${name} is serving, but: ${warning.message}`);
    } else {
      const level = state === 'START' || state === 'UNLOADING' ? 'debug' : 'info';
      const more = state === 'AVAILABLE' ? defined({ durationMs, memoryBytes }) : {};
      this.#logger[level]({ ...fields, ...more }, `${name} is ${state}`);
      if (state === 'AVAILABLE' && status.device?.fallback !== undefined)
        this.#onFallback(id, status.device.fallback);
    }
  }

  /** It is served, and slower than it was meant to be. */
  #onFallback(id: ServableId, reason: string): void {
    const message = `${formatServableId(id)} runs on the CPU: ${reason}`;
    this.#logger.warn({ event: 'fallback', ...id, reason }, message);
  }

  onLoad({ id, durationMs, error }: LoadReport): void {
    if (error === undefined) this.#loadMs.set(formatServableId(id), inMillis(durationMs));
  }

  onWarmup({ id, requests, runs, durationMs, error }: WarmupReport): void {
    if (error !== undefined) return; // the version's state tells
    const fields = { event: 'warm-up', ...id, requests, runs, durationMs: inMillis(durationMs) };
    this.#logger.info(fields, `${formatServableId(id)} was warmed up by ${runs} runs`);
  }

  /** Of a base path; what versions fail of is told with their states. */
  onFailure({ model, id, error }: ManagerFailure): void {
    if (id !== undefined) return;
    this.#logger.error({ event: 'base path', model, ...why(error) }, error.message);
  }

  onUnbatched({ id, reason }: UnbatchedReport): void {
    const message = `${formatServableId(id)} is served without batching, or in part: ${reason}`;
    this.#logger.warn({ event: 'unbatched', ...id, reason }, message);
  }

  onLabel({ model, label, from, to }: LabelMove): void {
    const message = `The label ${label} of ${model} points to ${to ?? 'no version'}`;
    this.#logger.info({ event: 'label', model, label, ...defined({ from, to }) }, message);
  }

  onConfig({ path, models, error }: ConfigNews): void {
    if (error !== undefined) {
      this.#logger.error({ event: 'config', path, ...why(error) }, error.message);
      return;
    }
    this.#logger.info({ event: 'config', path, models }, `The config file ${path} was taken over`);
  }

  onRequestLogFailure(error: ServingError): void {
    this.#logger.warn({ event: 'request log', ...why(error) }, error.message);
  }

  onListenerFailure(error: ServingError): void {
    this.#logger.error({ event: 'listener', ...why(error) }, error.message);
  }

  onStarted(models: readonly string[]): void {
    this.#logger.info({ event: 'started', models }, `Serving ${models.join(', ') || 'no models'}`);
  }

  onModels(models: readonly string[]): void {
    this.#logger.info({ event: 'models', models }, `To be served: ${models.join(', ') || 'no models'}`);
  }

  onClosing(): void {
    this.#logger.info({ event: 'closing' }, 'Taking no more requests');
  }

  onClosed(): void {
    this.#logger.info({ event: 'closed' }, 'Closed');
  }

  #takeLoadMs(id: ServableId): number | undefined {
    const key = formatServableId(id);
    const durationMs = this.#loadMs.get(key);
    this.#loadMs.delete(key);
    return durationMs;
  }
}

function why({ code, message }: ServingError): { readonly code: string; readonly reason: string } {
  return { code, reason: message };
}

/** With microseconds as its last digits. */
export function inMillis(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
