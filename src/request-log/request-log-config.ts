import { assertKeys, assertNumber, assertObject, assertString, optionError } from '../core/option-check.js';
import type { RequestCollector } from './request-entry.js';

/** Which requests of a model are logged, and where. Models whose configurations are equal share a log, as in TF Serving. */
export interface RequestLogConfig {
  /**
   * What the paths of the files begin with: `<filenamePrefix>-<UTC time>-<pid>-<number>.tfrecord`. Folders that are
   * missing are made. Required unless there is a collector.
   */
  readonly filenamePrefix?: string;
  /** Is given the sampled requests in place of the files. */
  readonly collector?: RequestCollector;
  /**
   * The share of requests that is logged, 0 to 1, each decided by itself.
   *
   * @default 0: none, as in TF Serving, where a rate that is not set is 0
   */
  readonly samplingRate?: number;
  /** Bytes of a file, at most; a record that is longer has a file of its own. @default 67108864, 64 MiB */
  readonly maxFileBytes?: number;
  /**
   * Milliseconds from the first record of a file until it is closed, whether or not more come. Infinity: as long as it
   * takes.
   *
   * @default 3600000, one hour: no request waits longer for whoever collects the files
   */
  readonly maxFileAgeMs?: number;
  /** Records of a file, at most. @default 1000: a longer one is no warm-up file, as TF Serving refuses it */
  readonly maxFileRecords?: number;
  /**
   * Bytes of tensors that wait to be written, at most. What comes beyond them is dropped, and counted.
   *
   * @default 16777216, 16 MiB
   */
  readonly maxQueuedBytes?: number;
}

/** @internal The same, with every default filled in. */
export interface ResolvedRequestLogConfig {
  /** Empty where there is a collector. */
  readonly filenamePrefix: string;
  readonly collector: RequestCollector | undefined;
  readonly samplingRate: number;
  readonly maxFileBytes: number;
  readonly maxFileAgeMs: number;
  readonly maxFileRecords: number;
  readonly maxQueuedBytes: number;
}

const keys = [
  'filenamePrefix',
  'collector',
  'samplingRate',
  'maxFileBytes',
  'maxFileAgeMs',
  'maxFileRecords',
  'maxQueuedBytes',
];

/**
 * @internal Checks what the user wrote and fills in the defaults.
 *
 * @param path what the options are called in errors: `models[0].requestLog`.
 * @throws ServingError INVALID_ARGUMENT naming the option, what came and what was wanted.
 */
export function resolveRequestLogConfig(config: RequestLogConfig, path: string): ResolvedRequestLogConfig {
  assertObject(config, path, 'an object of request log options');
  assertKeys(config, path, keys);
  const {
    filenamePrefix = '',
    collector,
    samplingRate = 0,
    maxFileBytes = 64 * 2 ** 20,
    maxFileAgeMs = 3_600_000,
    maxFileRecords = 1000,
    maxQueuedBytes = 16 * 2 ** 20,
  } = config;
  if (collector === undefined) assertPrefix(config.filenamePrefix, `${path}.filenamePrefix`);
  else assertCollector(collector, `${path}.collector`);
  assertNumber(samplingRate, `${path}.samplingRate`, { min: 0 });
  if (samplingRate > 1) throw optionError(`${path}.samplingRate`, samplingRate, 'a number from 0 to 1');
  assertNumber(maxFileBytes, `${path}.maxFileBytes`, { min: 1, isInteger: true });
  assertNumber(maxFileAgeMs, `${path}.maxFileAgeMs`, { min: 1, isInfinityAllowed: true });
  assertNumber(maxFileRecords, `${path}.maxFileRecords`, { min: 1, isInteger: true });
  assertNumber(maxQueuedBytes, `${path}.maxQueuedBytes`, { min: 1, isInteger: true });
  return {
    filenamePrefix: collector === undefined ? filenamePrefix : '',
    collector,
    samplingRate,
    maxFileBytes,
    maxFileAgeMs,
    maxFileRecords,
    maxQueuedBytes,
  };
}

function assertPrefix(prefix: unknown, path: string): void {
  assertString(prefix, path);
  if (prefix.includes('\0')) throw optionError(path, prefix, 'a path without null characters');
}

function assertCollector(collector: unknown, path: string): void {
  assertObject(collector, path, 'an object with a method collect');
  if (typeof (collector as Partial<RequestCollector>).collect !== 'function')
    throw optionError(path, collector, 'an object with a method collect');
}
