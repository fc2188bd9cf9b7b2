import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ModelServer } from 'servable';
import { expect, it } from 'vitest';
import { frameRecord, readRecords } from '#dist/wire/tfrecord.js';
import * as authored from '../support/onnx/authored-models.js';
import { temporaryFolder, writeModel } from '../support/onnx/model-folder.js';
import { describeShared, sharedFolder } from '../support/shared-folder.js';

const file = 'cases/tf-serving.json';

interface WarmupCase {
  readonly name: string;
  readonly kind: string;
  readonly request: Readonly<Record<string, string>>;
  readonly expect: {
    readonly load?: 'ok';
    readonly requests_run?: number;
    readonly load_error?: {
      readonly code: string;
      readonly message?: string;
      readonly message_contains?: string;
    };
  };
}

describeShared('warm-up cases of TF Serving', [file, 'tf-serving/warmup-fixtures'], () => {
  const folder = temporaryFolder();
  const fixtures = join(sharedFolder, 'tf-serving/warmup-fixtures');
  const all: readonly WarmupCase[] = JSON.parse(readFileSync(join(sharedFolder, file), 'utf8'));
  const cases = all.filter(({ kind }) => kind === 'warmup');

  async function write(what: string, target: string): Promise<void> {
    if (what === '(absent)') return;
    const first = readFileSync(join(fixtures, 'tf_serving_warmup_requests'));
    if (what === '(1000 x first record)') {
      for await (const record of readRecords(first)) {
        const frame = frameRecord(record);
        return writeFileSync(target, Buffer.concat(new Array<Uint8Array>(1000).fill(frame)));
      }
    }
    cpSync(join(fixtures, what.replace('fixtures/', '')), target);
  }

  it.each(cases.map((each, index) => [each.name, index, each] as const))(
    '%s',
    async (_name, index, wanted) => {
      const name = `m${index}`;
      const basePath = writeModel(folder, name, 1, authored.linear());
      mkdirSync(join(basePath, '1', 'assets.extra'));
      await write(
        wanted.request['assets.extra/tf_serving_warmup_requests'] as string,
        join(basePath, '1', 'assets.extra', 'tf_serving_warmup_requests'),
      );
      let run = 0;
      await using server = await new ModelServer({
        models: [{ name, basePath }],
        pollIntervalMs: 0,
        lifecycleObserver: {
          onWarmup: ({ requests }) => {
            run = requests;
          },
        },
      }).start();
      const [status] = server.status(name);
      const { load_error: error, requests_run: requests } = wanted.expect;
      if (error === undefined) {
        expect([status?.state, run]).toEqual(['AVAILABLE', requests]);
      } else {
        expect(status?.error ?? status?.retry?.error).toMatchObject({
          code: error.code,
          message: error.message ?? expect.stringContaining(error.message_contains as string),
        });
        expect(server.isReady({ model: name })).toBe(false);
      }
    },
  );

  it('are some', () => expect(cases.length).toBeGreaterThan(5));
});
