import type { ServableId } from '../../core/servable-id.js';
import type { Histogram, Instrument } from '../instruments/instrument.js';
import { HistogramCell, NumberCell } from './cells.js';

/** What an instrument counts in. */
export type CellOf<I extends Instrument> = I extends Histogram ? HistogramCell : NumberCell;

/** One series of an instrument. */
export interface Series<Cell> {
  readonly labels: Readonly<Record<string, string>>;
  readonly cell: Cell;
}

const defaultMaxSeries = 10_000;

/** What all series are counted as that are one too many. */
const otherLabel = '(other)';

/** All series of an instrument, by the values of its labels. */
export class Family<I extends Instrument = Instrument> {
  readonly instrument: I;
  readonly #series = new Map<string, Series<CellOf<I>>>();

  constructor(instrument: I) {
    this.instrument = instrument;
  }

  /** The cell of these label values, in the instrument's order: to be kept by who writes to it often. */
  cell(...values: readonly string[]): CellOf<I> {
    const key = keyOf(values);
    const known = this.#series.get(key);
    if (known !== undefined) return known.cell;
    const { labels, maxSeries = defaultMaxSeries } = this.instrument;
    const isOneTooMany = labels.length > 0 && this.#series.size >= maxSeries;
    const others = labels.map(() => otherLabel);
    if (isOneTooMany && key !== keyOf(others)) return this.cell(...others);
    const cell = this.#newCell();
    const named = Object.fromEntries(labels.map((label, index) => [label, values[index] as string]));
    this.#series.set(key, { labels: named, cell });
    return cell;
  }

  /** All of them, in the order of their coming. */
  get series(): Iterable<Series<CellOf<I>>> {
    return this.#series.values();
  }

  /** Forgets the series whose labels are so. */
  forget(isGone: (labels: Readonly<Record<string, string>>) => boolean): void {
    for (const [key, { labels }] of this.#series) if (isGone(labels)) this.#series.delete(key);
  }

  clear(): void {
    this.#series.clear();
  }

  #newCell(): CellOf<I> {
    const { instrument } = this;
    const cell = instrument.buckets === undefined ? new NumberCell() : new HistogramCell(instrument.buckets);
    return cell as CellOf<I>;
  }
}

/** The values of the labels `model` and `version`. */
export function labelsOf({ model, version }: ServableId): readonly [string, string] {
  return [model, String(version)];
}

function keyOf(values: readonly string[]): string {
  return values.length === 1 ? (values[0] as string) : values.join('\0');
}
