import type { ModelSpec } from '../core/model-spec.js';
import type { ModelMetadata } from '../core/servable.js';
import type { ServableId } from '../core/servable-id.js';
import type { Signature } from '../core/signature.js';
import type { Resolver } from '../routing/resolver.js';

/** What a version can be asked, and what its file says of itself. */
export interface VersionMetadata {
  /** The version that says it. */
  readonly id: ServableId;
  /** By name; always holds `serving_default`. */
  readonly signatures: ReadonlyMap<string, Signature>;
  /** What its file says of itself. */
  readonly model: ModelMetadata;
}

/** Of the version that a request would meet. */
export function versionMetadata(resolver: Resolver, spec: ModelSpec): VersionMetadata {
  const lease = resolver.acquire(spec);
  try {
    const { id, signatures, metadata } = lease.servable;
    return { id, signatures, model: metadata };
  } finally {
    lease.release();
  }
}
