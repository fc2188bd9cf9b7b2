import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Certificates, hasOpenssl } from '../support/certificates.js';
import { GrpcClient, grpc } from '../support/grpc.js';
import { linear, spinByValue } from '../support/onnx/authored-models.js';
import { temporaryFolder, writeModel } from '../support/onnx/model-folder.js';
import { freePorts, runProgram, type ServedProgram, serveProgram, startProgram } from '../support/program.js';
import { warmupOf } from '../support/warmup.js';

const folder = temporaryFolder();
const digits = resolve('examples/models/digits');
const ofDigits = ['--model_name=digits', `--model_base_path=${digits}`];
const atOnce = '--lame_duck_seconds=0';
/** A run of this model takes as many turns as its input says: for ever, as far as a test is concerned. */
const endless = 1e12;

function file(name: string, contents: unknown): string {
  const path = join(folder, name);
  writeFileSync(path, typeof contents === 'string' ? contents : JSON.stringify(contents));
  return path;
}

const post = (url: string, body: unknown) => fetch(url, { method: 'POST', body: JSON.stringify(body) });
const blank = { instances: [Array(64).fill(0)] };

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((done) => setImmediate(done));
}

const status = async (url: string) => (await fetch(url)).status;
const untilReady = ({ rest }: ServedProgram) => until(async () => (await status(`${rest}/readyz`)) === 200);

describe('servable serve', () => {
  it('answers over REST and gRPC, and says where', async () => {
    const program = await serveProgram([...ofDigits, atOnce]);
    await program.said(/digits: version 3 from .*digits$/m);
    const answer = await post(`${program.rest}/v1/models/digits:predict`, blank);
    expect(answer.headers.get('x-model-version')).toBe('3');
    const client = new GrpcClient(program.grpc);
    const { model_version_status } = await client.call('GetModelStatus', {
      model_spec: { name: 'digits' },
    });
    expect(model_version_status).toMatchObject([{ version: '3', state: 'AVAILABLE' }]);
    expect(await client.call('Health/Check', { service: 'digits' })).toEqual({ status: 'SERVING' });
    client.close();
    program.child.kill('SIGTERM');
    expect(await program.ended).toMatchObject({ code: 0, stdout: '' });
  });

  it.each(['SIGTERM', 'SIGINT'] as const)('ends with 0 after %s', async (signal) => {
    const program = await serveProgram([...ofDigits, atOnce]);
    await program.said(/digits: version 3/);
    program.child.kill(signal);
    const { code, stderr } = await program.ended;
    expect({ code, isClosed: stderr.trimEnd().endsWith('Closed') }).toEqual({ code: 0, isClosed: true });
  });

  it('says that it is not ready first, and serves on meanwhile', async () => {
    const program = await serveProgram([...ofDigits, '--lame_duck_seconds=3600']);
    await untilReady(program);
    const client = new GrpcClient(program.grpc);
    program.child.kill('SIGTERM');
    await until(async () => (await status(`${program.rest}/readyz`)) === 503);
    expect(await client.call('Health/Check', { service: 'digits' })).toEqual({ status: 'NOT_SERVING' });
    expect((await post(`${program.rest}/v1/models/digits:predict`, blank)).status).toBe(200);
    const request = { model_spec: { name: 'digits' } };
    expect((await client.call('GetModelStatus', request)).model_version_status).toHaveLength(1);
    client.close();
    program.child.kill('SIGTERM');
    expect((await program.ended).code).toBe(143);
  });

  it('stops taking requests after the time of serving on, and ends', async () => {
    const program = await serveProgram([...ofDigits, '--lame_duck_seconds=0.3']);
    await untilReady(program);
    program.child.kill('SIGTERM');
    expect((await program.ended).code).toBe(0);
    await expect(fetch(`${program.rest}/readyz`)).rejects.toThrow('fetch failed');
  });

  describe('with a request under way', () => {
    const basePath = writeModel(folder, 'spin', 1, spinByValue());
    const config = file('spin.json', { models: [{ name: 'spin', basePath }], rest: { metrics: {} } });

    async function serveAsked(turns: number, ...flags: string[]) {
      const program = await serveProgram(['--config', config, atOnce, ...flags]);
      await untilReady(program);
      const answer = post(`${program.rest}/v1/models/spin:predict`, {
        instances: [[turns, ...Array(255).fill(0)]],
      }).then(
        ({ status }) => status,
        () => 'cut off',
      );
      await until(async () => {
        const metrics = await (await fetch(`${program.rest}/monitoring/prometheus/metrics`)).text();
        return metrics.includes('servable_requests_in_flight{model="spin",version="1"} 1');
      });
      return { program, answer };
    }

    it('lets it end', async () => {
      const { program, answer } = await serveAsked(300_000);
      program.child.kill('SIGTERM');
      expect(await answer).toBe(200);
      expect((await program.ended).code).toBe(0);
    });

    it('fails it when the time of grace is over', async () => {
      const { program, answer } = await serveAsked(endless, '--drain_grace_seconds=0.1');
      program.child.kill('SIGTERM');
      expect(await answer).not.toBe(200);
      expect((await program.ended).code).toBe(0);
    });

    it.each([
      ['SIGTERM', 143],
      ['SIGINT', 130],
    ] as const)('ends at once after a second %s', async (signal, code) => {
      const { program, answer } = await serveAsked(endless, '--drain_grace_seconds=3600');
      program.child.kill(signal);
      await program.said(/another one ends at once/);
      program.child.kill(signal);
      expect((await program.ended).code).toBe(code);
      expect(await answer).toBe('cut off');
    });
  });

  it('opens its ports before the models are there, and can be stopped then', async () => {
    const basePath = writeModel(folder, 'slow', 1, spinByValue());
    await warmupOf(basePath, 1, { x: [endless, ...Array(255).fill(0)] });
    const program = await serveProgram([
      '--model_name=slow',
      `--model_base_path=${basePath}`,
      '--drain_grace_seconds=0',
    ]);
    await program.said(/slow@1 is LOADING/);
    expect(await status(`${program.rest}/healthz`)).toBe(200);
    expect(await status(`${program.rest}/readyz`)).toBe(503);
    const client = new GrpcClient(program.grpc);
    expect(await client.call('Health/Check', { service: '' })).toEqual({ status: 'NOT_SERVING' });
    client.close();
    program.child.kill('SIGTERM');
    expect((await program.ended).code).toBe(0);
  });

  it('serves what can be served, and says why the rest cannot', async () => {
    const broken = writeModel(folder, 'broken', 1, Buffer.from('no model'));
    const config = file('broken.json', {
      models: [
        { name: 'broken', basePath: broken },
        { name: 'missing', basePath: '/nowhere' },
        {
          name: 'linear',
          basePath: writeModel(folder, 'linear', 4, linear()),
          labels: { stable: 4, canary: 5 },
        },
      ],
    });
    const program = await serveProgram(['--config', config, '--max_num_load_retries=0', atOnce]);
    await program.said(/broken: no version from .*broken answers: Cannot load broken@1: /);
    await program.said(/missing: no version from \/nowhere answers: Could not find base path/);
    await program.said(/linear: version 4 from .*linear; canary waits for 5, stable is 4$/m);
    expect(await status(`${program.rest}/v1/models/linear/ready`)).toBe(200);
    expect(await status(`${program.rest}/readyz`)).toBe(503);
    program.child.kill('SIGTERM');
    expect((await program.ended).code).toBe(0);
  });

  it('serves what a config file says, batched as the parameters say', async () => {
    const models = file(
      'models.config',
      `model_config_list { config { name: "digits" base_path: "${digits}" model_platform: "tensorflow"
         model_version_policy { specific { versions: 1 versions: 2 } } } }`,
    );
    const parameters = file('batching.config', 'max_batch_size { value: 8 }');
    const program = await serveProgram([
      `--model_config_file=${models}`,
      '--enable_batching',
      '--batching_parameters_file',
      parameters,
      atOnce,
    ]);
    await program.said(/digits: versions 2, 1 from .*; batched$/m);
  });

  it('has a version batched by its own file, where that is asked for', async () => {
    const basePath = writeModel(folder, 'own', 1, linear(), {
      'batching_params.pbtxt': 'max_batch_size { value: 2 }',
    });
    const flags = ['--enable_batching', '--enable_per_model_batching_parameters'];
    const program = await serveProgram(['--model_name=own', `--model_base_path=${basePath}`, ...flags]);
    await program.said(/own: version 1 from .*; batched$/m);
    const answer = await post(`${program.rest}/v1/models/own:predict`, { instances: [1, 2, 3] });
    expect(await answer.json()).toMatchObject({
      error: expect.stringContaining('Task size 3 is larger than maximum input batch size 2'),
    });
  });

  it('has metrics where a monitoring config says', async () => {
    const monitoring = file('monitoring.config', 'prometheus_config { enable: true path: "/metrics" }');
    const program = await serveProgram([...ofDigits, `--monitoring_config_file=${monitoring}`]);
    await program.said(/digits: version 3/);
    const text = await (await fetch(`${program.rest}/metrics`)).text();
    expect(text).toContain(':tensorflow:serving:request_count');
  });

  it.skipIf(!hasOpenssl)('speaks TLS over gRPC with an SSLConfig (needs openssl)', async () => {
    const certificates = new Certificates(folder);
    const authority = certificates.authority('authority');
    const { key, cert } = certificates.issue(authority, 'server');
    const quoted = (pem: string) => JSON.stringify(pem);
    const ssl = file('ssl.config', `server_key: ${quoted(key)} server_cert: ${quoted(cert)}`);
    const program = await serveProgram([...ofDigits, `--ssl_config_file=${ssl}`]);
    await program.said(/gRPC is served on \S+ by TLS$/m);
    await program.said(/digits: version 3/);
    const address = program.grpc.replace('127.0.0.1', 'localhost');
    const client = new GrpcClient(address, grpc.credentials.createSsl(Buffer.from(authority.cert)));
    expect(await client.call('Health/Check', { service: 'digits' })).toEqual({ status: 'SERVING' });
    client.close();
  });

  it("takes the environment of TensorFlow Serving's image", async () => {
    const env = { MODEL_NAME: 'digits', MODEL_BASE_PATH: resolve('examples/models') };
    const program = await serveProgram([], { env });
    await program.said(/digits: version 3/);
  });

  it('writes a log for programs', async () => {
    const program = startProgram([
      'serve',
      ...freePorts,
      ...ofDigits,
      atOnce,
      '--log_format=json',
      '--num_tflite_pools=2',
    ]);
    await program.said(/"event":"model"/);
    program.child.kill('SIGTERM');
    const { stderr } = await program.ended;
    const lines = stderr
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines.find(({ event }) => event === 'flag')).toMatchObject({
      level: 40,
      msg: '--num_tflite_pools has no effect: it is about TensorFlow Lite',
    });
    expect(lines.filter(({ event }) => event === 'listening')).toMatchObject([
      { level: 30, protocol: 'gRPC' },
      { level: 30, protocol: 'REST' },
    ]);
    expect(lines.find(({ event }) => event === 'model')).toMatchObject({ model: 'digits', isReady: true });
  });

  it('takes a socket in the file system', async () => {
    const socket = join(folder, 'grpc.sock');
    const program = startProgram([
      'serve',
      '--port=0',
      '--rest_api_port=0',
      `--grpc_socket_path=${socket}`,
      ...ofDigits,
    ]);
    await program.said(/gRPC is served on unix:.*grpc.sock$/m);
    await program.said(/digits: version 3/);
    const client = new GrpcClient(`unix:${socket}`);
    expect(await client.call('Health/Check', { service: 'digits' })).toEqual({ status: 'SERVING' });
    client.close();
  });
});

describe('servable serve that cannot begin', () => {
  it.each(['--grpc_address', '--rest_address'])('ends with 3 where the port of %s is taken', async (flag) => {
    const other = createServer().listen(0, '127.0.0.1');
    onTestFinished(() => void other.close());
    await once(other, 'listening');
    const { port } = other.address() as { port: number };
    const others = freePorts.filter((each) => !each.startsWith(flag));
    const { code, stderr } = await runProgram(['serve', ...others, `${flag}=127.0.0.1:${port}`, ...ofDigits]);
    expect(code).toBe(3);
    expect(stderr).toMatch(new RegExp(`ERROR Cannot listen on 127.0.0.1:${port}: .*EADDRINUSE`));
  });

  it.each<[string, readonly string[], number, RegExp]>([
    [
      'an address that is none',
      ['--rest_address=nowhere'],
      2,
      /Cannot listen on nowhere: expected host:port/,
    ],
    [
      'a config file that is not there',
      ['--model_config_file=/nowhere'],
      1,
      /Failed to start server. Error: NOT_FOUND: Cannot read config file '\/nowhere'/,
    ],
    [
      'a --config that is not there',
      ['--config=/nowhere'],
      2,
      /servable: Cannot read --config '\/nowhere': it does not exist/,
    ],
    [
      'a model option that is wrong',
      ['--config', 'models'],
      2,
      /Cannot use option models\[0\].labels: got 7/,
    ],
    [
      'a listener option that is wrong',
      ['--config', 'grpc'],
      2,
      /Cannot use option maxInFlightBytes: got -1/,
    ],
    [
      'certificates that are not there',
      [...ofDigits, '--ssl_config_file=/nowhere'],
      1,
      /Cannot read .*'\/nowhere'/,
    ],
    [
      'a fraction that is none',
      [...ofDigits, '--per_process_gpu_memory_fraction=2'],
      2,
      /gpuMemoryFraction: got 2/,
    ],
    ['nothing to serve', [], 2, /^servable: Both server_options.model_base_path and/],
    [
      'a flag that is misspelt',
      ['--modle_name=x'],
      2,
      /^servable: unknown option '--modle_name'\n\(Did you mean --model_name\?\)/,
    ],
    ['a word that is no flag', ['digits'], 2, /too many arguments for 'serve'/],
    [
      'a number that is none',
      ['--port', 'x'],
      2,
      /'--port <n>' argument 'x' is invalid. Expected an integer/,
    ],
    [
      'a boolean that is none',
      ['--enable_batching=maybe'],
      2,
      /argument 'maybe' is invalid. Expected true or false/,
    ],
    ['a flag without its value', ['--model_name'], 2, /argument missing/],
  ])('says what is wrong with %s', async (_what, args, code, message) => {
    const configs: Record<string, string> = {
      models: file('bad-models.json', { models: [{ name: 'a', basePath: '/a', labels: 7 }] }),
      grpc: file('bad-grpc.json', { models: [], grpc: { maxInFlightBytes: -1 } }),
    };
    const isAddressed = args.some((arg) => arg.startsWith('--rest_address'));
    const ports = isAddressed ? [freePorts[0], ...ofDigits] : freePorts;
    const ended = await runProgram(['serve', ...ports, ...args.map((arg) => configs[arg] ?? arg)]);
    expect(ended.stderr).toMatch(message);
    expect(ended.code).toBe(code);
    expect(ended.stdout).toBe('');
  });
});
