import { once } from 'node:events';
import { connect } from 'node:http2';
import { ModelServer } from 'servable';
import type { GrpcServerOptions } from 'servable/grpc';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { FakeClock } from '../../support/fake-clock.js';
import { type CallError, GrpcClient, serveGrpc } from '../../support/grpc.js';
import * as authored from '../../support/onnx/authored-models.js';
import { temporaryFolder, writeModel } from '../../support/onnx/model-folder.js';
import { framed, open, relayTo } from '../../support/raw-grpc.js';

const mebibyte = 2 ** 20;
const elementsOfAMebibyte = mebibyte / 4;

const server = new ModelServer({
  models: [{ name: 'linear', basePath: writeModel(temporaryFolder(), 'linear', 1, authored.linear(1, 1)) }],
});
beforeAll(async () => void (await server.start()));
afterAll(() => server.close());

/** Few bytes for many values: the one that is sent is all of them. */
const predict = (values: number) => ({
  model_spec: { name: 'linear' },
  inputs: { x: { dtype: 'DT_FLOAT', tensor_shape: { dim: [{ size: values }] }, float_val: [0] } },
});

/** A server with room for 16 MiB, a neighbour, and a client behind a relay that takes any number of bytes. */
async function arrange(options: GrpcServerOptions = {}) {
  const { grpcServer, address, client } = await serveGrpc(server, {
    maxInFlightBytes: 16 * mebibyte,
    ...options,
  });
  const relay = await relayTo(address);
  const session = connect(`http://${relay.address}`, { settings: { initialWindowSize: 2 ** 30 } });
  session.on('error', () => {});
  await once(session, 'remoteSettings');
  session.setLocalWindowSize(2 ** 30);
  onTestFinished(async () => {
    session.destroy();
    await relay.end();
    client.close();
    await grpcServer.close({ graceMs: 0 });
  });
  const bytes = framed(client.encode('Predict', predict(elementsOfAMebibyte)));
  return { grpcServer, address, neighbour: client, relay, session, bytes };
}

async function expectServed(neighbour: GrpcClient): Promise<void> {
  expect((await neighbour.call('Predict', predict(1))).outputs.y.float_val).toEqual([1]);
}

/** What becomes of a call that takes two thirds of the room. */
const large = (neighbour: GrpcClient) =>
  neighbour.call('Predict', predict(10 * elementsOfAMebibyte)).then(
    () => 'OK',
    (error: CallError) => error.code,
  );

async function untilLargeIs(code: string, neighbour: GrpcClient): Promise<void> {
  while ((await large(neighbour)) !== code) await expectServed(neighbour);
}

describe('a client that does not read its answers', () => {
  it('of its streams holds what they have in the room there is, until it goes', async () => {
    const { grpcServer, neighbour, session, bytes } = await arrange();
    session.settings({ initialWindowSize: 2 ** 16 });
    await once(session, 'localSettings');
    const streams = Array.from({ length: 12 }, () => open(session));
    const begun = Promise.all(streams.map((stream) => once(stream, 'response')));
    for (const stream of streams) stream.pause().end(bytes);
    await begun; // 12 MiB are answered, of which no window lets more than some KiB through
    expect(await large(neighbour)).toBe('RESOURCE_EXHAUSTED');
    await expectServed(neighbour);
    session.destroy();
    await untilLargeIs('OK', neighbour);
    await grpcServer.close({ graceMs: Number.POSITIVE_INFINITY });
  });

  /** More calls than there is room for, and none of their answers is read. */
  async function askForMuch(site: Awaited<ReturnType<typeof arrange>>): Promise<void> {
    site.relay.stopReading();
    for (let call = 0; call < 500; call++) open(site.session).end(site.bytes);
    await untilLargeIs('RESOURCE_EXHAUSTED', site.neighbour);
  }

  const pings = { 'grpc.keepalive_time_ms': 500, 'grpc.keepalive_timeout_ms': 500 };

  it('of its socket holds what is in it, until it goes', async () => {
    const site = await arrange();
    await askForMuch(site);
    await site.relay.end();
    await untilLargeIs('OK', site.neighbour);
    await site.grpcServer.close({ graceMs: Number.POSITIVE_INFINITY });
  });

  it('of its socket is given up when it does not answer pings', async () => {
    const site = await arrange({ channelArguments: pings });
    await askForMuch(site);
    await untilLargeIs('OK', site.neighbour);
    await site.grpcServer.close({ graceMs: Number.POSITIVE_INFINITY });
  });

  it('of its socket is hung up on for others that come, when it has had time to read', async () => {
    const clock = new FakeClock();
    const site = await arrange({ channelArguments: pings, clock });
    await askForMuch(site);
    await untilLargeIs('OK', site.neighbour);
    const comeAnotherIn = async (timeMs: number) => {
      clock.advance(timeMs);
      const another = new GrpcClient(site.address, undefined, { 'grpc.use_local_subchannel_pool': 1 });
      await expectServed(another);
      another.close();
    };
    await comeAnotherIn(1000); // it is looked for once in a second
    await comeAnotherIn(20_000);
    await site.relay.untilHungUp();
  });

  it('of its socket does not keep the server open', async () => {
    const site = await arrange();
    await askForMuch(site);
    await site.grpcServer.close({ graceMs: 0 });
  });
});
