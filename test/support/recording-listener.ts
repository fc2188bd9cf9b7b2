import type { AspiredVersion, SourceListener } from '#dist/control/source.js';
import type { ServingError } from '#dist/core/errors.js';

/** Writes down what a source tells. */
export class RecordingListener implements SourceListener {
  readonly aspirations: { model: string; versions: readonly AspiredVersion[]; warning?: ServingError }[] = [];
  readonly failures: { model: string; error: ServingError }[] = [];

  aspire(model: string, versions: readonly AspiredVersion[], warning?: ServingError): void {
    this.aspirations.push({ model, versions, ...(warning && { warning }) });
  }

  fail(model: string, error: ServingError): void {
    this.failures.push({ model, error });
  }

  /** The versions that were wanted of a model, one list for each time it was told. */
  wanted(model: string): number[][] {
    return this.aspirations
      .filter((each) => each.model === model)
      .map(({ versions }) => versions.map(({ version }) => version));
  }
}
