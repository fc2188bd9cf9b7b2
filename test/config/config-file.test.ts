import { chmodSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { getuid } from 'node:process';
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { ConfigFile, type ConfigFileOptions } from '#dist/config/config-file.js';
import { parseModelConfig } from '#dist/config/model-config.js';
import { type ReadFile, readNodeFile } from '#dist/config/text-file.js';
import { type Deferred, deferred } from '#dist/core/deferred.js';
import { ServingError } from '#dist/core/errors.js';
import { caught } from '../support/caught.js';
import { FakeClock } from '../support/fake-clock.js';
import { temporaryFolder } from '../support/onnx/model-folder.js';
import { rejection } from '../support/rejection.js';
import { allTurns } from '../support/turns.js';
import { collectUncaught } from '../support/uncaught.js';

const folder = temporaryFolder();
let path = '';
let count = 0;
beforeEach(() => {
  mkdirSync(join(folder, String(count)));
  path = join(folder, String(count++), 'models.config');
});
const write = (text: string | Uint8Array) => writeFileSync(path, text);

/** A config of these words; `bad` is none. */
function parseWords(text: string): readonly string[] {
  if (text.includes('bad')) throw new ServingError('INVALID_ARGUMENT', `Cannot parse ${text}`);
  return text.trim().split(' ');
}

interface Heard {
  readonly configs: string[];
  readonly failures: string[];
}

function arrange(options: Partial<ConfigFileOptions<readonly string[]>> = {}) {
  const heard: Heard = { configs: [], failures: [] };
  const clock = new FakeClock();
  const file = new ConfigFile<readonly string[]>({
    path,
    clock,
    parse: parseWords,
    onConfig: (config) => void heard.configs.push(config.join(' ')),
    onFailure: (error) => void heard.failures.push(error.message),
    ...options,
  });
  return { heard, clock, file };
}

/** A file system that answers when it is told. */
class SlowFile {
  readonly reads: Deferred<Uint8Array>[] = [];

  readonly readFile: ReadFile = () => {
    const read = deferred<Uint8Array>();
    this.reads.push(read);
    return read.promise;
  };

  async answer(text: string, read = this.reads.length - 1): Promise<void> {
    this.reads[read]?.resolve(Buffer.from(text));
    await allTurns();
  }
}

/** A file system with these contents and errors, one for each read; the last for all that follow. */
function scriptedFile(...script: (string | Error)[]): ReadFile {
  let next = 0;
  return async () => {
    const outcome = script[Math.min(next++, script.length - 1)] as string | Error;
    if (typeof outcome === 'string') return Buffer.from(outcome);
    throw outcome;
  };
}

const systemError = (code: string) => Object.assign(new Error(`${code}: it is broken, open`), { code });

describe('the first read of a config file', () => {
  it('gives its config to the caller, and to nobody else', async () => {
    write('a b');
    const { file, heard } = arrange();
    expect(await file.read()).toEqual(['a', 'b']);
    await file.poll();
    expect(heard).toEqual({ configs: [], failures: [] });
  });

  it.each<[string, () => void, string, string]>([
    ['is missing', () => {}, 'NOT_FOUND', "Cannot read config file '<path>': it does not exist"],
    [
      'is a directory',
      () => mkdirSync(path),
      'FAILED_PRECONDITION',
      "Cannot read config file '<path>': it is a directory",
    ],
    [
      'lies below a file',
      () => {
        write('');
        path = join(path, 'models.config');
      },
      'FAILED_PRECONDITION',
      "Cannot read config file '<path>': its path leads through a file",
    ],
    [
      'is a link to itself',
      () => symlinkSync('models.config', path),
      'UNAVAILABLE',
      "Cannot read config file '<path>': ELOOP",
    ],
    [
      'is not UTF-8',
      () => write(Buffer.from('a\nb\n\xc3\xa9 \xe9\n\xff', 'latin1')),
      'INVALID_ARGUMENT',
      "Invalid protobuf file: '<path>': it is not UTF-8 (line 3)",
    ],
    ['cannot be parsed', () => write('bad'), 'INVALID_ARGUMENT', 'Cannot parse bad'],
  ])('rejects where it %s', async (_what, arrangeIt, code, message) => {
    arrangeIt();
    const { file, heard } = arrange();
    const error = await rejection(file.read());
    expect(error.code).toBe(code);
    expect(error.message).toContain(message.replace('<path>', path));
    expect(heard).toEqual({ configs: [], failures: [] });
  });

  it.skipIf(getuid?.() === 0)('rejects where this process may not read it', async () => {
    write('a');
    chmodSync(path, 0);
    expect(await rejection(arrange().file.read())).toMatchObject({ code: 'PERMISSION_DENIED' });
  });

  it.each([
    ['EACCES', 'PERMISSION_DENIED', 'this process has no permission to read it'],
    ['EPERM', 'PERMISSION_DENIED', 'this process has no permission to read it'],
    ['EIO', 'UNAVAILABLE', 'EIO: it is broken, open'],
    ['EMFILE', 'UNAVAILABLE', 'EMFILE: it is broken, open'],
    ['ESTALE', 'UNAVAILABLE', 'ESTALE: it is broken, open'],
  ])('rejects where it meets %s, with %s', async (systemCode, code, what) => {
    const { file } = arrange({ readFile: scriptedFile(systemError(systemCode)) });
    expect(await rejection(file.read())).toMatchObject({
      code,
      message: `Cannot read config file '${path}': ${what}`,
      cause: { code: systemCode },
    });
  });

  it('rejects where the file is larger than allowed, without reading all of it', async () => {
    write('x'.repeat(200_000));
    const lengths: number[] = [];
    const readFile: ReadFile = async (...args) => {
      const bytes = await readNodeFile(...args);
      lengths.push(bytes.length);
      return bytes;
    };
    expect(await rejection(arrange({ readFile, maxFileBytes: 100_000 }).file.read())).toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: `Cannot read config file '${path}': it is larger than 100000 bytes`,
    });
    expect(lengths).toEqual([100_001]);
    expect(await arrange({ maxFileBytes: 200_000 }).file.read()).toHaveLength(1);
  });

  it('rejects where the file system does not answer in time, and leaves no timer behind', async () => {
    const slow = new SlowFile();
    const { file, clock } = arrange({ readFile: slow.readFile });
    const outcome = rejection(file.read());
    await allTurns();
    clock.advance(9999);
    expect(clock.pending).toBe(1);
    clock.advance(1);
    expect(await outcome).toMatchObject({
      code: 'UNAVAILABLE',
      retryable: true,
      message: `Cannot read config file '${path}': its file system has not answered within 10000 ms`,
    });
    expect(clock.pending).toBe(0);
  });

  it('parses an empty file like any other', async () => {
    write('\n');
    const file = new ConfigFile({
      path,
      parse: (text) => parseModelConfig(text, { file: path }),
      onConfig: () => {},
      onFailure: () => {},
    });
    expect(await file.read()).toEqual({ noAction: true });
  });

  it('may be tried again', async () => {
    const { file } = arrange();
    await rejection(file.read());
    write('a');
    expect(await file.read()).toEqual(['a']);
  });
});

describe('a config file that is followed', () => {
  it('gives each change once', async () => {
    write('a');
    const { file, heard } = arrange();
    await file.start();
    await file.poll();
    write('b');
    await file.poll();
    await file.poll();
    write('a');
    await file.poll();
    expect(heard).toEqual({ configs: ['a', 'b', 'a'], failures: [] });
  });

  it('sees a change that leaves the size and the time of modification as they were', async () => {
    write('a');
    const { file, heard } = arrange({ readFile: scriptedFile('a', 'b') });
    await file.start();
    await file.poll();
    expect(heard.configs).toEqual(['a', 'b']);
  });

  it('sees each swap of the links of a Kubernetes ConfigMap', async () => {
    const volume = join(path, '..');
    const swap = (revision: string, text: string) => {
      mkdirSync(join(volume, revision));
      writeFileSync(join(volume, revision, 'models.config'), text);
      symlinkSync(revision, join(volume, '..data_tmp'));
      renameSync(join(volume, '..data_tmp'), join(volume, '..data'));
    };
    swap('..2026_1', 'a');
    symlinkSync(join('..data', 'models.config'), path);
    const { file, heard, clock } = arrange({ pollIntervalMs: 1000 });
    const lookAgain = async () => {
      clock.advance(1000);
      await file.poll();
      await allTurns();
    };
    await file.start();
    swap('..2026_2', 'b');
    rmSync(join(volume, '..2026_1'), { recursive: true });
    await lookAgain();
    swap('..2026_3', 'c');
    rmSync(join(volume, '..2026_2'), { recursive: true });
    await lookAgain();
    await lookAgain();
    file.close();
    expect([heard, clock.pending]).toEqual([{ configs: ['a', 'b', 'c'], failures: [] }, 0]);
  });

  it('looks when the interval is over, again and again, until it is closed', async () => {
    const { file, heard, clock } = arrange({
      pollIntervalMs: 500,
      readFile: scriptedFile('a', 'b', 'c', 'd'),
    });
    expect(await file.read()).toEqual(['a']);
    await file.start();
    const given: number[] = [];
    for (const ms of [499, 1, 499, 1]) {
      clock.advance(ms);
      await allTurns();
      given.push(heard.configs.length);
    }
    file.close();
    clock.advance(10_000);
    await allTurns();
    expect([given, heard.configs, clock.pending]).toEqual([[0, 1, 1, 2], ['b', 'c'], 0]);
  });

  it('looks once where no interval is set', async () => {
    const { file, heard, clock } = arrange({ readFile: scriptedFile('a', 'b') });
    await Promise.all([file.start(), file.start()]);
    expect([heard.configs, clock.pending]).toEqual([['a'], 0]);
  });

  it('looks when it starts, if the first read has failed', async () => {
    const { file, heard } = arrange({ readFile: scriptedFile(systemError('EIO'), 'a') });
    await rejection(file.read());
    await file.start();
    expect(heard).toEqual({ configs: ['a'], failures: [] });
  });

  it.each(['', ' \n', '\uFEFF\n'])(
    'takes no notice of it while it is %j, as when it is written anew',
    async (blank) => {
      const { file, heard } = arrange({ readFile: scriptedFile('a', blank, 'a', blank, 'b') });
      await file.start();
      for (let look = 1; look < 5; look++) await file.poll();
      expect(heard).toEqual({ configs: ['a', 'b'], failures: [] });
    },
  );

  it('changes nothing where it cannot be read or parsed, says so once for each reason, and heals', async () => {
    const script = [
      ...['a', systemError('EIO'), systemError('EIO'), 'bad 1', 'bad 1', 'bad 2'],
      ...['a', 'bad 2', 'b', systemError('ENOENT'), 'b', systemError('ENOENT')],
    ];
    const { file, heard } = arrange({ readFile: scriptedFile(...script) });
    await file.start();
    for (let look = 1; look < script.length; look++) await file.poll();
    expect(heard.configs).toEqual(['a', 'b']);
    expect(
      heard.failures.map((message) => message.replace(`Cannot read config file '${path}': `, '')),
    ).toEqual([
      ...['EIO: it is broken, open', 'Cannot parse bad 1', 'Cannot parse bad 2', 'Cannot parse bad 2'],
      ...['it does not exist', 'it does not exist'],
    ]);
  });

  it('does not parse again what could not be parsed', async () => {
    const texts: string[] = [];
    const parse = (text: string) => {
      texts.push(text);
      return parseWords(text);
    };
    const { file } = arrange({ parse, readFile: scriptedFile('bad', 'bad', 'bad', 'a', 'a', 'bad') });
    for (let look = 0; look < 6; look++) await file.poll();
    expect(texts).toEqual(['bad', 'a', 'bad']);
  });

  it('vanishes and comes back without a word but the failure', async () => {
    write('a');
    const { file, heard } = arrange();
    await file.start();
    renameSync(path, `${path}.away`);
    await file.poll();
    await file.poll();
    renameSync(`${path}.away`, path);
    await file.poll();
    expect(heard).toEqual({
      configs: ['a'],
      failures: [`Cannot read config file '${path}': it does not exist`],
    });
  });

  it('reports what is no ServingError as one', async () => {
    const failures: ServingError[] = [];
    const parse = () => {
      throw new TypeError('a mistake of the parser');
    };
    const { file } = arrange({
      parse,
      readFile: scriptedFile('a'),
      onFailure: (error) => void failures.push(error),
    });
    await file.start();
    expect(failures[0]).toBeInstanceOf(ServingError);
    expect(failures[0]).toMatchObject({ code: 'INTERNAL', message: 'a mistake of the parser' });
  });

  it('does not hide what the listener throws, and goes on', async () => {
    const { uncaught } = collectUncaught();
    const mistake = new Error('a mistake of the listener');
    const { file, heard } = arrange({
      readFile: scriptedFile('bad', 'a'),
      onFailure: () => {
        throw mistake;
      },
    });
    await file.start();
    await file.poll();
    expect(heard.configs).toEqual(['a']);
    expect(await uncaught()).toEqual([mistake]);
  });
});

describe('a config that the application cannot take over', () => {
  it('is given again at each look, and its failure told when it is another', async () => {
    const outcomes = ['no memory', 'no memory', 'no disk', ''];
    const given: string[] = [];
    const { file, heard } = arrange({
      readFile: scriptedFile('a'),
      onConfig: async ([word = '']) => {
        given.push(word);
        const reason = outcomes[given.length - 1];
        if (reason !== '') throw new ServingError('FAILED_PRECONDITION', `There is ${reason}`);
      },
    });
    for (let look = 0; look < 6; look++) await file.poll();
    expect(given).toEqual(['a', 'a', 'a', 'a']);
    expect(heard.failures).toEqual(['There is no memory', 'There is no disk']);
  });

  it('leaves open what is in force, so that the one before is given again too', async () => {
    const given: string[] = [];
    const { file, heard } = arrange({
      readFile: scriptedFile('a', 'b', 'a'),
      onConfig: ([word = '']) => {
        given.push(word);
        if (word === 'b') throw new Error('half-way');
      },
    });
    for (let look = 0; look < 4; look++) await file.poll();
    expect([given, heard.failures]).toEqual([['a', 'b', 'a'], ['half-way']]);
  });
});

describe('one thing after the other', () => {
  it('does not read while it reads, and shares the next look among all who ask', async () => {
    const slow = new SlowFile();
    const { file, heard } = arrange({ readFile: slow.readFile });
    const started = file.start();
    await allTurns();
    const polls = [file.poll(), file.poll(), file.poll()];
    await allTurns();
    expect(slow.reads).toHaveLength(1);
    await slow.answer('a');
    await started;
    expect(slow.reads).toHaveLength(2);
    await slow.answer('b');
    await Promise.all(polls);
    expect([heard.configs, slow.reads.length]).toEqual([['a', 'b'], 2]);
  });

  it('does not look while a config is being taken over', async () => {
    const slow = new SlowFile();
    const taken = deferred<void>();
    const given: string[] = [];
    const { file, clock } = arrange({
      pollIntervalMs: 1000,
      readFile: slow.readFile,
      onConfig: ([word = '']) => {
        given.push(word);
        return taken.promise;
      },
    });
    const started = file.start();
    await allTurns();
    await slow.answer('a');
    const next = file.poll();
    clock.advance(60_000);
    await allTurns();
    expect([given, slow.reads.length]).toEqual([['a'], 1]);
    taken.resolve();
    await started;
    await allTurns();
    await slow.answer('b');
    await next;
    expect(given).toEqual(['a', 'b']);
  });

  it('does not start a second read while the first hangs, tells that once, and goes on when it has ended', async () => {
    const slow = new SlowFile();
    const { file, heard, clock } = arrange({ pollIntervalMs: 1000, readFile: slow.readFile });
    const started = file.start();
    await allTurns();
    clock.advance(10_000);
    await started;
    for (let look = 0; look < 3; look++) {
      clock.advance(1000);
      await allTurns();
    }
    expect([slow.reads.length, heard.failures]).toEqual([
      1,
      [`Cannot read config file '${path}': its file system has not answered within 10000 ms`],
    ]);
    await slow.answer('old');
    expect(heard.configs).toEqual([]);
    clock.advance(1000);
    await allTurns();
    await slow.answer('new');
    expect([heard.configs, heard.failures.length]).toEqual([['new'], 1]);
    file.close();
    expect(clock.pending).toBe(0);
  });

  it('passes by a late failure of a read that was given up', async () => {
    const { uncaught } = collectUncaught();
    const slow = new SlowFile();
    const { file, heard, clock } = arrange({ readFile: slow.readFile });
    const started = file.start();
    await allTurns();
    clock.advance(10_000);
    await started;
    slow.reads[0]?.reject(systemError('EIO'));
    expect(await uncaught()).toEqual([]);
    expect(heard.failures).toHaveLength(1);
  });
});

describe('closing a config file', () => {
  it('settles what waits for a read, and tells nothing of it', async () => {
    const slow = new SlowFile();
    const { file, heard, clock } = arrange({ pollIntervalMs: 1000, readFile: slow.readFile });
    const started = file.start();
    const next = file.poll();
    await allTurns();
    file.close();
    await Promise.all([started, next]);
    await slow.answer('a');
    expect([heard, slow.reads.length, clock.pending]).toEqual([{ configs: [], failures: [] }, 1, 0]);
  });

  it('gives nothing that was read in the same moment', async () => {
    const slow = new SlowFile();
    const { file, heard } = arrange({ readFile: slow.readFile });
    const started = file.start();
    const first = arrange({ readFile: slow.readFile });
    const read = rejection(first.file.read());
    await allTurns();
    for (const each of slow.reads) each.resolve(Buffer.from('a'));
    for (let turn = 0; turn < 2; turn++) await Promise.resolve();
    file.close();
    first.file.close();
    await started;
    expect((await read).code).toBe('CANCELLED');
    expect(heard).toEqual({ configs: [], failures: [] });
  });

  it('rejects the first read under way, and all that is asked for afterwards', async () => {
    const slow = new SlowFile();
    const { file, clock } = arrange({ readFile: slow.readFile });
    const read = rejection(file.read());
    await allTurns();
    file.close();
    file.close();
    expect(await read).toMatchObject({
      code: 'CANCELLED',
      message: `Config file '${path}' was closed while it was read`,
    });
    expect(await rejection(file.read())).toMatchObject({
      code: 'FAILED_PRECONDITION',
      message: `Cannot read config file '${path}': it has been closed`,
    });
    expect(await rejection(file.start())).toMatchObject({
      code: 'FAILED_PRECONDITION',
      message: `Cannot follow config file '${path}': it has been closed`,
    });
    await file.poll();
    expect([slow.reads.length, clock.pending]).toEqual([1, 0]);
  });

  it.each(['resolves', 'rejects'] as const)(
    'settles what waits for the application, which %s later',
    async (how) => {
      const { uncaught } = collectUncaught();
      const taken = deferred<void>();
      const { file, heard, clock } = arrange({
        pollIntervalMs: 1000,
        readFile: scriptedFile('a'),
        onConfig: () => taken.promise,
      });
      const started = file.start();
      await allTurns();
      file.close();
      await started;
      if (how === 'resolves') taken.resolve();
      else taken.reject(new Error('too late'));
      expect(await uncaught()).toEqual([]);
      expect([heard.failures, clock.pending]).toEqual([[], 0]);
    },
  );

  it('may be done by the application, in the middle of taking a config over', async () => {
    const { file, heard, clock } = arrange({
      pollIntervalMs: 1000,
      readFile: scriptedFile('a'),
      onConfig: () => file.close(),
    });
    await file.start();
    expect([heard.failures, clock.pending]).toEqual([[], 0]);
  });
});

describe('the options of a config file', () => {
  it.each([
    ['path', ''],
    ['pollIntervalMs', -1],
    ['pollIntervalMs', Number.NaN],
    ['pollIntervalMs', Number.POSITIVE_INFINITY],
    ['readTimeoutMs', 0],
    ['maxFileBytes', 0],
    ['maxFileBytes', 1.5],
  ])('%s is refused where it is %j', (option, value) => {
    expect(caught(() => arrange({ [option]: value }))).toMatchObject({ code: 'INVALID_ARGUMENT', option });
  });
});

describe('whatever the file and the application do', () => {
  type Step = { readonly text: string } | { readonly code: string };
  const step: fc.Arbitrary<Step> = fc.oneof(
    fc.record({ text: fc.constantFrom('a', 'b', 'c', '', ' \n', 'bad', 'bad bad') }),
    fc.record({ code: fc.constantFrom('ENOENT', 'EIO') }),
  );

  it('nothing is given twice in a row that was taken over, and the last good content is in force in the end', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(step, fc.boolean()), { maxLength: 30 }),
        fc.constantFrom('a', 'b'),
        async (steps, last) => {
          const script = steps.map(([each]) => ('text' in each ? each.text : systemError(each.code)));
          const given: { word: string; isTaken: boolean }[] = [];
          const refusals = steps.map(([, isRefused]) => isRefused);
          const { file, heard } = arrange({
            readFile: scriptedFile(...script, last),
            onConfig: async ([word = '']) => {
              const isTaken = refusals.pop() !== true;
              given.push({ word, isTaken });
              if (!isTaken) throw new Error(`refused ${word}`);
            },
          });
          for (let look = 0; look < 2 * steps.length + 2; look++) await file.poll();
          expect(given.at(-1)).toEqual({ word: last, isTaken: true });
          for (const [index, { word }] of given.entries()) {
            const before = given[index - 1];
            if (before?.isTaken) expect(word).not.toBe(before.word);
          }
          expect(given.every(({ word }) => ['a', 'b', 'c'].includes(word))).toBe(true);
          for (const [index, message] of heard.failures.entries()) {
            const before = heard.failures[index - 1];
            const isAnother = message !== before || given.some(({ isTaken }) => isTaken);
            expect(isAnother).toBe(true);
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});
