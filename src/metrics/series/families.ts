import type { Instrument } from '../instruments/instrument.js';
import { instruments } from '../instruments/instruments.js';
import { Family } from './family.js';

type FamiliesOf<Table extends Readonly<Record<string, Instrument>>> = {
  readonly [Key in keyof Table]: Family<Table[Key]>;
};

/** A family for each instrument of the table, by the names that the table has for them. */
export type Families = FamiliesOf<typeof instruments>;

/** The families of one server. */
export function makeFamilies(): Families {
  const entries = Object.entries(instruments).map(([key, instrument]) => [key, new Family(instrument)]);
  return Object.fromEntries(entries);
}
