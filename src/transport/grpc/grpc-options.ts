import { type Clock, systemClock } from '../../core/clock.js';
import { defined } from '../../core/defined.js';
import type { ServingError } from '../../core/errors.js';
import { assertKeys, assertNumber, assertObject, assertOneOf, optionError } from '../../core/option-check.js';
import type { WireWatch } from '../../core/request-records.js';
import type { TlsOptions } from '../tls/tls-options.js';
import { defaultFlowControlWindowBytes } from './flow-control.js';

/** Options of gRPC by their own names, such as `grpc.keepalive_time_ms`: numbers and strings. */
export type ChannelArguments = Readonly<Record<string, string | number>>;

/** How TF Serving's API is served over gRPC. */
export interface GrpcServerOptions {
  /** Certificates. @default none: connections are not encrypted, as TF Serving's without `--ssl_config_file` */
  readonly tls?: TlsOptions;
  /**
   * Options of gRPC by their own names, as TF Serving's `--grpc_channel_arguments` has them. Those that grpc-js knows have an
   * effect, and what is set here stands before the defaults:
   *
   * - `grpc.max_receive_message_length`: 268435456. TF Serving takes up to 2^31 - 1; -1 sets no limit.
   * - `grpc.max_send_message_length`: -1, no limit.
   * - `grpc.max_concurrent_streams`: 1000 on a connection; clients keep the others back.
   * - `grpc.keepalive_time_ms`: 60000, `grpc.keepalive_timeout_ms`: 20000. A connection whose client does not read any more
   *   is closed after both.
   * - `grpc.enable_channelz`: 0; its counts cost 8 % of a small call, and nobody here shows them.
   * - `grpc-node.flow_control_window`: 4194304 bytes that a client may send ahead. With HTTP/2's own 65535 a large message
   *   crosses the network in as many round trips as it has such pieces.
   */
  readonly channelArguments?: ChannelArguments;
  /**
   * Bytes that all calls under way may hold together: what requests say, as it is in memory, since a few bytes on the wire
   * may claim any number of elements; then their answers until they are sent, since a client may ask for many and read
   * none. The first 64 KiB of each are not counted. A call that would go beyond is answered RESOURCE_EXHAUSTED.
   *
   * @default 1073741824, 1 GiB
   */
  readonly maxInFlightBytes?: number;
  /**
   * Predict answers with elements as they lie in memory; TF Serving's `--enable_serialization_as_tensor_content`.
   *
   * @default false: in the typed fields
   */
  readonly enableSerializationAsTensorContent?: boolean;
  /**
   * A signature answers only the calls of its own method: `predict`, `classify` or `regress`; TF Serving's
   * `--enable_signature_method_name_check`.
   *
   * @default false
   */
  readonly enableSignatureMethodNameCheck?: boolean;
  /**
   * `grpc.health.v1.Health`: of the server under '' and `PredictionService`, of calls about models under `ModelService`, of
   * each model under its name. They follow what is served.
   *
   * @default true; TF Serving has it behind `--enable_grpc_healthcheck_service`, and it says SERVING for ever
   */
  readonly enableHealthService?: boolean;
  /**
   * Server reflection, which tools such as grpcurl ask. It needs the packages `@grpc/reflection` and `@grpc/proto-loader`.
   *
   * @default 'auto': where they are installed
   */
  readonly reflection?: 'auto' | 'on' | 'off';
  /** Is told what goes wrong beside the calls: certificates that cannot be taken over. @default the server's log */
  readonly onFailure?: (error: ServingError) => void;
  /** @internal Time, for tests. */
  readonly clock?: Clock;
}

/** @internal The options with every default filled in, but for certificates. */
export type ResolvedGrpcOptions = Required<Omit<GrpcServerOptions, 'tls'>> & { readonly tls?: TlsOptions };

const defaultArguments: ChannelArguments = {
  'grpc.max_receive_message_length': 256 * 2 ** 20,
  'grpc.max_send_message_length': -1,
  'grpc.max_concurrent_streams': 1000,
  'grpc.keepalive_time_ms': 60_000,
  'grpc.keepalive_timeout_ms': 20_000,
  'grpc-node.flow_control_window': defaultFlowControlWindowBytes,
  'grpc.enable_channelz': 0,
};

const defaults: Omit<ResolvedGrpcOptions, 'tls'> = {
  channelArguments: {},
  maxInFlightBytes: 2 ** 30,
  enableSerializationAsTensorContent: false,
  enableSignatureMethodNameCheck: false,
  enableHealthService: true,
  reflection: 'auto',
  onFailure: () => {},
  clock: systemClock,
};

const booleans = [
  'enableSerializationAsTensorContent',
  'enableSignatureMethodNameCheck',
  'enableHealthService',
] as const;

/** @internal @throws ServingError INVALID_ARGUMENT naming the option, what came and what was wanted. */
export function resolveGrpcOptions(options: GrpcServerOptions, watch?: WireWatch): ResolvedGrpcOptions {
  assertObject(options, 'options');
  assertKeys(options, '', ['tls', ...Object.keys(defaults)]);
  const given = defined(options);
  const onFailure = watch?.onFailure ?? defaults.onFailure;
  const resolved: ResolvedGrpcOptions = { ...defaults, onFailure, ...given };
  for (const name of booleans) assertOneOf(resolved[name], name, [true, false]);
  assertOneOf(resolved.reflection, 'reflection', ['auto', 'on', 'off']);
  assertNumber(resolved.maxInFlightBytes, 'maxInFlightBytes', { min: 1, isInfinityAllowed: true });
  if (typeof resolved.onFailure !== 'function')
    throw optionError('onFailure', resolved.onFailure, 'a function');
  assertObject(resolved.channelArguments, 'channelArguments');
  for (const [name, value] of Object.entries(resolved.channelArguments)) {
    if (typeof value === 'number' || typeof value === 'string') continue;
    throw optionError(`channelArguments["${name}"]`, value, 'a number or a string');
  }
  return { ...resolved, channelArguments: { ...defaultArguments, ...resolved.channelArguments } };
}
