import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { ServingError } from '#dist/core/errors.js';
import type { RequestEntry } from '#dist/request-log/request-entry.js';
import { RequestLog } from '#dist/request-log/request-log.js';
import { caught } from '../support/caught.js';
import { FakeClock } from '../support/fake-clock.js';
import { FaultyFileSystem } from '../support/faulty-file-system.js';
import { arrangeLog, encodeName, entryOf, readFiles, temporaryFolder } from '../support/request-log.js';
import { seededRandom } from '../support/seeded-random.js';
import { collectUncaught } from '../support/uncaught.js';

const nameOf = (number: number) => `requests-20231114T221320123Z-${process.pid}-00000${number}.tfrecord`;
const recordBytes = 17; // one letter in its frame

describe('sampling', () => {
  const encode = encodeName;

  it('takes the share of requests that the rate says, each decided by itself', () => {
    const log = new RequestLog({ filenamePrefix: 'x', samplingRate: 0.1, encode, random: seededRandom(7) });
    const random = seededRandom(7);
    let count = 0;
    for (let index = 0; index < 10_000; index++) {
      const isWanted = random() < 0.1;
      if (log.sample() !== isWanted) expect.fail(`request ${index} was decided otherwise`);
      if (isWanted) count++;
    }
    expect(count).toBe(998);
  });

  it.each([
    { rate: undefined, expected: false, why: 'nothing where no rate is set' },
    { rate: 0, expected: false, why: 'nothing at rate 0' },
    { rate: 1, expected: true, why: 'everything at rate 1' },
  ])('takes $why, without drawing', ({ rate, expected }) => {
    const random = () => {
      throw new Error('Nothing is to be drawn');
    };
    const config = { filenamePrefix: 'x', ...(rate !== undefined && { samplingRate: rate }) };
    expect(new RequestLog({ ...config, encode, random }).sample()).toBe(expected);
  });
});

describe('options', () => {
  it.each<[string, object]>([
    ['requestLog.filenamePrefix', {}],
    ['requestLog.filenamePrefix', { filenamePrefix: '' }],
    ['requestLog.filenamePrefix', { filenamePrefix: 'a\0b' }],
    ['requestLog.filenamePrefix', { filenamePrefix: 7 }],
    ['requestLog.samplingRate', { filenamePrefix: 'x', samplingRate: 1.01 }],
    ['requestLog.samplingRate', { filenamePrefix: 'x', samplingRate: -0.1 }],
    ['requestLog.samplingRate', { filenamePrefix: 'x', samplingRate: Number.NaN }],
    ['requestLog.samplingRate', { filenamePrefix: 'x', samplingRate: '1' }],
    ['requestLog.maxFileBytes', { filenamePrefix: 'x', maxFileBytes: 0 }],
    ['requestLog.maxFileAgeMs', { filenamePrefix: 'x', maxFileAgeMs: 0 }],
    ['requestLog.maxFileRecords', { filenamePrefix: 'x', maxFileRecords: 1.5 }],
    ['requestLog.maxQueuedBytes', { filenamePrefix: 'x', maxQueuedBytes: Number.POSITIVE_INFINITY }],
    ['requestLog.collector', { collector: {} }],
    ['requestLog.collector', { collector: null }],
    ['requestLog.prefix', { filenamePrefix: 'x', prefix: 'y' }],
  ])('refuses %s in %j', (option, options) => {
    const error = caught(() => new RequestLog({ encode: encodeName, ...options }));
    expect([error.code, error.option]).toEqual(['INVALID_ARGUMENT', option]);
  });

  it('makes neither file nor folder nor timer before there is something to write', async () => {
    const { clock, folder, log } = arrangeLog();
    await log.flush();
    await log.close();
    expect([readdirSync(folder), clock.pending]).toEqual([[], 0]);
  });
});

describe('files', () => {
  it('holds what was offered, in order, under another name until it is closed', async () => {
    const { folder, observer, log, offer } = arrangeLog();
    expect(offer('a', 'b', 'c')).toEqual([true, true, true]);
    await log.flush();
    expect(await readFiles(folder)).toEqual([{ name: `${nameOf(1)}.open`, records: ['a', 'b', 'c'] }]);
    offer('d');
    await log.close();
    expect(await readFiles(folder)).toEqual([{ name: nameOf(1), records: ['a', 'b', 'c', 'd'] }]);
    expect(observer.logged[0]).toEqual({ model: 'a', bytes: recordBytes + 1 });
    expect([observer.loggedNames, observer.dropped, observer.failures]).toEqual([
      ['a', 'b', 'c', 'd'],
      [],
      [],
    ]);
  });

  it('makes the folders that are missing', async () => {
    const folder = temporaryFolder();
    const { log, offer } = arrangeLog({ filenamePrefix: join(folder, 'one', 'two', 'requests') });
    offer('a');
    await log.close();
    expect((await readFiles(join(folder, 'one', 'two')))[0]?.records).toEqual(['a']);
  });

  it('completes a file that has as many records as it may', async () => {
    const { clock, folder, log, offer } = arrangeLog({ maxFileRecords: 2 });
    offer('a', 'b', 'c', 'd');
    await log.flush();
    expect(await readFiles(folder)).toEqual([
      { name: nameOf(1), records: ['a', 'b'] },
      { name: nameOf(2), records: ['c', 'd'] },
    ]);
    expect(clock.pending).toBe(0);
  });

  it('completes a file before it gets longer than it may, and gives a longer record one of its own', async () => {
    const { folder, log, offer } = arrangeLog({ maxFileBytes: 3 * (recordBytes + 1) });
    offer('a', 'b', 'c', 'd');
    log.offer(entryOf('long', 100));
    offer('e');
    await log.close();
    const files = await readFiles(folder);
    expect(files.map(({ records }) => records)).toEqual([['a', 'b', 'c'], ['d'], ['long'], ['e']]);
  });

  it('completes a file that is old enough, also when no request comes any more', async () => {
    const { clock, folder, log, offer } = arrangeLog({ maxFileAgeMs: 1000 });
    offer('a');
    await log.flush();
    clock.advance(999);
    offer('b');
    await log.flush();
    expect(readdirSync(folder)).toEqual([`${nameOf(1)}.open`]);
    clock.advance(1);
    await log.flush();
    expect(await readFiles(folder)).toEqual([{ name: nameOf(1), records: ['a', 'b'] }]);
    expect(clock.pending).toBe(0);
    offer('c');
    await log.flush();
    expect(clock.untilNextMs).toBe(1000); // the age of the next file, from its own first record
  });

  it('does not take the next file for old where one is completed just then', async () => {
    const fileSystem = new FaultyFileSystem();
    const goOn = fileSystem.stall();
    const { clock, folder, log, offer } = arrangeLog({ fileSystem, maxFileRecords: 2 });
    offer('a', 'b', 'c');
    while (clock.pending === 0) await nextTurn();
    clock.advance(3_600_000);
    goOn();
    await log.flush();
    expect(readdirSync(folder)).toEqual([nameOf(1), `${nameOf(2)}.open`]);
  });

  it('lets a file get as old as it likes where its age is infinite', async () => {
    const { clock, log, offer } = arrangeLog({ maxFileAgeMs: Number.POSITIVE_INFINITY });
    offer('a');
    await log.flush();
    expect(clock.pending).toBe(0);
  });

  it('overwrites no file that is there', async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, nameOf(1)), 'of another log');
    writeFileSync(join(folder, `${nameOf(2)}.open`), 'of another log');
    const { log, offer } = arrangeLog({ filenamePrefix: join(folder, 'requests') });
    offer('a');
    await log.close();
    expect(readdirSync(folder).sort()).toEqual([nameOf(1), `${nameOf(2)}.open`, nameOf(3)]);
  });

  it('tells the encoder the sampling rate', async () => {
    const rates: number[] = [];
    const encode = (entry: RequestEntry, rate: number) => {
      rates.push(rate);
      return encodeName(entry);
    };
    const { log, offer } = arrangeLog({ samplingRate: 0.25, encode });
    offer('a');
    await log.flush();
    expect(rates).toEqual([0.25]);
  });
});

describe('the request path', () => {
  it('does nothing with an entry before the next turn', async () => {
    let encoded = 0;
    const encode = (entry: RequestEntry) => {
      encoded++;
      return encodeName(entry);
    };
    const { log, offer } = arrangeLog({ encode });
    offer('a');
    await Promise.resolve();
    expect(encoded).toBe(0);
    await log.flush();
    expect(encoded).toBe(1);
  });

  it('gives the event loop back when encoding takes long', async () => {
    const clock = new FakeClock();
    let turn = 0;
    const turns: number[] = [];
    const encode = (entry: RequestEntry) => {
      turns.push(turn);
      clock.advance(0.6);
      return encodeName(entry);
    };
    const { log, offer } = arrangeLog({ encode, clock });
    offer('a', 'b', 'c', 'd', 'e');
    let isOver = false;
    const flushed = log.flush().then(() => {
      isOver = true;
    });
    for (; !isOver; turn++) await nextTurn();
    await flushed;
    const perTurn = [...new Set(turns)].map((each) => turns.filter((other) => other === each).length);
    expect(perTurn).toEqual([2, 2, 1]);
  });

  it('encodes no more at once than is to be written at once', async () => {
    const fileSystem = new FaultyFileSystem();
    const goOn = fileSystem.stall();
    let encoded = 0;
    const encode = () => {
      encoded++;
      return new Uint8Array(2 ** 19);
    };
    const { log, offer } = arrangeLog({ encode, fileSystem });
    offer(...'abcdefgh');
    while (!fileSystem.calls.includes('create')) await nextTurn();
    expect(encoded).toBe(2);
    goOn();
    await log.flush();
    expect(encoded).toBe(8);
  });

  it('drops what finds no room while the disk stalls, and keeps what found some', async () => {
    const fileSystem = new FaultyFileSystem();
    const goOn = fileSystem.stall();
    const { folder, observer, log, offer } = arrangeLog({ fileSystem, maxQueuedBytes: 4500 });
    const accepted = offer(...'abcdefgh');
    expect(accepted).toEqual([true, true, true, true, false, false, false, false]);
    while (!fileSystem.calls.includes('create')) await nextTurn();
    expect(offer('i')).toEqual([false]); // what is being written has not left the queue
    expect(observer.dropped).toEqual([...'efghi'].map((model) => ({ model, reason: 'queue full' })));
    goOn();
    await log.flush();
    expect(offer('j')).toEqual([true]);
    await log.close();
    expect((await readFiles(folder))[0]?.records).toEqual([...'abcdj']);
  });

  it('drops an entry that is larger than the queue', () => {
    const { observer, log } = arrangeLog({ maxQueuedBytes: 2000 });
    expect(log.offer(entryOf('large', 1000))).toBe(false);
    expect(observer.droppedByReason).toEqual({ 'queue full': 1 });
  });

  it('drops what cannot be encoded, says so once for each model, and writes the rest', async () => {
    const encode = (entry: RequestEntry) => {
      if (entry.spec.model.startsWith('bad')) throw new ServingError('UNIMPLEMENTED', 'no such dtype');
      return encodeName(entry);
    };
    const { folder, observer, log, offer } = arrangeLog({ encode });
    offer('a', 'bad', 'b', 'bad', 'bad2');
    await log.close();
    expect((await readFiles(folder))[0]?.records).toEqual(['a', 'b']);
    expect(observer.droppedByReason).toEqual({ 'encode failed': 3 });
    expect(observer.failures.map(({ code, message, id }) => ({ code, message, id }))).toEqual(
      ['bad', 'bad2'].map((model) => ({
        code: 'UNIMPLEMENTED',
        message: `Cannot encode a request to ${model}@1 for the request log: no such dtype`,
        id: { model, version: 1 },
      })),
    );
  });

  it('does not mind an observer that throws', async () => {
    const { uncaught } = collectUncaught();
    const mistake = new Error('a mistake of the observer');
    const fail = () => {
      throw mistake;
    };
    const { folder, log, offer } = arrangeLog({ observer: { onLogged: fail, onDropped: fail } });
    offer('a');
    log.offer(entryOf('large', 2 ** 23));
    await log.close();
    expect((await readFiles(folder))[0]?.records).toEqual(['a']);
    expect(await uncaught()).toEqual([mistake, mistake]);
  });
});

describe('flush and close', () => {
  it('flushes what was accepted before, and does not wait for what comes after', async () => {
    const { observer, log, offer } = arrangeLog();
    let isFlushed = false;
    offer('a');
    const flushed = log.flush().then(() => {
      isFlushed = true;
    });
    while (!isFlushed) {
      offer('more');
      await nextTurn();
    }
    await flushed;
    expect(observer.loggedNames[0]).toBe('a');
  });

  it('closes once, with all that was accepted, and refuses what comes afterwards', async () => {
    const { clock, folder, observer, log, offer } = arrangeLog();
    offer('a', 'b');
    const closed = log.close();
    expect(log.close()).toBe(closed);
    expect(offer('c')).toEqual([false]);
    await closed;
    expect((await readFiles(folder)).map(({ records }) => records)).toEqual([['a', 'b']]);
    expect(observer.dropped).toEqual([{ model: 'c', reason: 'closed' }]);
    expect(clock.pending).toBe(0);
    await log.flush();
  });
});

describe('trouble with the disk', () => {
  it('keeps the whole records of a write that did not go through, and drops the others', async () => {
    const fileSystem = new FaultyFileSystem();
    fileSystem.freeBytes = 2 * (recordBytes + 1) + 7;
    const { folder, observer, log, offer } = arrangeLog({ fileSystem });
    offer('a', 'b', 'c', 'd');
    await log.flush();
    expect(await readFiles(folder)).toEqual([{ name: nameOf(1), records: ['a', 'b'] }]);
    expect(observer.loggedNames).toEqual(['a', 'b']);
    expect(observer.dropped).toEqual(['c', 'd'].map((model) => ({ model, reason: 'write failed' })));
    expect(observer.failures.map(({ code }) => code)).toEqual(['RESOURCE_EXHAUSTED']);
    expect(observer.failures[0]?.message).toBe(
      `Cannot write request log ${join(folder, 'requests')}: ENOSPC: as the test wants it, write`,
    );
    expect(fileSystem.open).toBe(0);
  });

  it('leaves no file behind that has no whole record', async () => {
    const fileSystem = new FaultyFileSystem();
    fileSystem.freeBytes = 5;
    const { folder, observer, log, offer } = arrangeLog({ fileSystem });
    offer('a');
    await log.flush();
    expect(readdirSync(folder)).toEqual([]);
    expect(observer.droppedByReason).toEqual({ 'write failed': 1 });
  });

  it('rests longer and longer, says it once, and heals by itself', async () => {
    const fileSystem = new FaultyFileSystem();
    fileSystem.faults.set('write', 'EACCES');
    const { clock, folder, observer, log, offer } = arrangeLog({ fileSystem });
    const tries = () => fileSystem.calls.filter((call) => call === 'create').length;
    for (const [index, restMs] of [1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000].entries()) {
      expect(offer('tried')).toEqual([true]);
      await log.flush();
      expect(tries()).toBe(index + 1);
      clock.advance(restMs - 1);
      expect(offer('refused')).toEqual([false]);
      clock.advance(1);
    }
    expect(observer.failures.map(({ code }) => code)).toEqual(['PERMISSION_DENIED']);
    expect(observer.droppedByReason).toEqual({ 'write failed': 16 });
    fileSystem.faults.clear();
    offer('a');
    await log.flush();
    expect(observer.loggedNames).toEqual(['a']);
    fileSystem.faults.set('write', 'EACCES');
    offer('b');
    await log.flush();
    clock.advance(999);
    expect(offer('c')).toEqual([false]); // it rests for one second again, and tells again
    clock.advance(1);
    expect(offer('d')).toEqual([true]);
    await log.flush();
    expect(observer.failures.map(({ code }) => code)).toEqual(['PERMISSION_DENIED', 'PERMISSION_DENIED']);
    expect((await readFiles(folder)).map(({ records }) => records)).toEqual([['a']]);
  });

  it('drops what is queued behind a write that fails', async () => {
    const fileSystem = new FaultyFileSystem();
    const goOn = fileSystem.stall();
    fileSystem.faults.set('write', 'EIO');
    const { observer, log, offer } = arrangeLog({ fileSystem });
    offer('a');
    while (!fileSystem.calls.includes('create')) await nextTurn();
    offer('b', 'c');
    goOn();
    await log.flush();
    expect(observer.droppedByReason).toEqual({ 'write failed': 3 });
    expect(fileSystem.calls.filter((call) => call === 'create')).toHaveLength(1);
    expect(observer.failures.map(({ code }) => code)).toEqual(['UNAVAILABLE']);
  });

  it('writes on where one write takes a few bytes at a time', async () => {
    const fileSystem = new FaultyFileSystem();
    fileSystem.mostWritten = 5;
    const { folder, observer, log, offer } = arrangeLog({ fileSystem });
    offer('a', 'b', 'c');
    await log.close();
    expect((await readFiles(folder)).map(({ records }) => records)).toEqual([['a', 'b', 'c']]);
    expect(observer.failures).toEqual([]);
  });

  it('takes a disk that writes nothing and says nothing for one that fails', async () => {
    const fileSystem = new FaultyFileSystem();
    fileSystem.mostWritten = 0;
    const { observer, log, offer } = arrangeLog({ fileSystem });
    offer('a');
    await log.flush();
    expect(observer.droppedByReason).toEqual({ 'write failed': 1 });
  });

  it('gives no name to a file that cannot be cut back to its last whole record', async () => {
    const fileSystem = new FaultyFileSystem();
    const { folder, observer, log, offer } = arrangeLog({ fileSystem });
    offer('a');
    await log.flush();
    fileSystem.freeBytes = 3;
    fileSystem.faults.set('truncate', 'EIO');
    offer('b');
    await log.flush();
    expect(readdirSync(folder)).toEqual([`${nameOf(1)}.open`]);
    expect(observer.failures.map(({ code }) => code)).toEqual(['RESOURCE_EXHAUSTED', 'UNAVAILABLE']);
    expect(fileSystem.open).toBe(0);
  });

  it.each(['rename', 'closeFile'] as const)(
    'says so where %s fails, and goes on with another file',
    async (step) => {
      const fileSystem = new FaultyFileSystem();
      const { clock, folder, observer, log, offer } = arrangeLog({ fileSystem, maxFileRecords: 1 });
      fileSystem.faults.set(step, 'EIO');
      offer('a', 'b');
      await log.flush();
      expect(observer.droppedByReason).toEqual({ 'write failed': 1 });
      fileSystem.faults.clear();
      clock.advance(1000);
      offer('c');
      await log.flush();
      expect(await readFiles(folder)).toEqual([
        { name: `${nameOf(1)}.open`, records: ['a'] },
        { name: nameOf(2), records: ['c'] },
      ]);
      expect(observer.failures.map(({ code }) => code)).toEqual(['UNAVAILABLE']);
      expect(fileSystem.open).toBe(0);
    },
  );

  it('notices that its folder is gone, and makes it anew', async () => {
    const folder = join(temporaryFolder(), 'logs');
    const { clock, observer, log, offer } = arrangeLog({ filenamePrefix: join(folder, 'requests') });
    offer('a');
    await log.flush();
    rmSync(folder, { recursive: true });
    offer('b');
    await log.flush();
    expect(observer.dropped).toEqual([{ model: 'b', reason: 'write failed' }]);
    expect(observer.failures.map(({ code, message }) => [code, message])).toEqual([
      ['UNAVAILABLE', `Cannot write request log ${join(folder, 'requests')}: the file was removed`],
    ]);
    clock.advance(1000);
    offer('c');
    await log.close();
    expect((await readFiles(folder)).map(({ records }) => records)).toEqual([['c']]);
  });

  it('notices that its folder is gone when the file is to be completed', async () => {
    const folder = join(temporaryFolder(), 'logs');
    const { clock, observer, log, offer } = arrangeLog({ filenamePrefix: join(folder, 'requests') });
    offer('a');
    await log.flush();
    rmSync(folder, { recursive: true });
    clock.advance(3_600_000);
    await log.flush();
    expect(observer.failures.map(({ code }) => code)).toEqual(['UNAVAILABLE']);
    expect(clock.pending).toBe(0);
  });

  it('does not go round in circles where a file is in the way of its folder', async () => {
    const blocked = join(temporaryFolder(), 'a file');
    writeFileSync(blocked, '');
    const { observer, log, offer } = arrangeLog({ filenamePrefix: join(blocked, 'requests') });
    offer('a');
    await log.close();
    expect(observer.droppedByReason).toEqual({ 'write failed': 1 });
    expect(observer.failures).toHaveLength(1);
  });

  it('leaves what a process that crashed has left', async () => {
    const folder = temporaryFolder();
    const left = join(folder, `${nameOf(1)}.open`);
    writeFileSync(left, 'half a record');
    const { log, offer } = arrangeLog({ filenamePrefix: join(folder, 'requests') });
    offer('a');
    await log.close();
    expect(readdirSync(folder).sort()).toEqual([`${nameOf(1)}.open`, nameOf(2)]);
  });
});

describe('a collector', () => {
  it('is given the entries in place of the files, in order', async () => {
    const seen: RequestEntry[] = [];
    const { folder, observer, log } = arrangeLog({
      collector: { collect: (entry) => void seen.push(entry) },
    });
    const entries = ['a', 'b'].map((name) => entryOf(name));
    for (const entry of entries) log.offer(entry);
    expect(seen).toEqual([]);
    await log.close();
    expect(seen).toEqual(entries);
    expect(observer.logged).toEqual(['a', 'b'].map((model) => ({ model, bytes: 12 })));
    expect(readdirSync(folder)).toEqual([]);
  });

  it('holds up only the log, and what it throws or rejects with is told', async () => {
    const { uncaught } = collectUncaught();
    const ends: (() => void)[] = [];
    const collect = ({ spec: { model } }: RequestEntry): void | Promise<void> => {
      if (model === 'throws') throw new Error('thrown');
      if (model === 'rejects') return Promise.reject(new Error('rejected'));
      return new Promise((resolve) => ends.push(resolve));
    };
    const { observer, log, offer } = arrangeLog({ collector: { collect }, maxQueuedBytes: 3500 });
    expect(offer('throws', 'slow', 'rejects', 'more')).toEqual([true, true, true, false]);
    while (ends.length === 0) await nextTurn();
    expect(offer('more')).toEqual([false]);
    for (const end of ends) end();
    await log.flush();
    expect(observer.loggedNames).toEqual(['slow']);
    expect(observer.droppedByReason).toEqual({ 'queue full': 2, 'write failed': 2 });
    expect(observer.failures.map(({ code, message }) => [code, message])).toEqual([
      ['UNAVAILABLE', 'Cannot collect a request: thrown'],
      ['UNAVAILABLE', 'Cannot collect a request: rejected'],
    ]);
    expect(await uncaught()).toEqual([]);
  });
});

it('loses count of nothing, and every file reads back whole, whatever the disk does', async () => {
  const seed = Number(process.env.SEED ?? 20_231);
  const random = seededRandom(seed);
  const below = (limit: number) => Math.floor(random() * limit);
  const fileSystem = new FaultyFileSystem();
  const encode = (entry: RequestEntry) => {
    if (entry.spec.model.endsWith('0')) throw new Error('a number that cannot be encoded');
    return encodeName(entry);
  };
  const { clock, folder, observer, log } = arrangeLog({
    fileSystem,
    encode,
    maxFileBytes: 900,
    maxFileRecords: 20,
    maxFileAgeMs: 5000,
    maxQueuedBytes: 40_000,
  });
  let offered = 0;
  let refused = 0;
  const actions = [
    () => {
      for (let left = below(40); left > 0; left--)
        if (!log.offer(entryOf(`r${++offered}`, below(60) * (random() < 0.02 ? 20 : 1)))) refused++;
    },
    () => clock.advance(below(3000)),
    () => nextTurn(),
    () => nextTurn(),
    () => log.flush(),
    () => {
      fileSystem.faults.clear();
      fileSystem.freeBytes = random() < 0.5 ? below(2000) : Number.POSITIVE_INFINITY;
      fileSystem.mostWritten = random() < 0.5 ? 1 + below(300) : Number.POSITIVE_INFINITY;
      if (random() < 0.2) fileSystem.faults.set(random() < 0.5 ? 'write' : 'create', 'EIO');
    },
  ];
  for (let step = 0; step < 1500; step++) await actions[below(actions.length)]?.();
  await log.close();
  const files = await readFiles(folder);
  const reasons = observer.droppedByReason;
  const message = `seed ${seed}: ${JSON.stringify({ offered, refused, reasons, files: files.length })}`;
  expect(observer.logged.length + observer.dropped.length, message).toBe(offered);
  expect(
    files.flatMap(({ records }) => records),
    message,
  ).toEqual(observer.loggedNames);
  expect(
    files.every(({ name, records }) => name.endsWith('.tfrecord') && records.length <= 20),
    message,
  ).toBe(true);
  expect(Object.keys(reasons).sort(), message).toEqual(['encode failed', 'queue full', 'write failed']);
  expect([fileSystem.open, clock.pending], message).toEqual([0, 0]);
  expect(observer.logged.length, message).toBeGreaterThan(500);
});
