import type { Signature } from '../../core/signature.js';
import type { Inspection } from './inspect-model.js';

/** An inspection as plain data. Absent facts are absent. */
export function inspectionJson(inspection: Inspection): object {
  const { loaded, error, ...known } = inspection;
  return {
    ...known,
    ...(loaded && {
      ...loaded,
      signatures: Object.fromEntries(
        loaded.signatures.map((signature) => [signature.name, describe(signature)]),
      ),
    }),
    ...(error && { error: { code: error.code, message: error.message } }),
  };
}

function describe({ name: _name, ...signature }: Signature): Omit<Signature, 'name'> {
  return signature;
}
