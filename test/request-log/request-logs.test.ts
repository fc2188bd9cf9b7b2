import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { RequestEntry } from '#dist/request-log/request-entry.js';
import type { RequestLogConfig } from '#dist/request-log/request-log-config.js';
import { RequestLogs } from '#dist/request-log/request-logs.js';
import { FakeClock } from '../support/fake-clock.js';
import { rejection } from '../support/rejection.js';
import {
  encodeName,
  entryOf,
  RecordingObserver,
  readFiles,
  readNames,
  temporaryFolder,
} from '../support/request-log.js';

function arrange() {
  const clock = new FakeClock();
  const observer = new RecordingObserver();
  const folder = temporaryFolder();
  const logs = new RequestLogs({ encode: encodeName, clock, observer });
  onTestFinished(() => logs.close());
  const configure = (configs: Record<string, RequestLogConfig | undefined>) =>
    logs.configure(new Map(Object.entries(configs)));
  const config = (more: RequestLogConfig = {}): RequestLogConfig => ({
    filenamePrefix: join(folder, 'requests'),
    samplingRate: 1,
    ...more,
  });
  return { clock, observer, folder, logs, configure, config };
}

describe('RequestLogs', () => {
  it('has one log for models whose configurations are equal, defaults included', async () => {
    const { folder, logs, configure, config } = arrange();
    await configure({ a: config(), b: config({ maxFileRecords: 1000 }), c: config({ samplingRate: 0.5 }) });
    expect(logs.for('a')).toBeDefined();
    expect(logs.for('b')).toBe(logs.for('a'));
    expect(logs.for('c')).not.toBe(logs.for('a'));
    logs.for('a')?.offer(entryOf('a'));
    logs.for('b')?.offer(entryOf('b'));
    await logs.close();
    expect((await readFiles(folder)).map(({ records }) => records)).toEqual([['a', 'b']]);
  });

  it('has no log for models that log nothing', async () => {
    const { logs, configure, config } = arrange();
    await configure({ none: undefined, zero: config({ samplingRate: 0 }), unset: { filenamePrefix: 'x' } });
    expect(['none', 'zero', 'unset', 'unknown'].map((model) => logs.for(model))).toEqual(
      Array(4).fill(undefined),
    );
  });

  it('tells collectors apart by which they are', async () => {
    const seen: RequestEntry[] = [];
    const collector = { collect: (entry: RequestEntry) => void seen.push(entry) };
    const other = { collect: () => {} };
    const { logs, configure } = arrange();
    await configure({
      a: { collector, samplingRate: 1 },
      b: { collector, samplingRate: 1, filenamePrefix: 'means nothing beside a collector' },
      c: { collector: other, samplingRate: 1 },
    });
    expect(logs.for('b')).toBe(logs.for('a'));
    expect(logs.for('c')).not.toBe(logs.for('a'));
    logs.for('a')?.offer(entryOf('a'));
    await logs.flush();
    expect(seen.map(({ spec }) => spec.model)).toEqual(['a']);
  });

  it('goes on with the logs that are still wanted, and closes the others with what they have', async () => {
    const { observer, folder, logs, configure, config } = arrange();
    const gone = config({ filenamePrefix: join(folder, 'gone') });
    await configure({ a: config(), b: gone });
    const [kept, old] = [logs.for('a'), logs.for('b')];
    old?.offer(entryOf('b'));
    const configured = configure({ c: config(), d: config({ samplingRate: 0.5 }) });
    expect(logs.for('c')).toBe(kept); // from now on, not from when the others are closed
    expect([logs.for('a'), logs.for('b')]).toEqual([undefined, undefined]);
    await configured;
    expect(old?.offer(entryOf('late'))).toBe(false);
    expect(observer.dropped).toEqual([{ model: 'late', reason: 'closed' }]);
    expect((await readFiles(folder)).map(({ records }) => records)).toEqual([['b']]);
    expect(readdirSync(folder)[0]).toMatch(/^gone-\d{8}T\d{9}Z-\d+-000001\.tfrecord$/);
  });

  it('changes nothing where one configuration is wrong', async () => {
    const { logs, configure, config } = arrange();
    await configure({ a: config() });
    const before = logs.for('a');
    const error = await rejection(configure({ a: undefined, b: config({ samplingRate: 2 }) }));
    expect([error.code, error.option]).toEqual(['INVALID_ARGUMENT', 'requestLog of b.samplingRate']);
    expect(logs.for('a')).toBe(before);
    expect(before?.offer(entryOf('a'))).toBe(true);
  });

  it('closes all logs once, those included that are being closed, and is not configured any more', async () => {
    const { folder, logs, configure, config } = arrange();
    await configure({ a: config(), b: config({ filenamePrefix: join(folder, 'other') }) });
    logs.for('a')?.offer(entryOf('a'));
    logs.for('b')?.offer(entryOf('b'));
    const configured = configure({ a: config() });
    const closed = logs.close();
    expect(logs.close()).toBe(closed);
    await closed;
    expect(readdirSync(folder).every((name) => name.endsWith('.tfrecord'))).toBe(true);
    await configured;
    expect((await rejection(configure({}))).code).toBe('FAILED_PRECONDITION');
  });
});

it('does not keep a process alive, which leaves a file of whole records when it does not close its log', async () => {
  const folder = temporaryFolder();
  const program = `
    import { RequestLog } from '#dist/request-log/request-log.js';
    const encode = ({ spec }) => new TextEncoder().encode(spec.model);
    const log = new RequestLog({ filenamePrefix: ${JSON.stringify(join(folder, 'requests'))}, samplingRate: 1, encode });
    const spec = { version: 1, signature: 'serving_default' };
    for (const model of ['a', 'b']) log.offer({ spec: { ...spec, model }, inputs: {}, outputs: {}, timestampSecs: 0 });
  `;
  await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', program], {
    timeout: 30_000,
  });
  const [name = '', ...others] = readdirSync(folder);
  expect([name.endsWith('.tfrecord.open'), others]).toEqual([true, []]);
  expect(await readNames(join(folder, name))).toEqual(['a', 'b']);
});
