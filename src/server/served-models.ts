import type { ServableManager } from '../control/manager.js';
import { labelNotAvailable, noVersionAvailable } from '../control/manager-errors.js';
import type { ModelSources, SourcedModel } from '../control/sources/model-sources.js';
import type { Loader } from '../core/servable.js';
import { deviceOf } from '../options/device-check.js';
import type { ResolvedModelOptions } from '../options/model-options.js';
import type { RequestLogs } from '../request-log/request-logs.js';
import type { VersionLabels } from '../routing/labels.js';

/** What is told of a change of models. */
export interface ServedModelsParts {
  readonly manager: ServableManager;
  readonly source: ModelSources;
  readonly labels: VersionLabels;
  readonly logs: RequestLogs;
  /** Other models than before are wanted. */
  readonly onModels: () => void;
}

/**
 * Which models are served: the one place that knows it, and the one way to change it.
 *
 * A change replaces all of it. Changes are made one after the other; each ends when what it wants is AVAILABLE or has
 * failed, and what it does not want any more is gone.
 */
export class ServedModels {
  #models: ReadonlyMap<string, ResolvedModelOptions> = new Map();
  #parts: ServedModelsParts | undefined;
  readonly #loaders = new Numbers<Loader>();
  /** The last change; the next one waits for it, however it ended. */
  #changed: Promise<void> = Promise.resolve();

  /** Says who is told of changes, once all of them are made. */
  connect(parts: ServedModelsParts): void {
    this.#parts = parts;
  }

  /** States what is wanted at first, before anything is started. */
  begin(models: readonly ResolvedModelOptions[]): void {
    this.#models = byName(models);
    const { source, labels } = this.#parts as ServedModelsParts;
    for (const { name, labels: wanted } of models) labels.set(name, wanted);
    void this.#configureLogs();
    void source.setModels(this.watched());
  }

  get(name: string): ResolvedModelOptions | undefined {
    return this.#models.get(name);
  }

  names(): readonly string[] {
    return [...this.#models.keys()];
  }

  /** In the order in which they were configured. */
  list(): readonly ResolvedModelOptions[] {
    return [...this.#models.values()];
  }

  /**
   * @throws ServingError FAILED_PRECONDITION naming the models of which no version became available, or a label whose
   *   version did not; all else is as it was wanted.
   */
  change(models: readonly ResolvedModelOptions[]): Promise<void> {
    const change = this.#changed.then(() => this.#change(byName(models)));
    this.#changed = change.catch(() => {}); // its caller is told; the next change does not depend on it
    return change;
  }

  async #change(models: ReadonlyMap<string, ResolvedModelOptions>): Promise<void> {
    const { manager, source, labels, onModels } = this.#parts as ServedModelsParts;
    const before = this.#models;
    const leaving = [...before.keys()].filter((name) => !models.has(name));
    this.#models = models;
    onModels();
    for (const name of leaving) labels.set(name, {});
    for (const { name, labels: wanted } of models.values()) labels.set(name, wanted);
    await this.#configureLogs();
    await source.setModels(this.watched());
    await Promise.all([manager.settled(), ...leaving.map((name) => manager.remove(name))]);
    this.#assertServed(before);
  }

  #isServed(name: string, before: ResolvedModelOptions | undefined): boolean {
    const { manager, source } = this.#parts as ServedModelsParts;
    const model = this.#models.get(name) as ResolvedModelOptions;
    const isElsewhere = before?.basePath !== model.basePath || before?.source !== model.source;
    // A base path that was good goes on being meant while it cannot be read; a new one must have been read.
    if (manager.isSourceFailing(name) && isElsewhere) return false;
    if (manager.isServed(name) || wantsNothing(model)) return true;
    return model.source !== undefined && source.found(name)?.aspired.length === 0;
  }

  /** What they are to log was checked with the rest of their options. */
  async #configureLogs(): Promise<void> {
    const { logs } = this.#parts as ServedModelsParts;
    await logs.configure(new Map(this.list().map(({ name, requestLog }) => [name, requestLog || undefined])));
  }

  /** The models as a source watches them. */
  watched(): readonly SourcedModel[] {
    return this.list().map((model) => ({ ...model, build: this.#buildOf(model) }));
  }

  /** What a loaded version was made with: with other options it would be another one. */
  #buildOf(model: ResolvedModelOptions): string {
    const { session, batching, loader } = model;
    const made = [session, batching, deviceOf(model)];
    return JSON.stringify(loader === undefined ? made : [...made, this.#loaders.of(loader)], (_key, value) =>
      typeof value === 'bigint' ? `${value}n` : value,
    );
  }

  #assertServed(before: ReadonlyMap<string, ResolvedModelOptions>): void {
    const { manager, labels } = this.#parts as ServedModelsParts;
    const names = [...this.#models.keys()];
    const failed = names.filter((name) => !this.#isServed(name, before.get(name)));
    if (failed.length > 0) {
      throw noVersionAvailable(failed.map((name) => ({ name, reason: manager.reason(name) })));
    }
    for (const name of names) {
      const waiting = labels.list(name).find(({ version, current }) => version !== current);
      if (waiting !== undefined) throw labelNotAvailable(name, waiting.version, manager.reason(name));
    }
  }
}

function byName(models: readonly ResolvedModelOptions[]): ReadonlyMap<string, ResolvedModelOptions> {
  return new Map(models.map((model) => [model.name, model]));
}

/** Gives each object a number of its own, so that it can be named in a string. */
class Numbers<T extends object> {
  readonly #numbers = new WeakMap<T, number>();
  #last = 0;

  of(object: T): number {
    const number = this.#numbers.get(object) ?? ++this.#last;
    this.#numbers.set(object, number);
    return number;
  }
}

/** A model whose versions are named one by one, and none is. */
function wantsNothing({ versionPolicy: policy }: ResolvedModelOptions): boolean {
  return typeof policy === 'object' && 'specific' in policy && policy.specific.length === 0;
}
