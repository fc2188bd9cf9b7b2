import type { ServingError } from '../core/errors.js';

/** A version that is to be served and where it lies. */
export interface AspiredVersion {
  /** Unique among those of its model. */
  readonly version: number;
  /** The version's directory. */
  readonly path: string;
  /** Another string whenever its files may be others; absent where that is not known. */
  readonly revision?: string;
  /**
   * How it is to be made, in words that mean the same whenever they are the same: a version that is wanted with another
   * build is another servable, which takes the place of the one there is.
   */
  readonly build?: string;
}

/**
 * Who is told what is to be served.
 *
 * Level-triggered: each call states all that is wanted of a model, and what it leaves out is to be unloaded. So a
 * source needs no memory of what it said before, and saying the same twice has no effect.
 */
export interface SourceListener {
  /**
   * From now on, exactly these versions of `model` are wanted. `warning` says what is odd about them: a version that
   * was asked for and is not there, say.
   */
  aspire(model: string, versions: readonly AspiredVersion[], warning?: ServingError): void;
  /** What is wanted of `model` cannot be told now. What is served goes on being served. */
  fail(model: string, error: ServingError): void;
}

/** Says which versions are to be served, for as long as it runs. */
export interface Source {
  /** Begins to tell; resolves when everything has been said once. */
  start(listener: SourceListener): Promise<void>;
  /** Stops telling; nothing is told afterwards. What is served goes on being served. */
  close(): void;
}
