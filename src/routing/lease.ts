// Hot path: once for each request. Guarded by bench/predict-overhead.mjs.
import type { Servable } from '../core/servable.js';
import type { Lease } from '../core/servable-directory.js';

/** Lends the servable of a lease to `use`, and gives the lease back when what `use` returns has settled. */
export async function withLease<T>(lease: Lease, use: (servable: Servable) => Promise<T>): Promise<T> {
  try {
    return await use(lease.servable);
  } finally {
    lease.release();
  }
}
