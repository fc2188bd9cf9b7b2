/** @internal A 64-bit integer as protobufjs reads it: a number, or an object that prints all of its digits. */
export type Integer = number | { toString(): string };

/**
 * @internal tensorflow.serving.ModelServerConfig, as a config file or a ReloadConfigRequest holds it: protobuf's names;
 * what is not set is absent or null.
 */
export interface ModelServerConfigMessage {
  readonly model_config_list?: { readonly config?: readonly ModelConfigMessage[] | null } | null;
  readonly custom_model_config?: object | null;
}

/** @internal tensorflow.serving.ModelConfig. */
export interface ModelConfigMessage {
  readonly name?: string;
  readonly base_path?: string;
  readonly model_type?: number;
  readonly model_platform?: string;
  readonly model_version_policy?: VersionPolicyMessage | null;
  readonly version_labels?: Readonly<Record<string, Integer>>;
  readonly logging_config?: LoggingConfigMessage | null;
}

/** @internal tensorflow.serving.FileSystemStoragePathSourceConfig.ServableVersionPolicy. */
export interface VersionPolicyMessage {
  readonly latest?: { readonly num_versions?: number } | null;
  readonly all?: object | null;
  readonly specific?: { readonly versions?: readonly Integer[] } | null;
}

/** @internal tensorflow.serving.LoggingConfig. */
export interface LoggingConfigMessage {
  readonly log_collector_config?: { readonly type?: string; readonly filename_prefix?: string } | null;
  readonly sampling_config?: {
    readonly sampling_rate?: number;
    readonly per_task_sampling_configs?: readonly PerTaskSamplingMessage[];
  } | null;
  readonly custom_logging_config?: object | null;
}

/** @internal tensorflow.serving.PerTaskSamplingConfig. */
export interface PerTaskSamplingMessage {
  readonly dc?: string;
  readonly task_index?: number;
  readonly sampling_rate?: number;
}
