import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { invalidArgument, ServingError } from '../../core/errors.js';
import type { DeviceName } from '../../runner/devices/device-name.js';
import { mostRecords, warmupFile, writeWarmupFile } from '../../warmup/warmup-file.js';
import type { WarmupRequest } from '../../warmup/warmup-request.js';
import { CommandError, exitCodes, usageError } from '../command-error.js';
import { formatBytes } from '../format-bytes.js';
import { type LoadedVersion, withVersion } from '../model/loaded-version.js';
import { findModel } from '../model/model-target.js';
import { collectRequests, type RequestSources } from './warmup-requests.js';

/** The flags of `servable warmup`, as they were given. */
export interface WarmupFlags {
  readonly json?: readonly string[];
  readonly log?: readonly string[];
  readonly log_model?: string;
  readonly synthetic?: true;
  readonly batch_sizes?: readonly number[];
  readonly limit?: number;
  readonly unchecked?: true;
  readonly force?: true;
  readonly model_version?: number;
  readonly device?: DeviceName;
}

/**
 * `servable warmup`: writes a warm-up file, and prints where.
 *
 * @throws CommandError for flags that are wrong, and for a file that is there; ServingError for requests that are no good.
 */
export async function writeWarmup(path: string, flags: WarmupFlags): Promise<void> {
  const sources = sourcesOf(flags);
  const target = await findModel(path, flags.model_version);
  const { directory } = target;
  if (directory === undefined)
    throw usageError(`Cannot write a warm-up file for ${path}: it is in no version directory`);
  const file = join(directory, warmupFile);
  if (existsSync(file) && !flags.force) {
    throw new CommandError(
      exitCodes.failed,
      `Cannot write ${file}: it is there already; --force replaces it`,
    );
  }
  const requests = await withVersion(target, { device: flags.device ?? 'cpu' }, async (version) => {
    const collected = await collectRequests(version.servable, sources);
    if (!flags.unchecked) await runEach(version, collected);
    return collected;
  });
  if (requests.length === 0)
    throw invalidArgument('Cannot write a warm-up file: no request was found or could be made up');
  await writeWarmupFile(directory, requests);
  const checked = flags.unchecked ? ', none of them run' : '';
  process.stdout.write(
    `${file}: ${requests.length} requests, ${formatBytes(statSync(file).size)}${checked}\n`,
  );
}

function sourcesOf({
  json = [],
  log: logs = [],
  log_model,
  synthetic,
  batch_sizes,
  limit = mostRecords,
}: WarmupFlags): RequestSources {
  if (json.length + logs.length === 0 && !synthetic) {
    throw usageError('Cannot write a warm-up file without requests: expected --json, --log or --synthetic');
  }
  return {
    json,
    logs,
    loggedModel: log_model,
    isSynthetic: synthetic === true,
    batchSizes: batch_sizes ?? [],
    limit,
  };
}

/** @throws ServingError for the first request that the model does not answer, with its place. */
async function runEach({ run }: LoadedVersion, requests: readonly WarmupRequest[]): Promise<void> {
  for (const [index, request] of requests.entries()) {
    try {
      await run(request);
    } catch (cause) {
      const { code, message, facts } = ServingError.from(cause);
      throw new ServingError(code, `Cannot use request ${index + 1}: ${message}`, { ...facts, cause });
    }
  }
}
