import { type Clock, systemClock } from '../core/clock.js';
import { defined } from '../core/defined.js';
import {
  assertKeys,
  assertNumber,
  assertObject,
  assertString,
  assertTimeout,
  optionError,
} from '../core/option-check.js';
import { type RetryOptions, type RetryPolicy, resolveRetry } from './retry-policy.js';
import { parseAddress, type ServerAddress } from './server-address.js';

/** Whom a client trusts, and what it shows of itself: PEM texts. */
export interface ClientTlsOptions {
  /** The roots that the server's certificate is verified against. @default those of the runtime */
  readonly ca?: string | Uint8Array;
  /** The client's certificate, where the server asks for one; and behind it those that lead to its root. */
  readonly cert?: string | Uint8Array;
  /** The private key of `cert`, not encrypted. */
  readonly key?: string | Uint8Array;
  /** The name that the server's certificate is to have. @default the host of the address */
  readonly serverName?: string;
}

/** How a server is reached, and what is done when it is not. */
export interface ServableClientOptions {
  /**
   * Where the server is, and which of its APIs is spoken:
   *
   * - `grpc://host:8500`, and `grpcs://` with TLS: gRPC, which needs the package `@grpc/grpc-js`. Without a port: 8500.
   * - `http://host:8501`, and `https://`: REST, with whatever path a gateway puts in front of `/v1`. Without a port: 80
   *   and 443.
   * - `unix:/run/servable.sock`: gRPC over a socket in the file system; `http+unix:/run/servable.sock`: REST.
   */
  readonly address: string;
  /**
   * Connections at most. Over gRPC all of them are used, the least busy one first; over REST each carries one call at a
   * time, and calls wait for one that is free.
   *
   * @default 1 over gRPC, where one carries any number of calls, and more are of use only to reach several servers behind a
   *   load balancer of TCP connections; 64 over REST
   */
  readonly connections?: number;
  /**
   * Milliseconds that a call may take, with all its attempts, more than 0; over gRPC the server is told. Infinity sets no
   * limit.
   *
   * @default 60000: nothing waits for ever for a server that has vanished without a word
   */
  readonly timeoutMs?: number;
  /** When calls are made again that failed. False: never. @default three attempts, with 100 ms at first */
  readonly retry?: RetryOptions | false;
  /**
   * Milliseconds after which a connection without traffic is asked whether it is still there: over gRPC by pings, while a
   * call is under way; over REST by TCP. Infinity: never. TensorFlow Serving ends a connection that asks some five times
   * within one call: of calls that take minutes, let this be a quarter.
   *
   * @default 60000
   */
  readonly keepAliveMs?: number;
  /** Milliseconds that the answer to a ping of gRPC may take; then the connection is given up. @default 20000 */
  readonly keepAliveTimeoutMs?: number;
  /** Bytes that an answer may have; a larger one is RESOURCE_EXHAUSTED. @default infinity, as TensorFlow Serving's clients */
  readonly maxReceiveBytes?: number;
  /** Bytes that a request may have, encoded; a larger one is RESOURCE_EXHAUSTED, and is not sent. @default infinity */
  readonly maxSendBytes?: number;
  /** Headers of every call, such as `authorization`; metadata, to gRPC. Their names have small letters. @default none */
  readonly headers?: Readonly<Record<string, string>>;
  /** With `grpcs://` and `https://`. @default the runtime's roots, and no certificate of our own */
  readonly tls?: ClientTlsOptions;
  /**
   * Options of gRPC by their own names, which stand before all others; those that grpc-js knows have an effect. By default
   * `grpc-node.flow_control_window` is 4194304, so that a large answer does not wait for a round trip after each 64 KiB,
   * and a lost connection is made again after 100 ms, then ever more slowly, up to every 5 s.
   *
   * @default {}
   */
  readonly channelArguments?: Readonly<Record<string, string | number>>;
  /** @internal Time, for tests. */
  readonly clock?: Clock;
  /** @internal Chance, for tests: from 0 to 1. */
  readonly random?: () => number;
}

/** @internal The options with every default filled in. */
export interface ResolvedClientOptions
  extends Required<Omit<ServableClientOptions, 'address' | 'retry' | 'tls'>> {
  readonly address: ServerAddress;
  readonly retry: RetryPolicy;
  readonly tls: ClientTlsOptions;
}

const defaultConnections = { grpc: 1, rest: 64 };

const defaults = {
  timeoutMs: 60_000,
  keepAliveMs: 60_000,
  keepAliveTimeoutMs: 20_000,
  maxReceiveBytes: Number.POSITIVE_INFINITY,
  maxSendBytes: Number.POSITIVE_INFINITY,
  headers: {},
  channelArguments: {},
  clock: systemClock,
  random: Math.random,
};

const infinite = ['keepAliveMs', 'maxReceiveBytes', 'maxSendBytes'] as const;

/** @internal @throws ServingError INVALID_ARGUMENT naming the option, what came and what was wanted. */
export function resolveClientOptions(options: ServableClientOptions): ResolvedClientOptions {
  assertObject(options, 'options');
  assertKeys(options, '', ['address', 'connections', 'retry', 'tls', ...Object.keys(defaults)]);
  const given = defined(options);
  const address = parseAddress(options.address);
  const connections = options.connections ?? defaultConnections[address.wire];
  const { retry = {}, tls = {} } = options;
  const resolved = { ...defaults, ...given, address, connections, retry: resolveRetry(retry), tls };
  assertNumber(connections, 'connections', { min: 1, max: 1000, isInteger: true });
  assertTimeout(resolved.timeoutMs);
  for (const name of infinite) assertNumber(resolved[name], name, { min: 1, isInfinityAllowed: true });
  assertNumber(resolved.keepAliveTimeoutMs, 'keepAliveTimeoutMs', { min: 1 });
  assertTls(tls, options.tls !== undefined && !address.isSecure);
  assertEach(resolved.headers, 'headers', isHeader, 'a name in small letters with a text of ASCII');
  assertEach(resolved.channelArguments, 'channelArguments', isArgument, 'a number or a string');
  return resolved;
}

function assertTls(tls: ClientTlsOptions, isPlain: boolean): void {
  if (isPlain) throw optionError('tls', 'certificates', 'none, or an address with grpcs:// or https://');
  assertObject(tls, 'tls');
  assertKeys(tls, 'tls', ['ca', 'cert', 'key', 'serverName']);
  for (const name of ['ca', 'cert', 'key'] as const) {
    const pem: unknown = tls[name];
    if (pem === undefined || pem instanceof Uint8Array) continue;
    assertString(pem, `tls.${name}`);
  }
  if (tls.serverName !== undefined) assertString(tls.serverName, 'tls.serverName');
  if ((tls.cert === undefined) !== (tls.key === undefined)) {
    throw optionError(
      tls.cert === undefined ? 'tls.cert' : 'tls.key',
      undefined,
      'a certificate and its key',
    );
  }
}

function assertEach(
  values: unknown,
  path: string,
  isGood: (name: string, value: unknown) => boolean,
  expected: string,
): void {
  assertObject(values, path);
  for (const [name, value] of Object.entries(values)) {
    if (!isGood(name, value)) throw optionError(`${path}["${name}"]`, value, expected);
  }
}

/** What both gRPC and HTTP take; metadata whose name ends in -bin is no text. */
function isHeader(name: string, value: unknown): boolean {
  const isName = /^[a-z0-9_.-]+$/.test(name) && !name.endsWith('-bin');
  return isName && typeof value === 'string' && /^[\x20-\x7e]*$/.test(value);
}

function isArgument(_name: string, value: unknown): boolean {
  return typeof value === 'number' || typeof value === 'string';
}
