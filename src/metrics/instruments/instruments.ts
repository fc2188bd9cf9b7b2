import { counter, gauge, histogram } from './instrument.js';
import { tensorflowInstruments } from './tensorflow-instruments.js';

const ofVersion = ['model', 'version'] as const;

/** From 0.1 ms to 52 s. */
const durations = { first: 0.0001, factor: 2, count: 20 };
/** From 10 ms to 5 minutes. */
const longDurations = { first: 0.01, factor: 2, count: 16 };
const rows = { first: 1, factor: 2, count: 11 };

/**
 * Our own instruments. A request counts once, whatever its rows, rows count as rows, and a batch is one execution (as
 * Triton counts). Durations are of what went well. A version is empty where a request met none.
 */
const ownInstruments = {
  requests: counter('servable_requests_total', [...ofVersion, 'method', 'code'], {
    help: 'Requests that were answered, in this process and over wires; code is OK or why not.',
  }),
  requestFailures: counter('servable_request_failures_total', [...ofVersion, 'reason'], {
    help: 'Requests that failed: input (the request is wrong), rejected, cancelled, expired, or model.',
  }),
  rejections: counter('servable_rejections_total', [...ofVersion, 'reason'], {
    help: 'Rejected requests: queue_full, latency_target, memory, or unavailable (closing, unloaded, a thread died).',
  }),
  requestDuration: histogram('servable_request_duration_seconds', [...ofVersion, 'method'], {
    help: 'From when a request came to when it was answered.',
    unit: 'seconds',
    buckets: durations,
  }),
  requestRows: counter('servable_request_rows_total', ofVersion, {
    help: 'Rows of the requests that were answered well.',
    unit: 'rows',
  }),
  requestsInFlight: gauge('servable_requests_in_flight', ofVersion, {
    help: 'Requests that a version has: those that wait, those that run, and those whose caller has gone, until their run has ended.',
  }),
  queueWait: histogram('servable_queue_wait_seconds', ofVersion, {
    help: 'Time that requests waited for the run of their batch.',
    unit: 'seconds',
    buckets: durations,
  }),
  queueLength: gauge('servable_queue_length', ofVersion, { help: 'Requests that wait in batches.' }),
  queueBatches: gauge('servable_queue_batches', ofVersion, {
    help: 'Batches that wait, of which max_enqueued_batches may.',
  }),
  batchRows: histogram('servable_batch_rows', ofVersion, {
    help: 'Rows of batches, without those that were added.',
    unit: 'rows',
    buckets: rows,
  }),
  batchPadding: counter('servable_batch_padding_rows_total', ofVersion, {
    help: 'Rows that were added to batches to reach an allowed size.',
    unit: 'rows',
  }),
  batchSplits: counter('servable_batch_splits_total', [...ofVersion, 'reason'], {
    help: 'Batches that failed and were run again in parts (failure), and requests cut because they were too large (size).',
  }),
  executions: counter('servable_executions_total', [...ofVersion, 'place'], {
    help: 'Runs of the model for requests, on a batch_thread or on the calling_thread.',
  }),
  executionFailures: counter('servable_execution_failures_total', [...ofVersion, 'code'], {
    help: 'Runs of the model that failed.',
  }),
  executionDuration: histogram('servable_execution_duration_seconds', ofVersion, {
    help: 'Time that runs of the model took.',
    unit: 'seconds',
    buckets: durations,
  }),
  versionState: gauge('servable_version_state', [...ofVersion, 'state'], {
    help: '1 for the state that a version is in.',
  }),
  versionsAvailable: gauge('servable_versions_available', ['model'], { help: 'Versions that answer.' }),
  unbatched: gauge('servable_unbatched', ofVersion, {
    help: '1 for a version whose requests run alone, or some of them, although batching was asked for.',
  }),
  modelMemory: gauge('servable_model_memory_bytes', ofVersion, {
    help: 'Memory that a loaded version holds, as far as it can be measured.',
    unit: 'bytes',
  }),
  memoryUsed: gauge('servable_memory_used_bytes', [], {
    help: 'What loaded versions hold together: measured, and estimated for those that are loading.',
    unit: 'bytes',
  }),
  memoryBudget: gauge('servable_memory_budget_bytes', [], {
    help: 'What loaded versions may hold together; +Inf where nobody has set a limit.',
    unit: 'bytes',
  }),
  versionDevice: gauge('servable_version_device', [...ofVersion, 'device'], {
    help: '1 for each device that a loaded version runs on.',
  }),
  deviceFallback: gauge('servable_device_fallback', ofVersion, {
    help: '1 for a version that runs on the CPU, although another device was asked for.',
  }),
  deviceRuns: gauge('servable_device_runs', ['device'], {
    help: 'Runs that a device other than the CPU has.',
  }),
  deviceMemoryUsed: gauge('servable_device_memory_used_bytes', ['device'], {
    help: 'Memory of a GPU that is taken, by this process or another one; of GPUs that models were to run on.',
    unit: 'bytes',
  }),
  deviceMemoryTotal: gauge('servable_device_memory_total_bytes', ['device'], {
    help: 'Memory that a GPU has.',
    unit: 'bytes',
  }),
  deviceUtilization: gauge('servable_device_utilization_ratio', ['device'], {
    help: 'The part of the last second or so in which a GPU computed.',
  }),
  arenaLimit: gauge('servable_arena_limit_bytes', ['place'], {
    help: 'What models may take of the memory of a place, where that is limited.',
    unit: 'bytes',
  }),
  arenaInUse: gauge('servable_arena_in_use_bytes', ['place'], {
    help: 'What weights and runs have of it at the moment.',
    unit: 'bytes',
  }),
  arenaAllocated: gauge('servable_arena_allocated_bytes', ['place'], {
    help: 'What is taken from the system for it: in use, and kept for the next runs.',
    unit: 'bytes',
  }),
  loads: counter('servable_loads_total', ['model', 'code'], { help: 'Attempts to load a version.' }),
  loadDuration: histogram('servable_load_duration_seconds', ['model'], {
    help: 'Time that loads took, with their warm-up.',
    unit: 'seconds',
    buckets: longDurations,
  }),
  warmups: counter('servable_warmups_total', ['model', 'code'], { help: 'Warm-ups of versions.' }),
  warmupDuration: histogram('servable_warmup_duration_seconds', ['model'], {
    help: 'Time that warm-ups took.',
    unit: 'seconds',
    buckets: longDurations,
  }),
  basePathLooks: counter('servable_base_path_looks_total', ['model', 'code'], {
    help: 'Looks into base paths.',
  }),
  labelVersion: gauge('servable_label_version', ['model', 'label'], {
    help: 'The version that a label points to; absent while it points to none.',
  }),
  labelMoves: counter('servable_label_moves_total', ['model'], {
    help: 'Times that a label came to point to another version.',
  }),
  configReloads: counter('servable_config_reloads_total', ['source', 'code'], {
    help: 'Changes of what is served, by a config file or by a call (reconfigure, ReloadConfig).',
  }),
  configReloadSucceeded: gauge('servable_config_last_reload_successful', ['source'], {
    help: '1 where the last of these changes went well, else 0.',
  }),
  configReloadTime: gauge('servable_config_last_reload_timestamp_seconds', ['source'], {
    help: 'When the last of these changes ended, since 1970.',
    unit: 'seconds',
  }),
  requestLogDropped: counter('servable_request_log_dropped_total', ['model', 'reason'], {
    help: 'Sampled requests that are not in the request log.',
  }),
  requestLogBytes: counter('servable_request_log_bytes_total', ['model'], {
    help: 'What was written to the request log.',
    unit: 'bytes',
  }),
  threads: gauge('servable_threads', ['pool'], { help: 'Threads that have been started: batch and load.' }),
  threadsBusy: gauge('servable_threads_busy', ['pool'], { help: 'Threads that are at work.' }),
  threadQueueLength: gauge('servable_thread_queue_length', ['pool'], {
    help: 'Runs and loads that wait for a thread.',
  }),
  eventLoopDelay: gauge('servable_event_loop_delay_seconds', ['quantile'], {
    help: 'How late the event loop was since the last time that this was read; measured from the first time on.',
    unit: 'seconds',
  }),
  buildInfo: gauge('servable_build_info', ['version', 'onnxruntime', 'node'], {
    help: '1; what is running.',
  }),
};

/** Everything that a server measures. */
export const instruments = { ...tensorflowInstruments, ...ownInstruments };
