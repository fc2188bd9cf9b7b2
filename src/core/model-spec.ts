import { invalidArgument } from './errors.js';

/** Which model, version and signature a request means. */
export interface ModelSpec {
  /** The name under which the model is served. */
  readonly model: string;
  /** @default the highest version that is available */
  readonly version?: number;
  /** The version that this label of the model points to. With a version beside it, the spec is refused. */
  readonly label?: string;
  /** @default 'serving_default' */
  readonly signature?: string;
}

/** @internal A spec as the caller wrote it, checked; a bare name is a spec of that model. */
export function toModelSpec(spec: ModelSpec | string): ModelSpec {
  if (typeof spec === 'string') return { model: spec };
  if (typeof spec !== 'object' || spec === null)
    throw malformed('a model name or { model, version?, label?, signature? }', spec);
  const { model, version, label, signature } = spec;
  if (typeof model !== 'string') throw malformed('a string as model', model);
  if (version !== undefined && !(Number.isSafeInteger(version) && version >= 0)) {
    throw malformed('a non-negative integer as version', version);
  }
  if (label !== undefined && typeof label !== 'string') throw malformed('a string as label', label);
  if (label !== undefined && version !== undefined) throw malformed('a version or a label', spec);
  if (signature !== undefined && typeof signature !== 'string')
    throw malformed('a string as signature', signature);
  return spec;
}

function malformed(expected: string, value: unknown): Error {
  const actual = typeof value === 'object' ? JSON.stringify(value) : String(value);
  return invalidArgument(`Cannot resolve a model spec: got ${actual}, expected ${expected}`, {
    expected,
    actual,
  });
}
