import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { crc32c, maskedCrc32c } from '#dist/wire/crc32c.js';
import { readRecordFile } from '#dist/wire/read-record-file.js';
import { frameRecord, type ReadRecordsOptions, readRecords, warmupAdvice } from '#dist/wire/tfrecord.js';
import { rejection } from '../support/rejection.js';
import { describeShared, sharedFolder } from '../support/shared-folder.js';

const bytesOf = (text: string) => new TextEncoder().encode(text);
const textOf = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const fileOf = (...records: string[]) => Buffer.concat(records.map((record) => frameRecord(bytesOf(record))));

/** A header with a right checksum, whatever it claims. */
function header(length: bigint): Uint8Array {
  const bytes = new Uint8Array(12);
  new DataView(bytes.buffer).setBigUint64(0, length, true);
  new DataView(bytes.buffer).setUint32(8, maskedCrc32c(bytes.subarray(0, 8)), true);
  return bytes;
}

/** The texts of what is read before the end, or before the error. */
async function collect(records: AsyncIterable<Uint8Array>) {
  const texts: string[] = [];
  const read = async () => {
    for await (const record of records) texts.push(textOf(record));
  };
  const error = await read().then(
    () => undefined,
    (reason) => rejection(Promise.reject(reason)),
  );
  return { texts, error };
}

async function* stream(pieces: Iterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for (const piece of pieces) yield piece;
}

function piecesOf(bytes: Uint8Array, pieceBytes: number): Uint8Array[] {
  const count = Math.ceil(bytes.length / pieceBytes);
  return Array.from({ length: count }, (_, index) =>
    bytes.subarray(index * pieceBytes, (index + 1) * pieceBytes),
  );
}

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'servable-tfrecord-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** A file of its own, and the path to it. */
function written(bytes: Uint8Array): string {
  const path = join(folder(), 'records');
  writeFileSync(path, bytes);
  return path;
}

describe('crc32c', () => {
  it.each([
    { of: 'the check value', bytes: bytesOf('123456789'), crc: 0xe3069283 },
    { of: 'nothing', bytes: new Uint8Array(0), crc: 0 },
    // RFC 3720, appendix B.4
    { of: '32 bytes of zeros', bytes: new Uint8Array(32), crc: 0x8a9136aa },
    { of: '32 bytes of ones', bytes: new Uint8Array(32).fill(0xff), crc: 0x62a8ab43 },
    { of: '32 ascending bytes', bytes: Uint8Array.from({ length: 32 }, (_, at) => at), crc: 0x46dd794e },
    {
      of: '32 descending bytes',
      bytes: Uint8Array.from({ length: 32 }, (_, at) => 31 - at),
      crc: 0x113fdb5c,
    },
  ])('is that of the standard for $of', ({ bytes, crc }) => {
    expect(crc32c(bytes)).toBe(crc);
  });

  it('is the same in two parts as in one, wherever they are cut', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), fc.nat({ max: 64 }), (bytes, cut) => {
        expect(crc32c(bytes.subarray(cut), crc32c(bytes.subarray(0, cut)))).toBe(crc32c(bytes));
      }),
    );
  });
});

describe('frameRecord', () => {
  it('puts the data between its length and its checksums', () => {
    const frame = Buffer.from(frameRecord(bytesOf('123456789')));
    expect(frame.subarray(0, 8)).toEqual(Buffer.from('0900000000000000', 'hex'));
    expect(frame.subarray(12, 21).toString()).toBe('123456789');
    // The mask of the check value: rotated right by 15 bits, plus 0xa282ead8.
    expect(frame.readUInt32LE(21)).toBe(0xc78ab0e5);
    expect(frame.length).toBe(25);
  });

  it('copies: who changes the data afterwards does not change the record', async () => {
    const data = bytesOf('before');
    const frame = frameRecord(data);
    data.fill(0);
    expect(await collect(readRecords(frame))).toEqual({ texts: ['before'], error: undefined });
  });
});

describe('readRecords', () => {
  it('has no records to give from nothing', async () => {
    expect((await collect(readRecords(new Uint8Array(0)))).texts).toEqual([]);
    expect((await collect(readRecords([]))).texts).toEqual([]);
    expect((await collect(readRecords(stream([new Uint8Array(0)])))).texts).toEqual([]);
  });

  it('gives an empty record as one', async () => {
    expect(await collect(readRecords(fileOf('', 'a', '')))).toEqual({
      texts: ['', 'a', ''],
      error: undefined,
    });
  });

  it('gives back what was framed, however it is cut into pieces', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 5 }),
        fc.integer({ min: 1, max: 30 }),
        async (records, pieceBytes) => {
          const bytes = Buffer.concat(records.map(frameRecord));
          const read: Uint8Array[] = [];
          for await (const record of readRecords(stream(piecesOf(bytes, pieceBytes)))) read.push(record);
          expect(read.map((record) => Buffer.from(record))).toEqual(
            records.map((record) => Buffer.from(record)),
          );
        },
      ),
    );
  });

  it('loses data at every point where a file may end but one between records, and gives the whole ones before', async () => {
    const file = fileOf('first', '', 'third');
    const ends = [0, 21, 37, 58];
    for (let length = 0; length <= file.length; length++) {
      const whole = ends.filter((end) => end <= length).length - 1;
      for (const source of [file.subarray(0, length), stream(piecesOf(file.subarray(0, length), 7))]) {
        const { texts, error } = await collect(readRecords(source));
        expect(texts).toEqual(['first', '', 'third'].slice(0, whole));
        if (ends.includes(length)) expect(error).toBeUndefined();
        else {
          expect(error?.code).toBe('DATA_LOSS');
          expect(error?.message).toBe(
            `truncated record at ${ends[whole]}' failed with Read less bytes than requested`,
          );
        }
      }
    }
  });

  it('loses data wherever a bit is not what it was', async () => {
    const file = fileOf('first', '', 'third');
    for (let bit = 0; bit < 8 * file.length; bit++) {
      const bytes = Uint8Array.from(file);
      bytes[bit >> 3] = (bytes[bit >> 3] as number) ^ (1 << (bit & 7));
      const { texts, error } = await collect(readRecords(bytes));
      expect(error?.code).toBe('DATA_LOSS');
      expect(error?.message).toMatch(/^corrupted record at \d+/);
      expect(['first', '', 'third'].slice(0, texts.length)).toEqual(texts);
    }
  });

  it('asks whether it is a TFRecord at all where the very first bytes are wrong', async () => {
    const { error } = await collect(readRecords(bytesOf('this is not a tf record file at all')));
    expect(error?.message).toBe('corrupted record at 0 (Is this even a TFRecord file?)');
    const { error: later } = await collect(
      readRecords(Buffer.concat([fileOf('a'), bytesOf('x'.repeat(30))])),
    );
    expect(later?.message).toBe('corrupted record at 17');
  });

  it('adds the advice that it is given', async () => {
    const { error } = await collect(readRecords(new Uint8Array(3), { advice: warmupAdvice }));
    expect(error?.message).toBe(
      "truncated record at 0' failed with Read less bytes than requested. Please verify your warmup data is in TFRecord format.",
    );
  });

  it.each<[string, bigint, Uint8Array | (() => AsyncIterable<Uint8Array>), ReadRecordsOptions, string]>([
    ['than there are', 2n ** 50n, Buffer.alloc(40), {}, 'truncated record at 0'],
    ['than a number can count', 2n ** 64n - 1n, Buffer.alloc(40), {}, 'truncated record at 0'],
    [
      'than the source is long',
      20n,
      () => stream([Buffer.alloc(23)]),
      { totalBytes: 35 },
      'truncated record at 0',
    ],
    [
      'than is allowed',
      11n,
      Buffer.alloc(40),
      { maxRecordBytes: 10 },
      'record size too large at 0: 11 bytes',
    ],
    [
      'than is allowed by default',
      2n ** 31n,
      () => stream([]),
      {},
      'record size too large at 0: 2147483648 bytes',
    ],
  ])(
    'refuses a record that claims more bytes %s, without waiting for them',
    async (_, claimed, rest, options, text) => {
      let pulls = 0;
      async function* counted() {
        yield header(claimed);
        pulls++;
        if (typeof rest === 'function') yield* rest();
      }
      const source = typeof rest === 'function' ? counted() : Buffer.concat([header(claimed), rest]);
      const { error } = await collect(readRecords(source, options));
      expect(error?.code).toBe('DATA_LOSS');
      expect(error?.message).toContain(text);
      expect(pulls).toBe(0);
    },
  );

  it('takes a record of exactly as many bytes as are allowed', async () => {
    const { texts } = await collect(readRecords(fileOf('0123456789'), { maxRecordBytes: 10 }));
    expect(texts).toEqual(['0123456789']);
  });

  it('holds no more than has come, whatever a record claims', async () => {
    const gigabyte = header(2n ** 30n);
    const before = process.memoryUsage().arrayBuffers;
    const { error } = await collect(readRecords(stream([gigabyte, Buffer.alloc(100)])));
    expect(error?.message).toContain('truncated record at 0');
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 ** 26);
  });

  it('ends the source where whoever reads stops early, and where a record is bad', async () => {
    for (const bad of [false, true]) {
      let hasEnded = false;
      async function* source() {
        try {
          yield fileOf('a', 'b');
          yield bad ? Buffer.alloc(30) : fileOf('c');
          yield fileOf('d');
        } finally {
          hasEnded = true;
        }
      }
      const read = async () => {
        for await (const record of readRecords(source())) if (textOf(record) === 'c') break;
      };
      if (bad) expect((await rejection(read())).code).toBe('DATA_LOSS');
      else await read();
      expect(hasEnded).toBe(true);
    }
  });

  it('passes on what the source throws', async () => {
    async function* source(): AsyncGenerator<Uint8Array> {
      yield fileOf('a');
      throw new RangeError('a fault of the source');
    }
    const read = async () => {
      for await (const record of readRecords(source())) expect(textOf(record)).toBe('a');
    };
    await expect(read()).rejects.toThrow(new RangeError('a fault of the source'));
  });

  it('reads no further once it is aborted', async () => {
    const controller = new AbortController();
    const seen: string[] = [];
    const read = async () => {
      for await (const record of readRecords(fileOf('a', 'b'), { signal: controller.signal })) {
        seen.push(textOf(record));
        controller.abort(new Error('enough'));
      }
    };
    const error = await rejection(read());
    expect([error.code, error.cause, seen]).toEqual(['CANCELLED', controller.signal.reason, ['a']]);
  });
});

describe('readRecordFile', () => {
  it('reads a file that is longer than a piece, record by record', async () => {
    const records = Array.from({ length: 40 }, (_, index) => String(index).repeat(20_000));
    const path = written(fileOf(...records));
    const { texts, error } = await collect(readRecordFile(path));
    expect(error).toBeUndefined();
    expect(texts).toEqual(records);
  });

  it('has no records to give from an empty file', async () => {
    expect(await collect(readRecordFile(written(new Uint8Array(0))))).toEqual({
      texts: [],
      error: undefined,
    });
  });

  it('loses data where the file is cut short while it is read', async () => {
    const path = written(fileOf('a', 'b'.repeat(300_000), 'c'.repeat(300_000)));
    const records = readRecordFile(path);
    expect(textOf((await records.next()).value as Uint8Array)).toBe('a');
    truncateSync(path, 1000);
    const error = await rejection(records.next());
    expect([error.code, error.message.startsWith('truncated record at 17')]).toEqual(['DATA_LOSS', true]);
  });

  it('says what is wrong with a path that is no file', async () => {
    const nothing = join(folder(), 'nothing');
    const { error } = await collect(readRecordFile(nothing));
    expect([error?.code, error?.message]).toEqual([
      'NOT_FOUND',
      `Cannot read ${nothing}: there is no such file`,
    ]);
    const place = folder();
    const { error: other } = await collect(readRecordFile(place));
    expect([other?.code, other?.message]).toEqual([
      'FAILED_PRECONDITION',
      `Cannot read ${place}: it is no file`,
    ]);
  });
});

const fixtures = 'tf-serving/warmup-fixtures';

describeShared('files that TensorFlow wrote and files that it refused', [fixtures], () => {
  const fixture = (name: string) => join(sharedFolder, fixtures, name);
  const read = (name: string) => collect(readRecordFile(fixture(name), { advice: warmupAdvice }));

  it('reads what TensorFlow wrote, and frames it alike', async () => {
    const bytes = readFileSync(fixture('tf_serving_warmup_requests'));
    const frames: Uint8Array[] = [];
    for await (const record of readRecords(bytes)) frames.push(frameRecord(record));
    expect(frames).toHaveLength(2);
    expect(Buffer.concat(frames)).toEqual(bytes);
  });

  it.each([
    ['warmup_not_tfrecord', 'corrupted record at 0 (Is this even a TFRecord file?)'],
    ['warmup_corrupt_lencrc', 'corrupted record at 0 (Is this even a TFRecord file?)'],
    ['warmup_corrupt_datacrc', 'corrupted record at 12'],
    ['warmup_truncated', "truncated record at 0' failed with Read less bytes than requested"],
  ])('says of %s: %s', async (name, message) => {
    const { texts, error } = await read(name);
    expect(texts).toEqual([]);
    expect(error?.code).toBe('DATA_LOSS');
    expect(error?.message).toBe(`${message}${warmupAdvice}`);
  });

  it.each(['warmup_session_run', 'warmup_unparsable'])(
    'finds nothing wrong with %s, which holds a record',
    async (name) => {
      expect((await read(name)).texts).toHaveLength(1);
      expect((await read(name)).error).toBeUndefined();
    },
  );
});
