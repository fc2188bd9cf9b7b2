import { once } from 'node:events';
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Http2Session } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { ServableClient, type ServableClientOptions, type StatusCode } from 'servable/client';
import { createGrpcServer, type GrpcServerOptions, type ServingApi } from 'servable/grpc';
import { createHttpHandler, type HttpHandlerOptions } from 'servable/http';
import { onTestFinished } from 'vitest';
import { httpStatuses } from '#dist/transport/rest/rest-error.js';
import { codeNumbers } from '#dist/transport/status.js';
import { ByteSink } from '#dist/wire/byte-sink.js';
import { encodeTensor } from '#dist/wire/encode-tensor.js';
import { grpc } from './grpc.js';

export const wires = ['grpc', 'rest'] as const;
export type WireName = (typeof wires)[number];

/** A server's two listeners, and clients of them. */
export interface Listeners {
  readonly addresses: Readonly<Record<WireName, string>>;
  /** Closed with the test. */
  client(wire: WireName, options?: Partial<ServableClientOptions>): ServableClient;
  /** Ends both at once. */
  close(): Promise<void>;
}

export async function listen(
  server: ServingApi,
  options: { readonly grpc?: GrpcServerOptions; readonly rest?: HttpHandlerOptions } = {},
): Promise<Listeners> {
  const grpcServer = createGrpcServer(server, options.grpc);
  const handler = createHttpHandler(server, options.rest);
  const [overGrpc, overHttp] = [await grpcServer.listen('127.0.0.1:0'), await handler.listen('127.0.0.1:0')];
  const addresses = { grpc: `grpc://${overGrpc.address}`, rest: `http://${overHttp.address}` };
  return {
    addresses,
    client: (wire, more) => clientOf(addresses[wire], more),
    close: async () => {
      await Promise.all([grpcServer.close({ graceMs: 0 }), handler.close({ graceMs: 0 })]);
    },
  };
}

/** A client that is closed with the test, whatever is under way. */
export function clientOf(address: string, options: Partial<ServableClientOptions> = {}): ServableClient {
  const client = new ServableClient({ address, ...options });
  onTestFinished(() => client.close({ graceMs: 0 }));
  return client;
}

/** How a call is answered: with an error, a prediction of `y`, nothing at all, a cut connection, or these bytes. */
export type ScriptedAnswer =
  | { readonly code: StatusCode; readonly message?: string }
  | { readonly y: number }
  | { readonly bytes: Uint8Array }
  | 'nothing'
  | 'cut';

/** A server of TF Serving's kind that answers predictions, and reloads, as a script says. */
export interface ScriptedServer {
  readonly address: string;
  /** Predictions that were asked for. */
  readonly calls: number;
  /** Connections that were made. */
  readonly connections: number;
  /** Calls that the client has ended itself. */
  readonly abandoned: number;
  /** When the last call is to be answered, as far as the server was told; infinity where it was not. */
  readonly deadlineMs: number;
  /** What came with the last call: headers of HTTP, metadata of gRPC. */
  readonly headers: Readonly<Record<string, unknown>>;
  /** Resolves when so many predictions were asked for. */
  untilCalled(times: number): Promise<void>;
  /** Resolves when so many were abandoned. */
  untilAbandoned(times: number): Promise<void>;
  close(): Promise<void>;
}

/** Closed with the test. */
export async function scriptedServer(
  wire: WireName,
  answer: (call: number) => ScriptedAnswer,
  port = 0,
): Promise<ScriptedServer> {
  const record = new ServerRecord();
  const listening = wire === 'grpc' ? listenGrpc(answer, record, port) : listenHttp(answer, record, port);
  const { address, close } = await listening;
  record.address = address;
  record.close = close;
  onTestFinished(close);
  return record;
}

class ServerRecord implements ScriptedServer {
  address = '';
  calls = 0;
  connections = 0;
  abandoned = 0;
  deadlineMs = Number.POSITIVE_INFINITY;
  headers = {};
  close: () => Promise<void> = async () => {};
  readonly #waiting = new Set<() => void>();

  untilCalled(times: number): Promise<void> {
    return this.#until(() => this.calls >= times);
  }

  untilAbandoned(times: number): Promise<void> {
    return this.#until(() => this.abandoned >= times);
  }

  changed(): void {
    for (const look of this.#waiting) look();
  }

  #until(isSo: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = () => {
        if (!isSo()) return;
        this.#waiting.delete(look);
        resolve();
      };
      this.#waiting.add(look);
      look();
    });
  }
}

interface Listening {
  readonly address: string;
  readonly close: () => Promise<void>;
}

async function listenHttp(
  answer: (call: number) => ScriptedAnswer,
  record: ServerRecord,
  port: number,
): Promise<Listening> {
  const server = createHttpServer((request, response) => void answerHttp(request, response));
  const answerHttp = async (request: IncomingMessage, response: ServerResponse) => {
    for await (const _ of request); // to its end
    if (request.url?.endsWith('/metadata')) return void response.end(JSON.stringify(metadata));
    if (!request.url?.endsWith(':predict')) return void response.writeHead(404).end('{"error":"No"}');
    response.on('close', () => {
      if (response.writableFinished) return;
      record.abandoned++;
      record.changed();
    });
    record.headers = request.headers;
    const scripted = answer(++record.calls);
    if (scripted === 'cut') request.socket.resetAndDestroy();
    else if (scripted !== 'nothing') sendHttp(response, scripted);
    record.changed();
  };
  server.on('connection', () => record.connections++);
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const close = async () => {
    server.closeAllConnections();
    if (!server.listening) return;
    server.close();
    await once(server, 'close');
  };
  return { address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close };
}

function sendHttp(response: ServerResponse, scripted: Exclude<ScriptedAnswer, string>): void {
  if ('bytes' in scripted) response.end(scripted.bytes);
  else if ('y' in scripted) response.setHeader('x-model-version', '1').end(`{"outputs":[${scripted.y}]}`);
  else response.writeHead(httpStatuses[scripted.code]).end(JSON.stringify({ error: scripted.message ?? '' }));
}

/** `y` float32 [-1], as TF Serving tells it. */
const metadata = {
  model_spec: { name: 'stub', signature_name: '', version: '1' },
  metadata: {
    signature_def: {
      signature_def: {
        serving_default: {
          inputs: {},
          outputs: {
            y: {
              dtype: 'DT_FLOAT',
              tensor_shape: { dim: [{ size: '-1', name: '' }], unknown_rank: false },
              name: 'y:0',
            },
          },
          method_name: 'tensorflow/serving/predict',
        },
      },
    },
  },
};

async function listenGrpc(
  answer: (call: number) => ScriptedAnswer,
  record: ServerRecord,
  port: number,
): Promise<Listening> {
  const server = new grpc.Server();
  const identity = (bytes: Buffer) => bytes;
  const method = (path: string) => ({
    path: `/tensorflow.serving.${path}`,
    requestStream: false as const,
    responseStream: false as const,
    requestSerialize: identity,
    requestDeserialize: identity,
    responseSerialize: identity,
    responseDeserialize: identity,
  });
  const sessions = new Set<Http2Session>();
  const handler = (call: grpc.ServerUnaryCall<Buffer, Buffer>, callback: grpc.sendUnaryData<Buffer>) => {
    let isAnswered = false;
    call.on('cancelled', () => {
      if (isAnswered) return;
      record.abandoned++;
      record.changed();
    });
    record.headers = call.metadata.getMap();
    record.deadlineMs = Number(call.getDeadline());
    const scripted = answer(++record.calls);
    if (scripted === 'cut') for (const session of sessions) session.destroy();
    else if (scripted !== 'nothing') {
      isAnswered = true;
      sendGrpc(callback, scripted);
    }
    record.changed();
  };
  server.addService(
    {
      predict: method('PredictionService/Predict'),
      reload: method('ModelService/HandleReloadConfigRequest'),
    },
    { predict: handler, reload: handler },
  );
  const bound = await new Promise<number>((resolve, reject) => {
    server.bindAsync(`127.0.0.1:${port}`, grpc.ServerCredentials.createInsecure(), (error, got) =>
      error ? reject(error) : resolve(got),
    );
  });
  for (const http2Server of http2ServersOf(server)) {
    http2Server.on('session', (session) => {
      record.connections++;
      sessions.add(session);
    });
  }
  return { address: `grpc://127.0.0.1:${bound}`, close: async () => server.forceShutdown() };
}

interface SessionEvents {
  on(event: 'session', listener: (session: Http2Session) => void): void;
}

/** The listeners below grpc-js, which tells of no connection itself. */
function http2ServersOf(server: grpc.Server): Iterable<SessionEvents> {
  return (server as unknown as { readonly http2Servers: Map<SessionEvents, unknown> }).http2Servers.keys();
}

function sendGrpc(callback: grpc.sendUnaryData<Buffer>, scripted: Exclude<ScriptedAnswer, string>): void {
  if ('bytes' in scripted) callback(null, Buffer.from(scripted.bytes));
  else if ('y' in scripted) callback(null, predictResponse(scripted.y));
  else callback({ code: codeNumbers[scripted.code], details: scripted.message ?? '' });
}

function predictResponse(y: number): Buffer {
  const tensor = encodeTensor({ dtype: 'float32', shape: [1], data: Float32Array.of(y) });
  const sink = new ByteSink().message(1, (entry) => entry.text(1, 'y').field(2, tensor));
  sink.message(2, (spec) => spec.text(1, 'stub').message(2, (version) => version.number(1, 1)));
  return Buffer.from(sink.written);
}
