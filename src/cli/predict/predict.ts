import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { invalidArgument, ServingError } from '../../core/errors.js';
import { findSignature } from '../../core/signature-check.js';
import { putTensor, type Tensor, type TensorMap } from '../../core/tensor.js';
import { encodeOutputs } from '../../json/encode-outputs.js';
import type { DeviceName } from '../../runner/devices/device-name.js';
import { usageError } from '../command-error.js';
import { decodeJsonRequest, type JsonRequest, splitBodies } from '../model/json-request.js';
import { readBytes } from '../read-bytes.js';
import { encodeNpy } from './npy.js';
import { isAddress, type PredictTarget, withLocalModel, withServer } from './predict-target.js';
import { readInput } from './read-input.js';

/** The flags of `servable predict`, as they were given. */
export interface PredictFlags {
  readonly body?: string;
  readonly input?: readonly InputFile[];
  readonly image_white?: number;
  readonly image_mean?: readonly number[];
  readonly image_std?: readonly number[];
  readonly signature?: string;
  readonly outputs?: readonly string[];
  readonly save?: string;
  readonly model_version?: number;
  readonly model?: string;
  readonly label?: string;
  readonly timeout_ms: number;
  readonly header?: Readonly<Record<string, string>>;
  /** A PEM file. */
  readonly ca?: string;
  readonly device?: DeviceName;
}

/** A file for an input. */
export interface InputFile {
  readonly alias: string;
  readonly file: string;
}

/**
 * `servable predict`: asks a model once, and prints the answer.
 *
 * @throws CommandError for flags that do not go together; ServingError where there is no answer.
 */
export async function predict(target: string, flags: PredictFlags): Promise<void> {
  if ((flags.body === undefined) === (flags.input === undefined)) {
    throw usageError('Cannot ask without a request: expected either --body or --input');
  }
  const { model, model_version: version, label, timeout_ms: timeoutMs, device } = flags;
  const use = (found: PredictTarget) => ask(found, flags);
  if (isAddress(target)) {
    if (model === undefined) throw usageError(`Cannot ask ${target}: expected --model, too`);
    if (device !== undefined) throw usageError('Cannot use --device: a server has its own');
    const spec = { model, ...(version !== undefined && { version }), ...(label !== undefined && { label }) };
    const ca = flags.ca === undefined ? undefined : await readBytes(flags.ca);
    await withServer(target, { spec, timeoutMs, headers: flags.header, ca }, use);
  } else {
    const foreign = (['model', 'label', 'header', 'ca'] as const).find((name) => flags[name] !== undefined);
    if (foreign !== undefined)
      throw usageError(`Cannot use --${foreign}: ${target} is a model on disk, no server`);
    await withLocalModel(target, { version, ...(device && { device }) }, use);
  }
}

async function ask(target: PredictTarget, flags: PredictFlags): Promise<void> {
  const { form, ...request } = await requestOf(target, flags);
  const { outputs: wanted } = flags;
  const startMs = performance.now();
  const { id, outputs } = await target.predict({ ...request, ...(wanted && { outputs: wanted }) });
  const tookMs = performance.now() - startMs;
  const name = id.version === undefined ? id.model : `${id.model}@${id.version}`;
  process.stderr.write(`${name} answered in ${tookMs.toFixed(1)} ms\n`);
  process.stdout.write(encodeOutputs(outputs, form));
  process.stdout.write('\n');
  if (flags.save !== undefined) await save(flags.save, outputs);
}

async function requestOf({ signatures }: PredictTarget, flags: PredictFlags): Promise<JsonRequest> {
  if (flags.body !== undefined) {
    const [body, ...more] = splitBodies(await readBytes(flags.body));
    if (body !== undefined && more.length === 0) return decodeJsonRequest(body, signatures, flags.signature);
    throw invalidArgument(
      `Cannot ask: ${flags.body} holds ${body === undefined ? 'no' : 1 + more.length} requests, expected one`,
    );
  }
  const signature = findSignature(signatures, flags.signature);
  const scale = { white: flags.image_white, mean: flags.image_mean, std: flags.image_std };
  const inputs: Record<string, Tensor> = {};
  for (const { alias, file } of flags.input ?? []) {
    putTensor(
      inputs,
      alias,
      await readInput(signature, { alias, file, bytes: await readBytes(file) }, scale),
    );
  }
  return { signature: signature.name, inputs, form: 'columnar' };
}

/** @throws ServingError INVALID_ARGUMENT for an output that a file cannot be named after; UNAVAILABLE. */
async function save(folder: string, outputs: TensorMap): Promise<void> {
  for (const [alias, output] of Object.entries(outputs)) {
    if (/[/\\]|^\.\.?$/.test(alias))
      throw invalidArgument(`Cannot save output "${alias}": it is no name for a file`);
    const bytes = encodeNpy(output);
    try {
      await mkdir(folder, { recursive: true });
      await writeFile(join(folder, `${alias}.npy`), bytes);
    } catch (cause) {
      throw new ServingError('UNAVAILABLE', `Cannot save output "${alias}": ${(cause as Error).message}`, {
        cause,
      });
    }
  }
}
