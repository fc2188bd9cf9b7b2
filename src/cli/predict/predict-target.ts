import type { ModelSpec } from '../../core/model-spec.js';
import type { Signature } from '../../core/signature.js';
import type { TensorMap } from '../../core/tensor.js';
import type { WarmupRequest } from '../../warmup/warmup-request.js';
import { type LoadOptions, withVersion } from '../model/loaded-version.js';
import { findModel } from '../model/model-target.js';

/** Who has answered; TensorFlow Serving does not say over REST which version it was. */
export interface AnsweringId {
  readonly model: string;
  readonly version: number | undefined;
}

/** What answers the request of a command line: a server, or a model that is loaded for it. */
export interface PredictTarget {
  readonly signatures: ReadonlyMap<string, Signature>;
  /** @throws ServingError as a server's `predict`. */
  predict(request: WarmupRequest): Promise<{ readonly id: AnsweringId; readonly outputs: TensorMap }>;
}

export interface LocalTargetOptions extends Pick<LoadOptions, 'device'> {
  readonly version?: number | undefined;
}

export interface RemoteTargetOptions {
  /** Which model of the server, and which of its versions. */
  readonly spec: ModelSpec;
  /** Milliseconds that each call may take. */
  readonly timeoutMs: number;
  /** Headers of every call. @default none */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Roots that the server's certificate is verified against, PEM. @default the runtime's */
  readonly ca?: Uint8Array | undefined;
}

/** Whether a target is a server's address, and no path. */
export function isAddress(target: string): boolean {
  return /^(grpcs?|https?):\/\/|^(http\+)?unix:/.test(target);
}

/** Lends a server as a target: a servable, or a TensorFlow Serving. @throws ServingError as `ServableClient` does. */
export async function withServer<T>(
  address: string,
  { spec, timeoutMs, headers, ca }: RemoteTargetOptions,
  use: (target: PredictTarget) => Promise<T>,
): Promise<T> {
  const { ServableClient } = await import('../../client.js'); // a model on disk has no need of it
  const client = new ServableClient({
    address,
    timeoutMs,
    ...(headers && { headers }),
    ...(ca && { tls: { ca } }),
  });
  try {
    const { signatures } = await client.metadata(spec);
    return await use({
      signatures,
      predict: ({ signature, inputs, outputs }) =>
        client.predict({ ...spec, ...(signature && { signature }) }, inputs, { ...(outputs && { outputs }) }),
    });
  } finally {
    await client.close({ graceMs: 0 });
  }
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
