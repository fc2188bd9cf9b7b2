/**
 * @internal The messages that TF Serving's config files are made of, as protobufjs takes them.
 *
 * Field names, numbers and types are TF Serving's: config/model_server_config.proto, config/logging_config.proto,
 * config/log_collector_config.proto, config/file_system_storage_path_source.proto, config/ssl_config.proto,
 * config/monitoring_config.proto, apis/logging.proto and
 * servables/tensorflow/session_bundle_config.proto. What no config file can hold is left out.
 */
export const configSchema = {
  nested: {
    google: {
      nested: {
        protobuf: {
          nested: {
            Any: { fields: { type_url: { type: 'string', id: 1 }, value: { type: 'bytes', id: 2 } } },
            Int64Value: { fields: { value: { type: 'int64', id: 1 } } },
            StringValue: { fields: { value: { type: 'string', id: 1 } } },
            BoolValue: { fields: { value: { type: 'bool', id: 1 } } },
          },
        },
      },
    },
    tensorflow: {
      nested: {
        serving: {
          nested: {
            ModelServerConfig: {
              oneofs: { config: { oneof: ['model_config_list', 'custom_model_config'] } },
              fields: {
                model_config_list: { type: 'ModelConfigList', id: 1 },
                custom_model_config: { type: 'google.protobuf.Any', id: 2 },
              },
            },
            ModelConfigList: { fields: { config: { rule: 'repeated', type: 'ModelConfig', id: 1 } } },
            ModelConfig: {
              fields: {
                name: { type: 'string', id: 1 },
                base_path: { type: 'string', id: 2 },
                model_type: { type: 'ModelType', id: 3 },
                model_platform: { type: 'string', id: 4 },
                model_version_policy: {
                  type: 'FileSystemStoragePathSourceConfig.ServableVersionPolicy',
                  id: 7,
                },
                version_labels: { keyType: 'string', type: 'int64', id: 8 },
                logging_config: { type: 'LoggingConfig', id: 6 },
              },
            },
            ModelType: { values: { MODEL_TYPE_UNSPECIFIED: 0, TENSORFLOW: 1, OTHER: 2 } },
            FileSystemStoragePathSourceConfig: {
              fields: {},
              nested: {
                ServableVersionPolicy: {
                  oneofs: { policy_choice: { oneof: ['latest', 'all', 'specific'] } },
                  fields: {
                    latest: { type: 'Latest', id: 100 },
                    all: { type: 'All', id: 101 },
                    specific: { type: 'Specific', id: 102 },
                  },
                  nested: {
                    Latest: { fields: { num_versions: { type: 'uint32', id: 1 } } },
                    All: { fields: {} },
                    Specific: { fields: { versions: { rule: 'repeated', type: 'int64', id: 1 } } },
                  },
                },
              },
            },
            LoggingConfig: {
              fields: {
                log_collector_config: { type: 'LogCollectorConfig', id: 1 },
                sampling_config: { type: 'SamplingConfig', id: 2 },
                custom_logging_config: { type: 'google.protobuf.Any', id: 3 },
              },
            },
            LogCollectorConfig: {
              fields: { type: { type: 'string', id: 1 }, filename_prefix: { type: 'string', id: 2 } },
            },
            SamplingConfig: {
              fields: {
                sampling_rate: { type: 'double', id: 1 },
                per_task_sampling_configs: { rule: 'repeated', type: 'PerTaskSamplingConfig', id: 3 },
                attributes: { type: 'int32', id: 2 },
              },
            },
            PerTaskSamplingConfig: {
              fields: {
                dc: { type: 'string', id: 1 },
                task_index: { type: 'int32', id: 2 },
                sampling_rate: { type: 'double', id: 3 },
              },
            },
            BatchingParameters: {
              fields: {
                max_batch_size: { type: 'google.protobuf.Int64Value', id: 1 },
                batch_timeout_micros: { type: 'google.protobuf.Int64Value', id: 2 },
                max_enqueued_batches: { type: 'google.protobuf.Int64Value', id: 3 },
                num_batch_threads: { type: 'google.protobuf.Int64Value', id: 4 },
                thread_pool_name: { type: 'google.protobuf.StringValue', id: 5 },
                enable_large_batch_splitting: { type: 'google.protobuf.BoolValue', id: 8 },
                max_execution_batch_size: { type: 'google.protobuf.Int64Value', id: 9 },
                allowed_batch_sizes: { rule: 'repeated', type: 'int64', id: 6 },
                pad_variable_length_inputs: { type: 'bool', id: 7 },
              },
            },
            SSLConfig: {
              fields: {
                server_key: { type: 'string', id: 1 },
                server_cert: { type: 'string', id: 2 },
                custom_ca: { type: 'string', id: 3 },
                client_verify: { type: 'bool', id: 4 },
              },
            },
            MonitoringConfig: { fields: { prometheus_config: { type: 'PrometheusConfig', id: 1 } } },
            PrometheusConfig: {
              fields: { enable: { type: 'bool', id: 1 }, path: { type: 'string', id: 2 } },
            },
          },
        },
      },
    },
  },
};
