import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { ServingError } from '#dist/core/errors.js';
import { tensor } from '#dist/core/tensor.js';
import type { RequestEntry } from '#dist/request-log/request-entry.js';
import { RequestLog, type RequestLogParts } from '#dist/request-log/request-log.js';
import type { RequestLogConfig } from '#dist/request-log/request-log-config.js';
import type { RequestLogObserver } from '#dist/request-log/request-log-observer.js';
import { readRecords } from '#dist/wire/tfrecord.js';
import { FakeClock } from './fake-clock.js';

/** An entry whose model is its name. */
export function entryOf(model: string, elements = 2): RequestEntry {
  return {
    spec: { model, version: 1, signature: 'serving_default' },
    inputs: { x: tensor('float32', [1, elements], new Float32Array(elements)) },
    outputs: { y: tensor('float32', [1, 1], [0.5]) },
    timestampSecs: 1_700_000_000,
  };
}

/** A stand-in for the encoder: the name of the model, and a byte for each element of `x`. */
export function encodeName({ spec, inputs }: RequestEntry): Uint8Array {
  return new TextEncoder().encode(spec.model.padEnd(inputs.x?.data.length ?? 0, '.'));
}

/** An observer that writes everything down. */
export class RecordingObserver implements RequestLogObserver {
  readonly logged: { readonly model: string; readonly bytes: number }[] = [];
  readonly dropped: { readonly model: string; readonly reason: string }[] = [];
  readonly failures: ServingError[] = [];

  onLogged = (request: { readonly model: string; readonly bytes: number }) => void this.logged.push(request);
  onDropped = (request: { readonly model: string; readonly reason: string }) =>
    void this.dropped.push(request);
  onFailure = (error: ServingError) => void this.failures.push(error);

  get loggedNames(): string[] {
    return this.logged.map(({ model }) => model);
  }

  /** How many were dropped, by reason. */
  get droppedByReason(): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const { reason } of this.dropped) counts[reason] = (counts[reason] ?? 0) + 1;
    return counts;
  }
}

/** A folder of the test's own. */
export function temporaryFolder(): string {
  const path = mkdtempSync(join(tmpdir(), 'servable-request-log-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** The files of a folder in the order of their names, and what is in them, read whole. */
export async function readFiles(folder: string): Promise<{ name: string; records: string[] }[]> {
  const names = readdirSync(folder).sort();
  const records = await Promise.all(names.map((name) => readNames(join(folder, name))));
  return names.map((name, index) => ({ name, records: records[index] as string[] }));
}

/** What `encodeName` made of the entries whose records are in a file. */
export async function readNames(file: string): Promise<string[]> {
  const names: string[] = [];
  for await (const record of readRecords(readFileSync(file)))
    names.push(Buffer.from(record).toString().replace(/\.+$/, ''));
  return names;
}

/** 2023-11-14, 22:13:20.123 UTC. */
export const wallMs = 1_700_000_000_123;

/** A log of every request in a folder of its own, on a clock that stands still. */
export function arrangeLog(options: RequestLogConfig & Partial<RequestLogParts> = {}) {
  const clock = new FakeClock();
  const folder = temporaryFolder();
  const observer = new RecordingObserver();
  const log = new RequestLog({
    filenamePrefix: join(folder, 'requests'),
    samplingRate: 1,
    encode: encodeName,
    clock,
    observer,
    wallMs: () => wallMs,
    ...options,
  });
  onTestFinished(() => log.close());
  const offer = (...names: string[]) => names.map((name) => log.offer(entryOf(name)));
  return { clock, folder, observer, log, offer };
}
