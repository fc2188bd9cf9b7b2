import type { ServingError } from '../core/errors.js';
import type { ConfiguredLogging } from './configured-model.js';
import type { LoggingConfigMessage, PerTaskSamplingMessage } from './model-config-message.js';

/**
 * @internal How requests are logged, as plain data.
 *
 * In TF Serving the first of the `per_task_sampling_configs` that fits a task's index and data centre decides before the
 * general rate. Here is one task, number 0, in no data centre: the first entry applies that names no `dc` and no task
 * but 0. `attributes` say nothing about sampling and are not read. A `custom_logging_config` is refused, since nobody
 * here knows what it says.
 *
 * @param refuse makes the error for a field, given its path below the logging config.
 */
export function loggingOf(
  message: LoggingConfigMessage,
  refuse: (field: string, what: string) => ServingError,
): ConfiguredLogging {
  if (message.custom_logging_config) {
    throw refuse(
      'custom_logging_config',
      'custom_logging_config is not supported; log_collector_config and sampling_config are',
    );
  }
  const { type = '', filename_prefix: filenamePrefix = '' } = message.log_collector_config ?? {};
  const { sampling_rate: rate = 0, per_task_sampling_configs: tasks = [] } = message.sampling_config ?? {};
  for (const each of [rate, ...tasks.map((task) => task.sampling_rate ?? 0)]) {
    if (each >= 0 && each <= 1) continue;
    throw refuse('sampling_config', `sampling_rate: got ${each}, expected a number from 0 to 1`);
  }
  const task = tasks.find(isOurs);
  return { type, filenamePrefix, samplingRate: task === undefined ? rate : (task.sampling_rate ?? 0) };
}

function isOurs({ dc = '', task_index: index = 0 }: PerTaskSamplingMessage): boolean {
  return dc === '' && index === 0;
}
