import { fileURLToPath } from 'node:url';
import * as grpc from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import type { ModelServer } from 'servable';
import { createGrpcServer, type GrpcServer, type GrpcServerOptions } from 'servable/grpc';

export { grpc };

const protos = fileURLToPath(new URL('../../protos', import.meta.url));

/** The services as another decoder reads them from the protos: proto-loader, with a protobufjs of its own. */
const definition = loadSync(
  [
    'tensorflow_serving/apis/prediction_service.proto',
    'tensorflow_serving/apis/model_service.proto',
    'tensorflow_serving/apis/session_service.proto',
    'grpc/health/v1/health.proto',
  ],
  { includeDirs: [protos], keepCase: true, enums: String, longs: String },
);

/** A message as plain data, by the names of the protos. */
// biome-ignore lint/suspicious/noExplicitAny: a client that loads its protos at run time knows no types either
export type Message = any;

export interface CallOptions {
  readonly deadline?: Date | number;
  readonly signal?: AbortSignal;
}

/** How a call failed. */
export interface CallError {
  /** The code's name. */
  readonly code: string;
  readonly details: string;
}

/** Calls methods of an address by their names; a failed call throws a {@link CallError}. */
export class GrpcClient {
  readonly #client: grpc.Client;

  constructor(
    address: string,
    credentials: grpc.ChannelCredentials = grpc.credentials.createInsecure(),
    options: grpc.ChannelOptions = {},
  ) {
    this.#client = new grpc.Client(address, credentials, {
      'grpc.max_receive_message_length': -1,
      ...options,
    });
  }

  /** `Predict` of PredictionService, `Health/Check`, … */
  call(method: string, request: Message, options: CallOptions = {}): Promise<Message> {
    const { path, requestSerialize, responseDeserialize } = findMethod(method);
    return this.callBytes(path, requestSerialize(request), options).then(responseDeserialize);
  }

  /** The same with the bytes of the messages. */
  callBytes(path: string, request: Buffer, { deadline, signal }: CallOptions = {}): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      const same = (bytes: Buffer) => bytes;
      const options = deadline === undefined ? {} : { deadline };
      const call = this.#client.makeUnaryRequest(path, same, same, request, options, (error, response) => {
        if (error === null) resolve(response as Buffer);
        else reject({ code: grpc.status[error.code], details: error.details } satisfies CallError);
      });
      signal?.addEventListener('abort', () => call.cancel());
    });
  }

  /** The messages of a stream. */
  watch(method: string, request: Message): grpc.ClientReadableStream<Message> {
    const { path, requestSerialize, responseDeserialize } = findMethod(method);
    return this.#client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, request);
  }

  /** A request's bytes, as a client would send them. */
  encode(method: string, request: Message): Buffer {
    return findMethod(method).requestSerialize(request);
  }

  /** A message that comes within another one, by its name. */
  decode(type: string, bytes: Buffer): Message {
    const message = definition[type] as unknown as { deserialize(bytes: Buffer): Message };
    return message.deserialize(bytes);
  }

  close(): void {
    this.#client.close();
  }
}

type Method = grpc.MethodDefinition<Message, Message>;

const services: Readonly<Record<string, string>> = {
  GetModelStatus: 'tensorflow.serving.ModelService',
  HandleReloadConfigRequest: 'tensorflow.serving.ModelService',
  'Health/Check': 'grpc.health.v1.Health',
  'Health/Watch': 'grpc.health.v1.Health',
  'Health/List': 'grpc.health.v1.Health',
};

function findMethod(method: string): Method {
  const service = definition[services[method] ?? 'tensorflow.serving.PredictionService'];
  return (service as unknown as Record<string, Method>)[method.replace('Health/', '')] as Method;
}

/** A gRPC server on a free port of loopback, and a client of it. */
export interface Served {
  readonly address: string;
  readonly grpcServer: GrpcServer;
  readonly client: GrpcClient;
  /** Another client, on a connection of its own. */
  newClient(): GrpcClient;
}

export async function serveGrpc(server: ModelServer, options: GrpcServerOptions = {}): Promise<Served> {
  const grpcServer = createGrpcServer(server, options);
  const { address } = await grpcServer.listen('127.0.0.1:0');
  // Clients of equal options would share a connection.
  const newClient = () => new GrpcClient(address, undefined, { 'grpc.use_local_subchannel_pool': 1 });
  return { address, grpcServer, client: newClient(), newClient };
}
