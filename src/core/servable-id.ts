/** Names one version of one model: what is loaded, run, reported and unloaded. */
export interface ServableId {
  /** The name under which the model is served. */
  readonly model: string;
  /** A non-negative safe integer: the name of the version's directory. */
  readonly version: number;
}

/** `digits@7`, as messages write it. */
export function formatServableId(id: ServableId): string {
  return `${id.model}@${id.version}`;
}
