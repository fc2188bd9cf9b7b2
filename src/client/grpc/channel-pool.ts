// Hot path: once for each call over gRPC. Guarded by bench/client/predict.mjs.
import type { ChannelCredentials, Client, ClientUnaryCall, Metadata } from '@grpc/grpc-js';
import { asBuffer } from '../../core/as-buffer.js';
import { ServingError } from '../../core/errors.js';
import { type GrpcModule, loadGrpc } from '../../transport/grpc/load-grpc.js';
import type { ResolvedClientOptions } from '../client-options.js';
import type { Attempt } from '../wire.js';
import { grpcFailure } from './grpc-failure.js';

interface Channel {
  readonly client: Client;
  /** Calls that it carries now. */
  calls: number;
}

/**
 * Channels to one server, each with a connection of its own, which is made when the first call needs it.
 *
 * A call goes to the channel with the fewest; of several, to the one that has waited longest.
 */
export class ChannelPool {
  readonly #options: ResolvedClientOptions;
  readonly #underway = new Set<ClientUnaryCall>();
  /** Undefined until the first call: grpc-js is loaded then. Who was used last, stands last. */
  #channels: Channel[] | undefined;
  #metadata: Metadata | undefined;

  constructor(options: ResolvedClientOptions) {
    this.#options = options;
  }

  /** The bytes that a method answers. Rejects with a ServingError, and with nothing else. */
  call(path: string, request: Uint8Array, { signal, timeoutMs }: Attempt): Promise<Buffer> {
    const channel = this.#pick();
    const metadata = (this.#metadata as Metadata).clone();
    const options = timeoutMs === Number.POSITIVE_INFINITY ? {} : { deadline: Date.now() + timeoutMs };
    return new Promise((resolve, reject) => {
      const { client } = channel;
      const call = client.makeUnaryRequest(
        path,
        asBuffer,
        identity,
        request,
        metadata,
        options,
        (error, answer) => {
          channel.calls--;
          this.#underway.delete(call);
          signal?.removeEventListener('abort', cancel);
          if (error === null) resolve(answer as Buffer);
          else reject(grpcFailure(error, this.#options.address.text, signal?.aborted ?? false));
        },
      );
      const cancel = () => call.cancel();
      channel.calls++;
      this.#underway.add(call);
      signal?.addEventListener('abort', cancel);
    });
  }

  close(): void {
    for (const call of this.#underway) call.cancel();
    for (const { client } of this.#channels ?? []) client.close();
  }

  #pick(): Channel {
    this.#channels ??= this.#open();
    let [best] = this.#channels as [Channel];
    if (this.#channels.length === 1) return best;
    for (const channel of this.#channels) if (channel.calls < best.calls) best = channel;
    this.#channels.splice(this.#channels.indexOf(best), 1);
    this.#channels.push(best);
    return best;
  }

  #open(): Channel[] {
    const { address, connections, headers } = this.#options;
    const grpc = loadGrpc('call over');
    const metadata = new grpc.Metadata();
    for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
    this.#metadata = metadata;
    const { socketPath, host, port } = address;
    const target = socketPath === undefined ? `${bracketed(host)}:${port}` : `unix:${socketPath}`;
    const channelArguments = channelArgumentsOf(this.#options);
    try {
      const credentials = credentialsOf(grpc, this.#options);
      return Array.from({ length: connections }, () => ({
        client: new grpc.Client(target, credentials, channelArguments),
        calls: 0,
      }));
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new ServingError('INVALID_ARGUMENT', `Cannot connect to ${address.text}: ${why}`, { cause });
    }
  }
}

function identity(bytes: Buffer): Buffer {
  return bytes;
}

function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}

function credentialsOf(grpc: GrpcModule, { address, tls }: ResolvedClientOptions): ChannelCredentials {
  if (!address.isSecure) return grpc.credentials.createInsecure();
  const [ca = null, key = null, cert = null] = [tls.ca, tls.key, tls.cert].map(
    (pem) => pem && Buffer.from(pem),
  );
  return grpc.credentials.createSsl(ca || null, key || null, cert || null);
}

function channelArgumentsOf(options: ResolvedClientOptions): Record<string, string | number> {
  const { tls, keepAliveMs, keepAliveTimeoutMs, maxReceiveBytes, channelArguments } = options;
  return {
    // Without it, channels of equal options share one connection.
    'grpc.use_local_subchannel_pool': 1,
    'grpc.max_receive_message_length': maxReceiveBytes === Number.POSITIVE_INFINITY ? -1 : maxReceiveBytes,
    'grpc.max_send_message_length': -1,
    ...(keepAliveMs !== Number.POSITIVE_INFINITY && { 'grpc.keepalive_time_ms': keepAliveMs }),
    'grpc.keepalive_timeout_ms': keepAliveTimeoutMs,
    'grpc.initial_reconnect_backoff_ms': 100,
    'grpc.max_reconnect_backoff_ms': 5000,
    'grpc.enable_channelz': 0,
    'grpc-node.flow_control_window': 4 * 2 ** 20,
    ...(tls.serverName !== undefined && { 'grpc.ssl_target_name_override': tls.serverName }),
    ...channelArguments,
  };
}
