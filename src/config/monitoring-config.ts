import type { ConfigTextOptions } from './config-format.js';
import { parseMessage } from './parse-message.js';

/** What TF Serving's `--monitoring_config_file` says; the `metrics` of the options of `createHttpHandler` may be this. */
export interface MonitoringConfig {
  /** Whether there is a path to the metrics. */
  readonly enable: boolean;
  /** Empty where the file does not say: then it is TF Serving's. */
  readonly path: string;
}

/** tensorflow.serving.MonitoringConfig as protobufjs reads it. */
interface Message {
  readonly prometheus_config?: { readonly enable?: boolean; readonly path?: string };
}

/**
 * Reads the text of a `--monitoring_config_file`: a `MonitoringConfig` in protobuf's text format, or the same as JSON.
 *
 * Source: TF Serving, config/monitoring_config.proto.
 *
 * @throws ServingError INVALID_ARGUMENT where the text cannot be understood, as `parseModelConfig` does.
 */
export function parseMonitoringConfig(text: string, options: ConfigTextOptions): MonitoringConfig {
  const message: Message = parseMessage('MonitoringConfig', text, options);
  const { enable = false, path = '' } = message.prometheus_config ?? {};
  return { enable, path };
}
