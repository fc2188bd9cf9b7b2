/**
 * What a version is run with before it is available.
 *
 * - `file`: what `assets.extra/tf_serving_warmup_requests` in its directory holds; nothing where there is none. A version
 *   that runs on another device than the CPU has inputs made up then, since a device compiles, or chooses, its kernels for
 *   a shape when it sees it first.
 * - `synthetic`: the same; without a file, inputs that are made up from the signatures.
 * - `off`: nothing, though there be a file.
 */
export type Warmup = 'file' | 'synthetic' | 'off';

/** How one version is warmed up. */
export interface WarmupPlan {
  /** Where its requests come from. */
  readonly warmup: Warmup;
  /** Times that each request is run. */
  readonly numRequestIterations: number;
  /** Numbers of rows that requests are brought to, one after the other, beside their own. */
  readonly batchSizes: readonly number[];
}
