import type { Clock } from '../../core/clock.js';
import type { AspiredVersion, Source, SourceListener } from '../source.js';
import type { VersionPolicy } from '../version-policy.js';
import type { FileSystemSource, WatchedModel } from './file-system-source.js';
import { HeardSource } from './heard-source.js';

/** A model, and where what is wanted of it is known: a base path, or a source of the host's. */
export interface SourcedModel {
  readonly name: string;
  readonly basePath?: string | undefined;
  readonly source?: Source | undefined;
  readonly versionPolicy: VersionPolicy;
  /** How its versions are to be made. @see AspiredVersion.build */
  readonly build: string;
}

export interface ModelSourcesOptions {
  /** Who looks into base paths. */
  readonly files: FileSystemSource;
  /** Milliseconds that the start of a source of the host's may take. */
  readonly timeoutMs: number;
  readonly clock: Clock;
}

/**
 * Says what is wanted of each model, by the source that the model has: the one that looks into base paths, or one of
 * the host's. A source of the host's is started once, when the first model has it, and closed when the last one has gone.
 */
export class ModelSources implements Source {
  readonly #options: ModelSourcesOptions;
  readonly #heard = new Map<Source, HeardSource>();
  /** Those whose source is the host's. */
  #models: ReadonlyMap<string, SourcedModel & { readonly source: Source }> = new Map();
  #listener: SourceListener | undefined;
  #isClosed = false;

  constructor(options: ModelSourcesOptions) {
    this.#options = options;
  }

  async start(listener: SourceListener): Promise<void> {
    this.#listener = listener;
    await Promise.all([this.#options.files.start(this.#forFiles(listener)), this.#hearAll()]);
  }

  /** Wants other models from now on; resolves when what is wanted of each has been said. Never rejects. */
  async setModels(models: readonly SourcedModel[]): Promise<void> {
    this.#models = new Map(models.filter(isHosts).map((model) => [model.name, model]));
    const used = new Set([...this.#models.values()].map(({ source }) => source));
    for (const [source, heard] of this.#heard) {
      if (used.has(source)) continue;
      heard.close();
      this.#heard.delete(source);
    }
    await Promise.all([this.#options.files.setModels(models.filter(isOnDisk)), this.#hearAll()]);
  }

  /** The versions that there are of a model, and those of them that are wanted; undefined before that is known. */
  found(model: string): ReturnType<FileSystemSource['found']> {
    const { source } = this.#models.get(model) ?? {};
    if (source === undefined) return this.#options.files.found(model);
    const said = this.#heard.get(source)?.said(model);
    if (said === undefined || 'error' in said) return undefined;
    const versions = said.versions.map(({ version }) => version).sort((a, b) => b - a);
    return { versions, aspired: versions };
  }

  close(): void {
    this.#isClosed = true;
    this.#options.files.close();
    for (const heard of this.#heard.values()) heard.close();
  }

  /** A model that a source of the host's took over is gone from the base paths, and goes on being served. */
  #forFiles(listener: SourceListener): SourceListener {
    return {
      aspire: (model, ...said) => {
        if (!this.#models.has(model)) listener.aspire(model, ...said);
      },
      fail: (model, error) => {
        if (!this.#models.has(model)) listener.fail(model, error);
      },
    };
  }

  /** Says again what is known already: the models may be meant to be made in another way. */
  async #hearAll(): Promise<void> {
    if (this.#listener === undefined || this.#isClosed) return;
    const hearAndTell = async ({ name, source }: { readonly name: string; readonly source: Source }) => {
      await this.#hear(source).start();
      this.#tell(name);
    };
    await Promise.all([...this.#models.values()].map(hearAndTell));
  }

  #hear(source: Source): HeardSource {
    const known = this.#heard.get(source);
    if (known !== undefined) return known;
    const { timeoutMs, clock } = this.#options;
    const heard = new HeardSource({ source, timeoutMs, clock, onSaid: (model) => this.#tell(model, heard) });
    this.#heard.set(source, heard);
    return heard;
  }

  /** @param by who has just spoken: not everybody who speaks of a model is its source. */
  #tell(name: string, by?: HeardSource): void {
    const model = this.#models.get(name);
    if (model === undefined || this.#isClosed) return;
    const heard = this.#heard.get(model.source);
    if (by !== undefined && by !== heard) return;
    const said = heard?.said(name);
    if (said === undefined) return;
    if ('error' in said) {
      this.#listener?.fail(name, said.error);
      return;
    }
    const aspired = said.versions.map((version) => asBuild(version, model.build));
    this.#listener?.aspire(name, aspired, said.warning);
  }
}

/**
 * A revision of a source of the host's is part of the build: what it says once holds, while files that a look finds changed
 * have to be seen twice, as somebody may be writing them.
 */
function asBuild({ version, path, revision, build }: AspiredVersion, ours: string): AspiredVersion {
  const isPlain = revision === undefined && build === undefined;
  return { version, path, build: isPlain ? ours : JSON.stringify([ours, revision, build]) };
}

function isHosts<T extends SourcedModel>(model: T): model is T & { readonly source: Source } {
  return model.source !== undefined;
}

function isOnDisk<T extends SourcedModel>(model: T): model is T & WatchedModel {
  return model.source === undefined;
}
