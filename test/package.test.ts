import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, expect, it } from 'vitest';
import { temporaryFolder } from './support/onnx/model-folder.js';

const repository = fileURLToPath(new URL('..', import.meta.url));
const dependencies = [
  'commander',
  'eventemitter3',
  'koffi',
  '@koromix',
  'onnxruntime-node',
  'onnxruntime-common',
  'p-queue',
  'p-timeout',
  'protobufjs',
  'long',
  'prom-client',
  'tdigest',
  'bintrees',
  '@opentelemetry',
];

const folder = temporaryFolder();

beforeAll(() => {
  const modules = join(folder, 'node_modules');
  mkdirSync(modules);
  execFileSync('npm', ['pack', '--silent', '--pack-destination', folder], { cwd: repository });
  const [tarball] = readdirSync(folder).filter((file) => file.endsWith('.tgz'));
  execFileSync('tar', ['xzf', join(folder, tarball as string), '-C', modules]);
  renameSync(join(modules, 'package'), join(modules, 'servable'));
  for (const name of dependencies) symlinkSync(join(repository, 'node_modules', name), join(modules, name));
});

/** What a program prints that is run beside the packed package. */
function run(program: string): string {
  writeFileSync(join(folder, 'main.mjs'), program);
  return execFileSync(process.execPath, ['main.mjs'], { cwd: folder, encoding: 'utf8' }).trim();
}

const basePath = JSON.stringify(join(repository, 'examples/models/digits'));

it('the packed package serves a model from an empty folder', () => {
  const version = run(
    `import { ModelServer, tensor } from 'servable';
     const server = await new ModelServer({ models: [{ name: 'digits', basePath: ${basePath} }] }).start();
     const pixels = tensor('float32', [1, 64], new Float32Array(64));
     const { id } = await server.predict('digits', { pixels });
     await server.close();
     console.log(id.version);`,
  );
  expect(version).toBe('3');
  const packed = readdirSync(join(folder, 'node_modules/servable'));
  expect(packed.sort()).toEqual([
    'CHANGELOG.md',
    'LICENSE',
    'README.md',
    'dist',
    'package.json',
    'protos',
    'src',
  ]);
});

it('REST needs no other package, and loads none of gRPC', () => {
  const printed = run(
    `import { ModelServer } from 'servable';
     import { createHttpHandler } from 'servable/http';
     const server = await new ModelServer({ models: [{ name: 'digits', basePath: ${basePath} }] }).start();
     const handler = createHttpHandler(server);
     const { address } = await handler.listen('127.0.0.1:0');
     const { status } = await fetch('http://' + address + '/v1/models/digits');
     await handler.close();
     await server.close();
     console.log(status);`,
  );
  expect(printed).toBe('200');
});

it('a client over REST needs no other package, and loads no onnxruntime', () => {
  const printed = run(
    `import { ServableClient } from 'servable/client';
     const client = new ServableClient({ address: 'http://127.0.0.1:1', retry: false });
     const { code } = await client.predict('digits', {}).catch((error) => error);
     await client.close();
     const loaded = process.report.getReport().sharedObjects.some((file) => file.includes('onnxruntime'));
     console.log(code, loaded);`,
  );
  expect(printed).toBe('UNAVAILABLE false');
});

it('a client over gRPC without its package says what to install', () => {
  const printed = run(
    `import { ServableClient } from 'servable/client';
     const client = new ServableClient({ address: 'grpc://127.0.0.1:1' });
     const { code, message } = await client.predict('digits', {}).catch((error) => error);
     console.log(code, message);`,
  );
  expect(printed).toBe(
    'FAILED_PRECONDITION Cannot call over gRPC: the package @grpc/grpc-js is not installed; npm install @grpc/grpc-js@~1.14',
  );
});

/** How the packed program ends, and what it says on stderr. */
function runProgram(...args: readonly string[]) {
  const main = join(folder, 'node_modules/servable/dist/cli/main.js');
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], { encoding: 'utf8' });
  return { status, stdout, stderr };
}

it('the program comes with the package, and needs no other to ask a model', () => {
  const body = join(folder, 'body.json');
  writeFileSync(body, JSON.stringify({ instances: [Array(64).fill(0)] }));
  const { status, stdout } = runProgram('predict', JSON.parse(basePath), '--body', body, '--outputs=label');
  expect({ status, answer: JSON.parse(stdout) }).toEqual({ status: 0, answer: { predictions: [1] } });
});

it('the program says what to install for gRPC, and does without it where it is turned off', () => {
  const flags = ['serve', `--model_base_path=${JSON.parse(basePath)}`];
  const { status, stderr } = runProgram(...flags, '--rest_address=127.0.0.1:0');
  expect(status).toBe(1);
  expect(stderr).toContain(
    'the package @grpc/grpc-js is not installed; npm install @grpc/grpc-js@~1.14, or turn gRPC off by --port=0',
  );
  const without = runProgram(...flags, '--port=0', '--rest_address=nowhere'); // where it ends by itself
  expect(without.stderr).toContain('Cannot listen on nowhere');
  expect(without.status).toBe(2);
});

it('gRPC without its package says what to install', () => {
  const error = run(
    `import { ModelServer } from 'servable';
     import { createGrpcServer } from 'servable/grpc';
     const server = new ModelServer({ models: [] });
     try {
       createGrpcServer(server);
     } catch ({ code, message }) {
       console.log(code, message);
     }`,
  );
  expect(error).toBe(
    'FAILED_PRECONDITION Cannot serve gRPC: the package @grpc/grpc-js is not installed; npm install @grpc/grpc-js@~1.14',
  );
});

it('gRPC with its package serves a model, without reflection where that is not installed', () => {
  mkdirSync(join(folder, 'node_modules/@grpc'), { recursive: true });
  symlinkSync(join(repository, 'node_modules/@grpc/grpc-js'), join(folder, 'node_modules/@grpc/grpc-js'));
  const printed = run(
    `import { createRequire } from 'node:module';
     import { ModelServer } from 'servable';
     import { createGrpcServer } from 'servable/grpc';
     const grpc = createRequire(import.meta.url)('@grpc/grpc-js');
     const server = await new ModelServer({ models: [{ name: 'digits', basePath: ${basePath} }] }).start();
     const grpcServer = createGrpcServer(server);
     const { address } = await grpcServer.listen('127.0.0.1:0');
     const client = new grpc.Client(address, grpc.credentials.createInsecure());
     const same = (bytes) => bytes;
     const request = Buffer.from('0a080a06646967697473', 'hex'); // model_spec { name: "digits" }
     const call = (path) => new Promise((resolve) => client.makeUnaryRequest(path, same, same, request, (error, answer) => resolve(error?.details ?? answer.length)));
     console.log((await call('/tensorflow.serving.ModelService/GetModelStatus')) > 0);
     client.close();
     try {
       createGrpcServer(server, { reflection: 'on' });
     } catch ({ message }) {
       console.log(message);
     }
     await grpcServer.close();
     await server.close();`,
  );
  expect(printed.split('\n')).toEqual([
    'true',
    expect.stringMatching(/^Cannot serve reflection: .*npm install @grpc\/reflection @grpc\/proto-loader$/),
  ]);
});

it('prints metrics, and makes spans of OpenTelemetry', () => {
  const printed = run(
    `import { ModelServer } from 'servable';
     import { bridgeOpenTelemetry } from 'servable/opentelemetry';
     const stop = bridgeOpenTelemetry();
     const server = await new ModelServer({ models: [{ name: 'digits', basePath: ${basePath} }] }).start();
     const { servable: version } = server.snapshot().runtime;
     const text = await server.metrics.collect();
     stop();
     await server.close();
     console.log(text.includes('servable_build_info{version="' + version + '"'));`,
  );
  expect(printed).toBe('true');
});
