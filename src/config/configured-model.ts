/** Which versions of a model are served; the same shapes as the `versionPolicy` of a model's options. */
export type ConfiguredVersionPolicy =
  /** The highest so many, at least 1. */
  | { readonly latest: number }
  /** Exactly these; an empty list serves none. */
  | { readonly specific: readonly number[] }
  | 'all';

/** What a model is made for: `onnx`, or `tensorflow` as the files written for TF Serving say. Both mean the same here. */
export type ConfiguredPlatform = 'tensorflow' | 'onnx';

/** How the requests to a model are logged. */
export interface ConfiguredLogging {
  /** The kind of log; '' where the file does not say. */
  readonly type: string;
  /** What the names of the log's files begin with; '' where the file does not say. */
  readonly filenamePrefix: string;
  /** The share of requests that are logged, from 0 to 1. */
  readonly samplingRate: number;
}

/** One model of a config file. */
export interface ConfiguredModel {
  /** Unique in its file, not empty. */
  readonly name: string;
  /** An absolute path, or a URI such as `s3://bucket/models/digits`. */
  readonly basePath: string;
  /** `tensorflow` and `onnx` mean the same here. */
  readonly platform: ConfiguredPlatform;
  /** `{ latest: 1 }` where the file does not say. */
  readonly versionPolicy: ConfiguredVersionPolicy;
  /** Versions by label. */
  readonly labels: Readonly<Record<string, number>>;
  /** Absent where requests are not to be logged. */
  readonly logging?: ConfiguredLogging;
}

/**
 * What a config file wants: these models and no others (an empty list: none at all), or, where it names no list of
 * models, that all stays as it is.
 */
export type ModelServerConfig = { readonly models: readonly ConfiguredModel[] } | { readonly noAction: true };
