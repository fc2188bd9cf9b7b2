import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ModelServer, tensor } from 'servable';
import { describe, expect, it } from 'vitest';
import { linear } from '../support/onnx/authored-models.js';
import { temporaryFolder, writeModel } from '../support/onnx/model-folder.js';
import { runProgram } from '../support/program.js';

const folder = temporaryFolder();
let made = 0;

/** A model of which nothing is warmed up yet. */
function newModel(): { readonly basePath: string; readonly file: string } {
  const basePath = writeModel(folder, `linear${made++}`, 1, linear(2, 1));
  return { basePath, file: join(basePath, '1/assets.extra/tf_serving_warmup_requests') };
}

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

/** With how many rows a version is run before it is available. */
async function warmedUp(basePath: string): Promise<{ readonly requests: number; readonly runs: number }> {
  let told = { requests: 0, runs: 0 };
  const server = await new ModelServer({
    models: [{ name: 'm', basePath }],
    lifecycleObserver: { onWarmup: ({ requests, runs }) => (told = { requests, runs }) },
  }).start();
  expect(server.isReady()).toBe(true);
  await server.close();
  return told;
}

describe('servable warmup', () => {
  it('writes the bodies of REST requests, which a server then runs', async () => {
    const { basePath, file: written } = newModel();
    const lines = ['{"instances": [1, 2]}', '', '{"inputs": {"x": [3]}}', '{"examples": [{"x": 1.5}]}'];
    const ended = await runProgram(['warmup', basePath, '--json', file('lines.json', lines.join('\n'))]);
    expect(ended).toMatchObject({ code: 0, stderr: '' });
    expect(ended.stdout).toMatch(new RegExp(`^${written}: 3 requests, \\d+ B\n$`));
    expect(readdirSync(join(basePath, '1/assets.extra'))).toEqual(['tf_serving_warmup_requests']);
    expect(await warmedUp(basePath)).toEqual({ requests: 3, runs: 3 });
  });

  it('reads one request in many lines, from the standard input', async () => {
    const { basePath } = newModel();
    const input = JSON.stringify({ instances: [1] }, null, 2);
    expect((await runProgram(['warmup', basePath, '--json=-'], { input })).stdout).toContain(': 1 requests');
  });

  it('takes the requests of a request log, of one model where there are several', async () => {
    const { basePath } = newModel();
    const requestLog = { filenamePrefix: join(folder, 'log/all'), samplingRate: 1 };
    const server = await new ModelServer({
      models: ['a', 'b'].map((name) => ({ name, basePath, requestLog })),
    }).start();
    const x = tensor('float32', [1], [1]);
    await Promise.all(['a', 'b', 'b'].map((name) => server.predict(name, { x })));
    await server.close();
    const [log = ''] = readdirSync(join(folder, 'log'));
    const args = ['warmup', basePath, '--log', join(folder, 'log', log)];
    expect((await runProgram([...args, '--log_model=b'])).stdout).toContain(': 2 requests');
    expect((await runProgram([...args, '--force'])).stdout).toContain(': 3 requests');
    expect(await warmedUp(basePath)).toEqual({ requests: 3, runs: 3 });
  });

  it('makes requests up, with as many rows as they are to have', async () => {
    const { basePath } = newModel();
    const args = ['warmup', basePath, '--synthetic', '--batch_sizes=1,8,32'];
    expect((await runProgram(args)).stdout).toContain(': 3 requests');
    expect(await warmedUp(basePath)).toEqual({ requests: 3, runs: 3 });
    expect((await runProgram([...args, '--limit=2', '--force'])).stdout).toContain(': 2 requests');
  });

  it('does not replace a file unless it is told to', async () => {
    const { basePath, file: written } = newModel();
    await runProgram(['warmup', basePath, '--synthetic']);
    const before = readFileSync(written);
    const ended = await runProgram(['warmup', basePath, '--synthetic', '--batch_sizes=4']);
    expect(ended).toMatchObject({ code: 1, stdout: '' });
    expect(ended.stderr).toContain('it is there already; --force replaces it');
    expect(readFileSync(written)).toEqual(before);
  });

  it('writes nothing where the model does not answer a request, unless it is told not to ask it', async () => {
    const { basePath, file: written } = newModel();
    const bad = file('bad.json', '{"instances": [1]}\n{"instances": [[1]]}');
    const ended = await runProgram(['warmup', basePath, '--json', bad]);
    expect(ended).toMatchObject({ code: 1, stdout: '' });
    expect(ended.stderr).toMatch(/^servable: Cannot use request 2: Cannot run .*input "x" has shape \[1,1\]/);
    expect(existsSync(written)).toBe(false);
    const unchecked = await runProgram(['warmup', basePath, '--json', bad, '--unchecked']);
    expect(unchecked.stdout).toContain(': 2 requests, ');
    expect(unchecked.stdout).toContain('none of them run');
  });

  it.each<[string, readonly string[], number, RegExp]>([
    ['no requests', [], 2, /expected --json, --log or --synthetic/],
    [
      'a file without requests',
      ['--json', file('none.json', '')],
      1,
      /no request was found or could be made up/,
    ],
    ['a file that is not there', ['--json=/nowhere'], 2, /Cannot read \/nowhere: it does not exist/],
    ['a log that is not there', ['--log=/nowhere'], 1, /Cannot read \/nowhere: there is no such file/],
    [
      'a log that is none',
      ['--log', file('no.log', 'not a log of requests')],
      1,
      /Is this even a TFRecord file/,
    ],
    [
      'a line that is none',
      ['--json', file('l.json', '{"instances": [1]}\n[1]')],
      1,
      /the request on line 2: .*Is not object/,
    ],
    [
      'a batch size that is none',
      ['--synthetic', '--batch_sizes=1,0'],
      2,
      /Expected an integer of at least 1/,
    ],
    [
      'more than a file may hold',
      ['--synthetic', '--limit=2000', `--batch_sizes=${Array(1001).fill(1)}`],
      1,
      /Cannot write 1001 warm-up requests/,
    ],
  ])('refuses %s', async (_what, args, code, message) => {
    const { basePath, file: written } = newModel();
    const ended = await runProgram(['warmup', basePath, ...args]);
    expect(ended.stderr).toMatch(message);
    expect(ended).toMatchObject({ code, stdout: '' });
    expect(existsSync(written)).toBe(false);
  });

  it('refuses a file that lies in no version directory', async () => {
    const model = join(folder, 'lone.onnx');
    writeFileSync(model, linear());
    const { code, stderr } = await runProgram(['warmup', model, '--synthetic']);
    expect(code).toBe(2);
    expect(stderr).toMatch(/it is in no version directory/);
  });
});
