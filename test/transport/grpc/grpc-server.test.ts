import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ModelServer, ServingError } from 'servable';
import { createGrpcServer, type GrpcServer, type GrpcServerOptions } from 'servable/grpc';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { caught } from '../../support/caught.js';
import { FakeClock } from '../../support/fake-clock.js';
import { type CallError, GrpcClient, type Message } from '../../support/grpc.js';
import * as authored from '../../support/onnx/authored-models.js';
import { temporaryFolder, writeModel } from '../../support/onnx/model-folder.js';
import { rejection } from '../../support/rejection.js';

const folder = temporaryFolder();
const models = [
  { name: 'linear', basePath: writeModel(folder, 'linear', 1, authored.linear(1, 1)) },
  { name: 'spin', basePath: writeModel(folder, 'spin', 1, authored.spin()) },
];
const server = new ModelServer({ models });
const grpcServers: GrpcServer[] = [];
const clients: GrpcClient[] = [];

beforeAll(async () => void (await server.start()));
afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await Promise.all(grpcServers.splice(0).map((each) => each.close({ graceMs: 0 })));
});
afterAll(() => server.close());

function newServer(options?: GrpcServerOptions): GrpcServer {
  const grpcServer = createGrpcServer(server, options);
  grpcServers.push(grpcServer);
  return grpcServer;
}

function newClient(address: string): GrpcClient {
  const client = new GrpcClient(address);
  clients.push(client);
  return client;
}

const linear = {
  model_spec: { name: 'linear' },
  inputs: { x: { dtype: 'DT_FLOAT', tensor_shape: { dim: [{ size: 1 }] }, float_val: [1] } },
};
/** So many turns of 4 µs. */
const spin = (turns: number | string) => ({
  model_spec: { name: 'spin' },
  inputs: {
    x: { dtype: 'DT_FLOAT', tensor_shape: { dim: [{ size: 1 }, { size: 256 }] }, float_val: [1] },
    n: { dtype: 'DT_INT64', int64_val: [turns] },
  },
});
const endless = spin('1000000000000000');
const failure = (answer: Promise<Message>): Promise<CallError> =>
  answer.then(
    () => expect.fail('The call was answered'),
    (error) => error,
  );

describe('listening', () => {
  it.each([['127.0.0.1:0'], ['localhost:0'], ['[::]:0'], [`unix:${join(folder, 'a.sock')}`]])(
    'on %s answers calls',
    async (wanted) => {
      const { address, port } = await newServer().listen(wanted);
      expect(wanted.endsWith(':0') ? address : wanted).toBe(
        port === undefined ? wanted : wanted.replace(/0$/, String(port)),
      );
      const answer = await newClient(address.replace('[::]', '127.0.0.1')).call('Predict', linear);
      expect(answer.outputs.y.float_val).toEqual([2]);
    },
  );

  it('on several addresses answers at each', async () => {
    const grpcServer = newServer();
    const bound = [
      await grpcServer.listen('127.0.0.1:0'),
      await grpcServer.listen(`unix:${join(folder, 'b.sock')}`),
      await grpcServer.listen('127.0.0.1:0'),
    ];
    for (const { address } of bound) await newClient(address).call('Predict', linear);
    expect(new Set(bound.map(({ address }) => address)).size).toBe(3);
  });

  it('where somebody else does is refused, and the other goes on', async () => {
    const { address } = await newServer().listen('127.0.0.1:0');
    const error = await rejection(newServer().listen(address));
    expect(error).toMatchObject({ code: 'FAILED_PRECONDITION' });
    expect(error.message).toContain(`Cannot listen on ${address}: `);
    await newClient(address).call('Predict', linear);
  });

  it('replaces a socket whose process is gone, but none that somebody answers at, and no file', async () => {
    const path = join(folder, 'stale.sock');
    const leave = `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
    await promisify(execFile)(process.execPath, ['-e', leave]).catch(() => {});
    expect(existsSync(path)).toBe(true);
    const { address } = await newServer().listen(`unix:${path}`);
    await newClient(address).call('Predict', linear);
    expect(await rejection(newServer().listen(address))).toMatchObject({ code: 'FAILED_PRECONDITION' });
    const file = join(folder, 'a file');
    writeFileSync(file, 'kept');
    expect(await rejection(newServer().listen(`unix:${file}`))).toMatchObject({
      code: 'FAILED_PRECONDITION',
    });
    expect(existsSync(file)).toBe(true);
  });

  it.each(['', 'nonsense::::', '256.0.0.1:0'])('on %j is refused', async (address) => {
    expect(await rejection(newServer().listen(address))).toBeInstanceOf(ServingError);
  });
});

describe('the options', () => {
  it.each<[string, object]>([
    ['reflections', { reflections: 'on' }],
    ['reflection', { reflection: true }],
    ['maxInFlightBytes', { maxInFlightBytes: 0 }],
    ['channelArguments["grpc.keepalive_time_ms"]', { channelArguments: { 'grpc.keepalive_time_ms': [] } }],
    ['enableHealthService', { enableHealthService: 1 }],
    ['onFailure', { onFailure: 'log' }],
  ])('name %s where it is wrong', (option, options) => {
    expect(caught(() => createGrpcServer(server, options))).toMatchObject({
      code: 'INVALID_ARGUMENT',
      option,
    });
  });

  it('bound messages by their names in gRPC', async () => {
    const { address } = await newServer({
      channelArguments: { 'grpc.max_receive_message_length': 20 },
    }).listen('127.0.0.1:0');
    expect((await failure(newClient(address).call('Predict', linear))).code).toBe('RESOURCE_EXHAUSTED');
  });

  it('leave health and reflection out', async () => {
    const { address } = await newServer({ enableHealthService: false, reflection: 'off' }).listen(
      '127.0.0.1:0',
    );
    expect((await failure(newClient(address).call('Health/Check', {}))).code).toBe('UNIMPLEMENTED');
  });
});

describe('closing', () => {
  it('lets calls under way end, takes no others, and leaves the model server alone', async () => {
    const grpcServer = newServer();
    const { address } = await grpcServer.listen('127.0.0.1:0');
    const client = newClient(address);
    await client.call('Predict', linear); // connected
    const slow = client.call('Predict', spin(20_000));
    await client.call('Predict', linear); // the one before it has come, too
    const closed = grpcServer.close();
    expect(grpcServer.close()).toBe(closed);
    expect((await slow).outputs.y.float_val.length).toBe(256);
    await closed;
    expect((await failure(client.call('Predict', linear))).code).toBe('UNAVAILABLE');
    expect(server.isReady()).toBe(true);
    expect(await rejection(grpcServer.listen('127.0.0.1:0'))).toMatchObject({ code: 'FAILED_PRECONDITION' });
  });

  it('cancels calls that do not end within the grace time', async () => {
    const clock = new FakeClock();
    const grpcServer = newServer({ clock });
    const { address } = await grpcServer.listen('127.0.0.1:0');
    const client = newClient(address);
    const call = failure(client.call('Predict', endless));
    await client.call('Predict', linear);
    const closed = grpcServer.close({ graceMs: 500 });
    clock.advance(500);
    await closed;
    expect((await call).code).toMatch(/UNAVAILABLE|CANCELLED/);
  });

  it('tells load balancers first, and takes calls as long as they need to hear of it', async () => {
    const clock = new FakeClock();
    const grpcServer = newServer({ clock });
    const { address } = await grpcServer.listen('127.0.0.1:0');
    const client = newClient(address);
    const closed = grpcServer.close({ lameDuckMs: 5000 });
    expect(await client.call('Health/Check', {})).toEqual({ status: 'NOT_SERVING' });
    expect((await client.call('Predict', linear)).outputs.y.float_val).toEqual([2]);
    clock.advance(5000);
    await closed;
    expect((await failure(client.call('Predict', linear))).code).toBe('UNAVAILABLE');
  });

  it('does not wait for connections without calls that their clients leave open', async () => {
    const clock = new FakeClock();
    const grpcServer = newServer({ clock });
    const { port } = await grpcServer.listen('127.0.0.1:0');
    const socket = connect({ port: port as number, host: '127.0.0.1', allowHalfOpen: true });
    socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
    socket.write(Buffer.from('000000040000000000', 'hex')); // an empty SETTINGS frame
    await once(socket, 'data'); // the server's
    const closed = grpcServer.close({ graceMs: 60_000 });
    clock.advance(500);
    await closed;
    socket.destroy();
  });

  it('needs no listening before', async () => {
    await newServer().close();
  });

  it.each([{ graceMs: -1 }, { lameDuckMs: Number.NaN }, { grace: 1 }])(
    'refuses %j, and stays open',
    async (options) => {
      const grpcServer = newServer();
      const { address } = await grpcServer.listen('127.0.0.1:0');
      expect(caught(() => grpcServer.close(options))).toMatchObject({ code: 'INVALID_ARGUMENT' });
      await newClient(address).call('Predict', linear);
    },
  );

  it('comes with the end of a block', async () => {
    let address = '';
    {
      await using grpcServer = createGrpcServer(server);
      ({ address } = await grpcServer.listen('127.0.0.1:0'));
    }
    expect((await failure(newClient(address).call('Predict', linear))).code).toBe('UNAVAILABLE');
  });
});

describe('a ModelServer behind it', () => {
  it('that is not started, or is closed, makes calls UNAVAILABLE', async () => {
    const other = new ModelServer({ models });
    const grpcServer = createGrpcServer(other);
    grpcServers.push(grpcServer);
    const client = newClient((await grpcServer.listen('127.0.0.1:0')).address);
    const notStarted = await failure(client.call('Predict', linear));
    expect(notStarted).toEqual({ code: 'UNAVAILABLE', details: 'Cannot use the server: it is not started' });
    await other.start();
    await client.call('Predict', linear);
    await other.close();
    const closing = await failure(client.call('Predict', linear));
    expect(closing).toEqual({ code: 'UNAVAILABLE', details: 'Cannot use the server: it is closing' });
  });
});

it('packages are loaded by those who need them: grpc-js for a server, reflection when somebody asks', async () => {
  const program = `
    const { createRequire } = await import('node:module');
    const { cache } = createRequire(import.meta.url);
    const print = () => console.log(['grpc-js', 'reflection', 'proto-loader'].filter((name) =>
      Object.keys(cache).some((file) => file.includes('/node_modules/@grpc/' + name + '/'))).join());
    const { ModelServer } = await import('servable');
    const { createGrpcServer } = await import('servable/grpc');
    print();
    const grpcServer = createGrpcServer(new ModelServer({ models: [] }), { reflection: 'on' });
    await grpcServer.listen('127.0.0.1:0');
    print();
    await grpcServer.close();`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', program]);
  expect(stdout.replaceAll('\\', '/')).toBe('\ngrpc-js\n');
});
