import type { MonitoringConfig } from '../../config/monitoring-config.js';
import { defined } from '../../core/defined.js';
import type { ChannelArguments, GrpcServerOptions } from '../../grpc.js';
import type { HttpHandlerOptions } from '../../http.js';
import { usageError } from '../command-error.js';
import type { ServeConfig } from './serve-config.js';
import type { FlagValues } from './serve-flags.js';

/** Where a listener listens, and how. */
export interface Listener<Options> {
  /** At least one. */
  readonly addresses: readonly string[];
  readonly options: Options;
}

export interface ListenerSettings {
  readonly grpc: Listener<GrpcServerOptions> | undefined;
  readonly rest: Listener<HttpHandlerOptions> | undefined;
  /** What an operator should hear of. */
  readonly warnings: readonly string[];
}

const defaultPorts = { grpc: 8500, rest: 8501 };

/**
 * The listeners that flags and `--config` ask for.
 *
 * @param monitoring what `--monitoring_config_file` says.
 * @throws CommandError for what cannot be, in TF Serving's words where it has any.
 */
export function listenerSettings(
  flags: FlagValues,
  config: ServeConfig,
  monitoring: MonitoringConfig | undefined,
): ListenerSettings {
  if (flags.use_alts_credentials) throw usageError(altsRefusal(flags));
  const warnings: string[] = [];
  const grpcAddresses = addressesOfGrpc(flags, config);
  let restAddresses = addressesOfRest(flags, config);
  if (flags.port && restAddresses.includes(`[::]:${flags.port}`)) {
    warnings.push(`REST is off: its port is ${flags.port}, which --port has taken for gRPC`);
    restAddresses = [];
  }
  if (grpcAddresses.length === 0 && restAddresses.length === 0) {
    throw usageError(
      'At least one of server_options.grpc_port or server_options.grpc_socket_path must be set. ' +
        'Expected --port, --grpc_socket_path or --rest_api_port',
    );
  }
  if (monitoring?.enable && restAddresses.length === 0) {
    warnings.push('--monitoring_config_file has no effect: metrics are had over REST, which is off');
  }
  return {
    grpc: listener(grpcAddresses, () => grpcOptions(flags, config)),
    rest: listener(restAddresses, () => restOptions(flags, config, monitoring)),
    warnings,
  };
}

function listener<T>(addresses: readonly string[], options: () => T): Listener<T> | undefined {
  return addresses.length === 0 ? undefined : { addresses, options: options() };
}

function altsRefusal({ ssl_config_file }: FlagValues): string {
  if (ssl_config_file) return 'Either use_alts_credentials must be false or ssl_config_file must be empty.';
  return 'Cannot use --use_alts_credentials: gRPC for Node has no ALTS; expected --ssl_config_file, or neither';
}

function addressesOfGrpc(flags: FlagValues, { grpc }: ServeConfig): readonly string[] {
  const { port, grpc_address, grpc_socket_path } = flags;
  const sockets = grpc_socket_path ? [`unix:${grpc_socket_path}`] : [];
  if (grpc_address) {
    if (port !== undefined) throw twoAddresses('--grpc_address', '--port');
    return [grpc_address, ...sockets];
  }
  if (port !== undefined) return [...onPort('0.0.0.0', port, '--port'), ...sockets];
  if (grpc === false) return sockets;
  return [...(grpc?.addresses ?? onPort('0.0.0.0', defaultPorts.grpc, '')), ...sockets];
}

function addressesOfRest(flags: FlagValues, { rest }: ServeConfig): readonly string[] {
  const { rest_api_port: port, rest_address } = flags;
  if (rest_address) {
    if (port !== undefined) throw twoAddresses('--rest_address', '--rest_api_port');
    return [rest_address];
  }
  if (port !== undefined) return onPort('[::]', port, '--rest_api_port');
  if (rest === false) return [];
  return rest?.addresses ?? onPort('[::]', defaultPorts.rest, '');
}

function twoAddresses(address: string, port: string) {
  return usageError(`Cannot use ${address} beside ${port}: expected one of the two`);
}

function onPort(host: string, port: number, flag: string): readonly string[] {
  if (port < 0 || port > 65_535) throw usageError(`Cannot use ${flag} ${port}: expected 0 to 65535`);
  return port === 0 ? [] : [`${host}:${port}`];
}

function grpcOptions(flags: FlagValues, { grpc }: ServeConfig): GrpcServerOptions {
  const { addresses: _addresses, ...options } = grpc || {};
  const channelArguments = channelArgumentsOf(flags.grpc_channel_arguments ?? '');
  return {
    ...options,
    ...defined({
      enableSerializationAsTensorContent: flags.enable_serialization_as_tensor_content,
      enableSignatureMethodNameCheck: flags.enable_signature_method_name_check,
      enableHealthService: flags.enable_grpc_healthcheck_service,
    }),
    ...(flags.ssl_config_file && { tls: { configFile: flags.ssl_config_file } }),
    ...(channelArguments && { channelArguments: { ...options.channelArguments, ...channelArguments } }),
  };
}

/** `k=v,k=v`, each an integer where it reads as one of 32 bits, and text otherwise; as TF Serving. */
function channelArgumentsOf(text: string): ChannelArguments | undefined {
  if (text === '') return undefined;
  const entries = text.split(',').map((entry): [string, string | number] => {
    const [, name, value] = /^([^=]+)=(.*)$/.exec(entry.trim()) ?? [];
    if (name === undefined || value === undefined) {
      throw usageError(`Cannot use --grpc_channel_arguments "${text}": got "${entry}", expected name=value`);
    }
    const number = Number(value);
    const isInt32 = /^[+-]?\d+$/.test(value) && number === (number | 0);
    return [name, isInt32 ? number : value];
  });
  return Object.fromEntries(entries);
}

function restOptions(
  flags: FlagValues,
  { rest }: ServeConfig,
  monitoring: MonitoringConfig | undefined,
): HttpHandlerOptions {
  const { addresses: _addresses, ...options } = rest || {};
  const timeoutMs = flags.rest_api_timeout_in_ms;
  return {
    ...options,
    ...defined({
      cors: flags.rest_api_enable_cors_support,
      enableSignatureMethodNameCheck: flags.enable_signature_method_name_check,
    }),
    ...(timeoutMs !== undefined && { timeoutMs: timeoutMs > 0 ? timeoutMs : Number.POSITIVE_INFINITY }),
    ...(monitoring && { metrics: monitoring }),
  };
}
