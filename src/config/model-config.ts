import type { ConfigTextOptions } from './config-format.js';
import type { ModelServerConfig } from './configured-model.js';
import { modelsOf } from './models-of.js';
import { parseMessage } from './parse-message.js';

/**
 * Reads the text of a `--model_config_file`: a `ModelServerConfig` in protobuf's text format, as TF Serving has it, or
 * the same as JSON, with fields in `snake_case` or `camelCase` and 64-bit integers as strings or numbers.
 *
 * A text without a `model_config_list` (an empty one, or nothing but comments) wants no action; an empty list wants
 * nothing to be served. The version policy is `{ latest: 1 }` where none is given. Of `per_task_sampling_configs` the
 * first applies that names no `dc` and no task but 0, before the general `sampling_rate`. A label that a text-format
 * file gives twice has its last version, as in protobuf; in JSON it is refused.
 *
 * Source: TF Serving, config/model_server_config.proto and model_servers/server_core.cc.
 *
 * @throws ServingError INVALID_ARGUMENT: with a message that begins with `Invalid protobuf file: '<file>'`, where the
 *   text cannot be understood; in TF Serving's words, where a model is listed twice, has a relative base path, no or two
 *   or unsupported platforms; in ours, where a model has no name, a version is negative or beyond 2^53 - 1, a label is
 *   empty, a sampling rate is not within 0 and 1, or a custom config is given. `option` is the path of the field.
 */
export function parseModelConfig(text: string, options: ConfigTextOptions): ModelServerConfig {
  return modelsOf(parseMessage('ModelServerConfig', text, options), options.file);
}
