import { existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ServingError } from '../../core/errors.js';
import { defaultSignatureName } from '../../core/signature.js';
import { warmupFile } from '../../warmup/warmup-file.js';
import { decodeRequest, type LoggedRequest } from '../../wire/decode-request.js';
import { readRecordFile } from '../../wire/read-record-file.js';
import { warmupAdvice } from '../../wire/tfrecord.js';

/** What a warm-up file holds. */
export interface WarmupSummary {
  readonly bytes: number;
  readonly records: number;
  /** How many records are of which kind: `predict`, `classify`, `regress`, `multi-inference`, … */
  readonly kinds: Readonly<Record<string, number>>;
  /** How many records ask which signature. */
  readonly signatures: Readonly<Record<string, number>>;
  /** Why it could not be read to its end. */
  readonly error?: string;
}

/** What the warm-up file of a version directory holds; undefined where there is none. */
export async function summariseWarmup(directory: string): Promise<WarmupSummary | undefined> {
  const file = join(directory, warmupFile);
  if (!existsSync(file)) return undefined;
  const { size: bytes } = await stat(file);
  const kinds: Record<string, number> = {};
  const signatures: Record<string, number> = {};
  let records = 0;
  try {
    for await (const record of readRecordFile(file, { advice: warmupAdvice })) {
      const request = decodeRequest(record);
      records++;
      count(kinds, request.kind);
      for (const name of signaturesOf(request)) count(signatures, name || defaultSignatureName);
    }
  } catch (error) {
    return { bytes, records, kinds, signatures, error: ServingError.from(error).message };
  }
  return { bytes, records, kinds, signatures };
}

function count(counts: Record<string, number>, name: string): void {
  counts[name] = (counts[name] ?? 0) + 1;
}

function signaturesOf(request: LoggedRequest): readonly string[] {
  switch (request.kind) {
    case 'predict':
    case 'classify':
    case 'regress':
      return [request.spec.signature];
    case 'multi-inference':
      return request.specs.map(({ signature }) => signature);
    case 'unsupported':
    case 'none':
      return [];
    default:
      return request satisfies never;
  }
}
