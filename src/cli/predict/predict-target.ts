import type { ServableId } from '../../core/servable-id.js';
import type { Signature } from '../../core/signature.js';
import type { TensorMap } from '../../core/tensor.js';
import type { WarmupRequest } from '../../warmup/warmup-request.js';
import { type LoadOptions, withVersion } from '../model/loaded-version.js';
import { findModel } from '../model/model-target.js';

/** What answers the request of a command line: a server, or a model that is loaded for it. */
export interface PredictTarget {
  readonly signatures: ReadonlyMap<string, Signature>;
  /** @throws ServingError as a server's `predict`. */
  predict(request: WarmupRequest): Promise<{ readonly id: ServableId; readonly outputs: TensorMap }>;
}

export interface LocalTargetOptions extends Pick<LoadOptions, 'device'> {
  readonly version?: number | undefined;
}

/** Lends a model on disk as a target. */
export async function withLocalModel<T>(
  path: string,
  { version, device = 'cpu' }: LocalTargetOptions,
  use: (target: PredictTarget) => Promise<T>,
): Promise<T> {
  const model = await findModel(path, version);
  return await withVersion(model, { device }, ({ servable, run }) =>
    use({
      signatures: servable.signatures,
      predict: async (request) => ({ id: servable.id, outputs: await run(request) }),
    }),
  );
}
