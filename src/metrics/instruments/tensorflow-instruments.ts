import { counter, gauge, histogram } from './instrument.js';

/** A name of TensorFlow's as TF Serving prints it. Source: util/prometheus_exporter.cc, `GetPrometheusMetricName`. */
export function printedName(path: string): string {
  return path.replace(/[^a-zA-Z0-9_]/g, ':').replace(/^(?=[0-9])/, '_');
}

const serving = (name: string) => printedName(`/tensorflow/serving/${name}`);
const batching = (name: string) => serving(`batching_session/${name}`);
const core = (name: string) => printedName(`/tensorflow/core/${name}`);
const savedModel = (name: string) => printedName(`/tensorflow/cc/saved_model/${name}`);

const unit = 'microseconds';
/** From 10 µs to 20 minutes. */
const latency = { first: 10, factor: 1.8, count: 33, isExclusive: true };
const sizes = { first: 1, factor: 2, count: 14, isExclusive: true };

/**
 * TF Serving's instruments, under its names, with its labels, types and buckets: what dashboards and alerts made for it ask
 * for. Latencies are of what went well.
 *
 * Source: TF Serving, servables/tensorflow/{util,saved_model_warmup_util,machine_learning_metadata}.cc,
 * batching/batching_session.cc, core/request_logger.cc; TensorFlow, core/common_runtime/metrics.cc,
 * cc/saved_model/loader.cc, core/kernels/batching_util.
 */
export const tensorflowInstruments = {
  requestCount: counter(serving('request_count'), ['model_name', 'status'], {
    help: 'Requests over gRPC to Predict, Classify and Regress, and all requests over REST.',
  }),
  requestLatency: histogram(serving('request_latency'), ['model_name', 'API', 'entrypoint'], {
    help: 'Time that requests over a wire took, from when they were there to when they were answered.',
    unit,
    buckets: latency,
  }),
  runtimeLatency: histogram(serving('runtime_latency'), ['model_name', 'API', 'runtime'], {
    help: 'Time that requests spent with the model, the wait for company and for a thread included.',
    unit,
    buckets: latency,
  }),
  exampleCounts: histogram(serving('request_example_counts'), ['model'], {
    help: 'Examples of a MultiInference request.',
    unit: 'examples',
    buckets: { ...sizes, count: 15 },
  }),
  exampleCountTotal: counter(serving('request_example_count_total'), ['model'], {
    help: 'Examples of all MultiInference requests.',
    unit: 'examples',
  }),
  warmupLatency: histogram(serving('model_warmup_latency'), ['model_path', 'status'], {
    help: 'Time that warm-ups took. The status is its code alone, not its text, which may be any.',
    unit,
    buckets: latency,
  }),
  warmupRecordsRead: counter(serving('model_warmup_records_read'), ['model_path', 'status'], {
    help: 'Warm-up requests that were read.',
  }),
  requestLogCount: counter(serving('request_log_count'), ['model_name', 'status_code'], {
    help: 'Sampled requests, by what became of them in the request log.',
  }),
  mlmdMap: gauge(serving('mlmd_map'), ['model_name', 'version'], {
    help: 'Versions that name themselves in ML Metadata (assets.extra/mlmd_uuid). 0, as the name is text.',
  }),
  queuingLatency: histogram(batching('queuing_latency'), ['thread_pool_name'], {
    help: 'Time that requests waited for the run of their batch.',
    unit,
    buckets: { first: 100, factor: 1.2, count: 52, isExclusive: true },
  }),
  wrappedRunCount: counter(batching('wrapped_run_count'), [], { help: 'Runs of batches.' }),
  paddingSize: histogram(batching('padding_size'), ['execution_batch_size'], {
    help: 'Rows that were added to a batch.',
    unit: 'rows',
    buckets: sizes,
    maxSeries: 128,
  }),
  inputBatchSize: histogram(batching('input_batch_size'), [], {
    help: 'Rows of requests, as they entered a batch.',
    unit: 'rows',
    buckets: sizes,
  }),
  processedBatchSize: histogram(batching('processed_batch_size'), [], {
    help: 'Rows of batches, with those that were added.',
    unit: 'rows',
    buckets: sizes,
  }),
  graphRuns: counter(core('graph_runs'), [], { help: 'Runs of models, those of warm-ups included.' }),
  graphRunTime: counter(core('graph_run_time_usecs'), [], { help: 'Time that these runs took.', unit }),
  graphRunTimeHistogram: histogram(core('graph_run_time_usecs_histogram'), [], {
    help: 'Time that these runs took.',
    unit,
    buckets: { first: 1000, factor: 2, count: 20, isExclusive: true },
  }),
  loadAttemptCount: counter(savedModel('load_attempt_count'), ['model_path', 'status'], {
    help: 'Loads of versions, by `success` and `fail`.',
  }),
  loadLatency: counter(savedModel('load_latency'), ['model_path'], {
    help: 'Time that the loads took that went well.',
    unit,
  }),
};
