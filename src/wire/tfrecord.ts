import { cancelled, ServingError } from '../core/errors.js';
import { ByteReader } from './byte-reader.js';
import { maskedCrc32c } from './crc32c.js';

// A record:  length u64 │ masked crc of the length u32 │ data │ masked crc of the data u32, all little-endian.
// Source: TensorFlow, tsl/lib/io/record_writer.h.
const headerBytes = 12;
const footerBytes = 4;

/** What TF Serving adds to an error of a warm-up file (saved_model_warmup_util.cc); see `ReadRecordsOptions.advice`. */
export const warmupAdvice = '. Please verify your warmup data is in TFRecord format.';

export interface ReadRecordsOptions {
  /**
   * Bytes of one record, at most; a longer one is refused before it is read.
   *
   * @default 2147483647, 2 GiB − 1: the longest message that protobuf allows
   */
  readonly maxRecordBytes?: number;
  /**
   * Bytes of the whole source, where that is known: a record that claims more than is left is refused before it is read.
   * A `Uint8Array` knows by itself.
   */
  readonly totalBytes?: number;
  /** Aborted: nothing more is read, and the next record is a rejection with CANCELLED. */
  readonly signal?: AbortSignal | undefined;
  /** Is added to the message where the data are at fault, for whoever reads it: `warmupAdvice`. @default '' */
  readonly advice?: string;
}

/** A record as a TFRecord file holds it: `data`, copied, between its length and its checksums. */
export function frameRecord(data: Uint8Array): Uint8Array {
  const frame = new Uint8Array(headerBytes + data.length + footerBytes);
  const view = new DataView(frame.buffer);
  view.setBigUint64(0, BigInt(data.length), true);
  view.setUint32(8, maskedCrc32c(frame.subarray(0, 8)), true);
  frame.set(data, headerBytes);
  view.setUint32(headerBytes + data.length, maskedCrc32c(data), true);
  return frame;
}

/**
 * The records of TFRecord bytes, one after the other, as they are read: no more of the source is held than one record
 * and a piece. A source without bytes has no records.
 *
 * A record is a view of the source's bytes where it lies in one piece: who changes the pieces after giving them changes the
 * records. What stops early ends the source's iterator.
 *
 * The texts are those of TensorFlow's reader (tsl/lib/io/record_reader.cc), which takes a file that ends within the first
 * twelve bytes of a record for one that ends before it; here that is a truncated record.
 *
 * @throws ServingError DATA_LOSS for what is not a whole record with right checksums, after those before it; CANCELLED;
 *   and whatever the source throws.
 */
export async function* readRecords(
  source: Uint8Array | AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  options: ReadRecordsOptions = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  const { signal, advice = '' } = options;
  const isWhole = source instanceof Uint8Array;
  const reader = new ByteReader(isWhole ? [source] : source);
  const totalBytes = isWhole ? source.length : options.totalBytes;
  try {
    while (true) {
      if (signal?.aborted) throw cancelled(signal);
      const record = await readRecord(reader, { ...options, totalBytes, advice });
      if (record === undefined) return;
      yield record;
    }
  } finally {
    await reader.close();
  }
}

interface Reading {
  readonly maxRecordBytes?: number;
  readonly totalBytes: number | undefined;
  readonly advice: string;
}

async function readRecord(reader: ByteReader, reading: Reading): Promise<Uint8Array | undefined> {
  const { advice } = reading;
  const { offset } = reader;
  if ((await reader.fill(headerBytes)) === 0) return undefined;
  const header = reader.take(headerBytes) ?? lose(truncated(offset), advice);
  assertSum(header, 8, offset, advice);
  const length = Number(new DataView(header.buffer, header.byteOffset).getBigUint64(0, true));
  assertLength(length, offset, reading);
  await reader.fill(length + footerBytes);
  const data = reader.take(length + footerBytes) ?? lose(truncated(offset), advice);
  assertSum(data, length, offset + headerBytes, advice);
  return data.subarray(0, length);
}

function assertSum(bytes: Uint8Array, length: number, offset: number, advice: string): void {
  const stored = new DataView(bytes.buffer, bytes.byteOffset).getUint32(length, true);
  if (stored === maskedCrc32c(bytes.subarray(0, length))) return;
  lose(`corrupted record at ${offset}${offset === 0 ? ' (Is this even a TFRecord file?)' : ''}`, advice);
}

/** Before a byte of it is waited for: the length may be anything. */
function assertLength(length: number, offset: number, reading: Reading): void {
  const { maxRecordBytes = 2 ** 31 - 1, totalBytes = Number.POSITIVE_INFINITY, advice } = reading;
  if (length > totalBytes - offset - headerBytes - footerBytes) lose(truncated(offset), advice);
  if (length <= maxRecordBytes) return;
  const facts = { actual: `${length} bytes`, expected: `at most ${maxRecordBytes} bytes` };
  lose(`record size too large at ${offset}: ${facts.actual}, expected ${facts.expected}`, advice, facts);
}

/** The apostrophe is TensorFlow's. */
function truncated(offset: number): string {
  return `truncated record at ${offset}' failed with Read less bytes than requested`;
}

function lose(message: string, advice: string, facts = {}): never {
  throw new ServingError('DATA_LOSS', `${message}${advice}`, facts);
}
