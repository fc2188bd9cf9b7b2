import type { Servable } from '../../core/servable.js';
import type { Signature, TensorSpec } from '../../core/signature.js';

/** Signatures that are kept for a servable, at most: beyond them, requests for the same parts may not share a batch. */
const mostKept = 64;

const kept = new WeakMap<Servable, Map<string, Signature>>();
const inputKeys = new WeakMap<Signature, string>();

/** The same for signatures of one servable that have the same graph inputs under the same aliases. */
export function inputKey(signature: Signature): string {
  let key = inputKeys.get(signature);
  if (key === undefined) {
    const names = Object.entries(signature.inputs).map(([alias, { name }]) => [alias, name]);
    key = JSON.stringify(names.sort(([a], [b]) => ((a as string) < (b as string) ? -1 : 1)));
    inputKeys.set(signature, key);
  }
  return key;
}

/**
 * A signature with the outputs of all parts, which have the same inputs; an output's alias is its name in the graph, so
 * that what two parts share is computed once. The same object whenever the parts are the same, whatever their order: the
 * batcher tells signatures apart by identity.
 */
export function mergeSignatures(servable: Servable, parts: readonly Signature[]): Signature {
  const ordered = [...parts].sort((a, b) => (a.name < b.name ? -1 : 1));
  const key = JSON.stringify(ordered.map(({ name }) => name));
  const known = kept.get(servable) ?? new Map<string, Signature>();
  kept.set(servable, known);
  const found = known.get(key);
  if (found !== undefined) return found;
  const merged = merge(ordered);
  const [oldest] = known.keys();
  if (known.size >= mostKept && oldest !== undefined) known.delete(oldest);
  known.set(key, merged);
  return merged;
}

function merge(parts: readonly Signature[]): Signature {
  const outputs = new Map<string, TensorSpec>();
  for (const part of parts) for (const spec of Object.values(part.outputs)) outputs.set(spec.name, spec);
  return {
    name: parts.map(({ name }) => name).join('+'),
    method: 'predict',
    inputs: (parts[0] as Signature).inputs,
    outputs: Object.fromEntries(outputs), // not by assignment: a graph may call a tensor `__proto__`
    parts,
  };
}
