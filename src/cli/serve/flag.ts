/** What a flag's value is: `number` takes fractions, `boolean` may also stand without a value. */
type FlagKind = 'text' | 'integer' | 'number' | 'boolean';

/** The headings of `servable serve --help`, in their order. */
export const flagGroups = [
  'Models',
  'Listeners',
  'REST and gRPC',
  'Batching',
  'Loading and warm-up',
  'Threads and devices',
  'Stopping',
  'Logs and configuration',
  'Of TensorFlow Serving, without effect here',
] as const;

/** A flag of `servable serve`. */
export interface Flag<K extends FlagKind = FlagKind> {
  readonly kind: K;
  readonly group: (typeof flagGroups)[number];
  readonly help: string;
  /** What holds where the flag is not given, in words. */
  readonly default: string;
  /** Why nothing comes of it, for a flag of TensorFlow Serving that has no meaning here. */
  readonly ignored?: string;
  /** The value with which such a flag asks for nothing, so that nobody need be told. */
  readonly neutral?: string | number | boolean;
}

interface ValueByKind {
  text: string;
  integer: number;
  number: number;
  boolean: boolean;
}

/** The values of a table's flags, as far as they were given. */
export type ValuesOf<Flags extends Readonly<Record<string, Flag>>> = {
  readonly [N in keyof Flags]?: ValueByKind[Flags[N]['kind']] | undefined;
};

type FlagMaker = <K extends FlagKind>(kind: K, byDefault: string | number | boolean, help: string) => Flag<K>;

/** Makes the flags of one group. */
export function flagsIn(group: Flag['group']): FlagMaker {
  return (kind, byDefault, help) => ({ kind, group, help, default: String(byDefault) });
}
