import type { Signature } from '../core/signature.js';

/** The only input that a request must bring, if there is but one: it may then do so without naming it. */
export function onlyInput({ inputs }: Signature): string | undefined {
  const names = Object.keys(inputs);
  if (names.length === 1) return names[0];
  const required = requiredInputs(inputs);
  return required.length === 1 ? required[0] : undefined;
}

/** Those that have no default, in the signature's order. */
export function requiredInputs(inputs: Signature['inputs']): string[] {
  return Object.keys(inputs).filter((name) => !inputs[name]?.isOptional);
}
