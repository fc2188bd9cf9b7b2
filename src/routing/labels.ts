import { invalidArgument } from '../core/errors.js';

/** Where a label of a model stands. */
export interface LabelStatus {
  /** What requests call the version. */
  readonly label: string;
  /** The version that it is to point to. */
  readonly version: number;
  /** The version that answers for it now; absent where none does. */
  readonly current?: number;
}

/** A label that points to another version than before. */
export interface LabelMove {
  /** Whose label it is. */
  readonly model: string;
  /** The label that has moved. */
  readonly label: string;
  /** Absent where it pointed to none, or points to none any more. */
  readonly from?: number;
  /** The version that it means now; absent where it is gone. */
  readonly to?: number;
}

/** What is available, as far as labels need it. */
export interface AvailableVersions {
  /** Versions of a model that answer now, highest first; undefined for a model that is not known. */
  available(model: string): readonly number[] | undefined;
}

interface Label {
  version: number;
  current: number | undefined;
}

/**
 * The names that requests may use for versions, `stable` or `canary`.
 *
 * A label waits until its version is available, and moves then, in one step; until then it stays where it was, as long as
 * that version is available. It never points to a version that is not. TF Serving applies labels before it loads, and so
 * refuses a configuration that adds a version and labels it (model_servers/server_core.cc, `UpdateModelVersionLabelMap`).
 *
 * @example
 * ```ts
 * import { VersionLabels } from 'servable';
 *
 * let available = [1];
 * const labels = new VersionLabels({ available: () => available });
 * labels.set('digits', { stable: 1 });
 * labels.set('digits', { stable: 2 }); // 2 is still loading
 * console.log(labels.resolve('digits', 'stable').current); // 1
 * available = [2, 1];
 * labels.refresh('digits');
 * console.log(labels.resolve('digits', 'stable').current); // 2
 * ```
 */
export class VersionLabels {
  readonly #versions: AvailableVersions;
  readonly #onMove: ((move: LabelMove) => void) | undefined;
  readonly #models = new Map<string, Map<string, Label>>();

  constructor(versions: AvailableVersions, onMove?: (move: LabelMove) => void) {
    this.#versions = versions;
    this.#onMove = onMove;
  }

  /** States all labels of a model: those that are left out are gone at once. */
  set(model: string, wanted: Readonly<Record<string, number>>): void {
    const before = this.#models.get(model);
    const labels = new Map<string, Label>();
    for (const [label, version] of Object.entries(wanted)) {
      labels.set(label, { version, current: before?.get(label)?.current });
    }
    if (labels.size > 0) this.#models.set(model, labels);
    else this.#models.delete(model);
    for (const [label, { current }] of before ?? []) {
      if (current !== undefined && !labels.has(label)) this.#onMove?.({ model, label, from: current });
    }
    this.refresh(model);
  }

  /** Moves the labels of a model as far as its available versions allow. To be called whenever these change. */
  refresh(model: string): void {
    const labels = this.#models.get(model);
    if (labels === undefined) return;
    const available = this.#versions.available(model) ?? [];
    for (const [label, state] of labels) {
      const from = state.current;
      const to = [state.version, from].find(
        (version) => version !== undefined && available.includes(version),
      );
      if (to === from) continue;
      state.current = to;
      this.#onMove?.({
        model,
        label,
        ...(from !== undefined && { from }),
        ...(to !== undefined && { to }),
      });
    }
  }

  /**
   * @throws ServingError INVALID_ARGUMENT for a label that the model does not have, in TF Serving's words.
   */
  resolve(model: string, label: string): LabelStatus {
    const state = this.#models.get(model)?.get(label);
    if (state === undefined) throw invalidArgument(`Unrecognized servable version label: ${label}`);
    return describe(label, state);
  }

  /** The labels of a model, in alphabetical order. */
  list(model: string): readonly LabelStatus[] {
    const labels = [...(this.#models.get(model) ?? [])];
    return labels
      .map(([label, state]) => describe(label, state))
      .sort((a, b) => (a.label < b.label ? -1 : 1));
  }
}

function describe(label: string, { version, current }: Label): LabelStatus {
  return { label, version, ...(current !== undefined && { current }) };
}
