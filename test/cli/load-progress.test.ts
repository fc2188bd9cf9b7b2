import { expect, it } from 'vitest';
import { LineLog } from '#dist/cli/line-log.js';
import { LoadProgress } from '#dist/cli/serve/load-progress.js';
import { FakeClock } from '../support/fake-clock.js';
import { temporaryFolder, writeModel } from '../support/onnx/model-folder.js';

const basePath = writeModel(temporaryFolder(), 'large', 7, new Uint8Array(1_500_000));
const id = { model: 'large', version: 7 };

function follow(basePathOf: (model: string) => string | undefined) {
  const clock = new FakeClock();
  const lines: string[] = [];
  const logger = new LineLog({ format: 'text', level: 'info', write: (line) => lines.push(line.slice(31)) });
  return { clock, lines, progress: new LoadProgress({ logger, clock, basePath: basePathOf }) };
}

it('says every ten seconds what is loading, how large it is and for how long', async () => {
  const { clock, lines, progress } = follow(() => basePath);
  progress.onState({ id, state: 'START' });
  progress.onState({ id, state: 'LOADING' });
  clock.advance(5000);
  progress.onState({ id, state: 'LOADING' }); // an attempt after another
  while (lines.length === 0 || !lines.at(-1)?.includes('MB')) {
    await new Promise((done) => setImmediate(done));
    clock.advance(5000);
  }
  expect(lines[0]).toMatch(/^large@7 has been loading for 10 s/);
  expect(lines.at(-1)).toMatch(/^large@7 has been loading for \d+0 s, 1.5 MB\n$/);
  progress.onState({ id, state: 'AVAILABLE' });
  expect(clock.pending).toBe(0);
});

it('says no size of what lies far away', () => {
  const { clock, lines, progress } = follow(() => 's3://bucket/large');
  progress.onState({ id, state: 'LOADING' });
  clock.advance(20_000);
  expect(lines).toEqual(['large@7 has been loading for 10 s\n', 'large@7 has been loading for 20 s\n']);
  progress.close();
  expect(clock.pending).toBe(0);
});
