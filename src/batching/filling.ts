import type { DType } from '../core/dtype.js';
import { convertElements } from '../core/elements.js';
import { ServingError } from '../core/errors.js';
import { formatServableId, type ServableId } from '../core/servable-id.js';
import type { Signature } from '../core/signature.js';
import type { PadValue, ResolvedBatching } from './batching-options.js';
import type { Filling } from './merge-inputs.js';

/**
 * What fills up the batches of a version, in elements of its inputs.
 *
 * @throws ServingError FAILED_PRECONDITION where a pad value is for an input that no signature has, or does not fit it.
 */
export function resolveFilling(
  id: ServableId,
  signatures: ReadonlyMap<string, Signature>,
  { allowedBatchSizes, padValue }: ResolvedBatching,
): Filling {
  const fills = new Map<string, unknown>();
  for (const [alias, value] of Object.entries(padValue)) {
    fills.set(alias, toElement(id, alias, value, dtypesOf(signatures, alias)));
  }
  return { allowedBatchSizes, fillOf: (alias, dtype) => fills.get(alias) ?? emptyOf(dtype) };
}

function dtypesOf(signatures: ReadonlyMap<string, Signature>, alias: string): readonly DType[] {
  return [...signatures.values()].flatMap(({ inputs }) =>
    Object.hasOwn(inputs, alias) ? [(inputs[alias] as { dtype: DType }).dtype] : [],
  );
}

function toElement(id: ServableId, alias: string, value: PadValue, dtypes: readonly DType[]): unknown {
  const [dtype] = dtypes;
  const action = `Cannot pad input "${alias}" of ${formatServableId(id)} with ${String(value)}`;
  if (dtype === undefined) {
    throw new ServingError('FAILED_PRECONDITION', `${action}: no signature has such an input`, {
      id,
      input: alias,
    });
  }
  try {
    return (convertElements(dtype, [value]) as ArrayLike<unknown>)[0];
  } catch (cause) {
    const { message, facts } = cause as ServingError;
    throw new ServingError('FAILED_PRECONDITION', `${action}: ${message}`, {
      ...facts,
      id,
      input: alias,
      cause,
    });
  }
}

function emptyOf(dtype: DType): unknown {
  return dtype === 'string' ? '' : 0;
}
