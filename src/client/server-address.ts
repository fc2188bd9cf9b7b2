import { optionError } from '../core/option-check.js';

/** Where a server is, and how it is spoken to. */
export interface ServerAddress {
  /** As it was written. */
  readonly text: string;
  readonly wire: 'grpc' | 'rest';
  readonly isSecure: boolean;
  /** Of a host. IPv6 without its brackets. Empty for a socket. */
  readonly host: string;
  readonly port: number;
  /** A socket in the file system, in place of a host. */
  readonly socketPath?: string;
  /** What stands before the paths of REST: '' or `/behind/a/gateway`. */
  readonly prefix: string;
}

interface Scheme {
  readonly wire: ServerAddress['wire'];
  readonly isSecure: boolean;
  readonly port: number;
}

/** With the port that is meant where none is written: TF Serving's for gRPC, that of the web for URLs. */
const schemes: Readonly<Record<string, Scheme>> = {
  'grpc:': { wire: 'grpc', isSecure: false, port: 8500 },
  'grpcs:': { wire: 'grpc', isSecure: true, port: 8500 },
  'http:': { wire: 'rest', isSecure: false, port: 80 },
  'https:': { wire: 'rest', isSecure: true, port: 443 },
};

const expected =
  'grpc://host:port, grpcs://host:port, http://host:port, https://host:port, unix:/path or http+unix:/path';

/** @throws ServingError INVALID_ARGUMENT for what is no address. */
export function parseAddress(address: unknown): ServerAddress {
  if (typeof address !== 'string') throw optionError('address', address, expected);
  const [, http, socketPath] = /^(http\+)?unix:(?:\/\/)?(.+)$/.exec(address) ?? [];
  if (socketPath !== undefined) {
    const wire = http === undefined ? 'grpc' : 'rest';
    return { text: address, wire, isSecure: false, host: '', port: 0, socketPath, prefix: '' };
  }
  const url = URL.canParse(address) ? new URL(address) : undefined;
  const scheme = url && Object.hasOwn(schemes, url.protocol) ? schemes[url.protocol] : undefined;
  if (url === undefined || scheme === undefined) throw optionError('address', address, expected);
  const { wire, isSecure } = scheme;
  const prefix = url.pathname.replace(/\/+$/, '');
  const isPlain = url.username + url.password + url.search + url.hash === '';
  if (url.hostname === '' || !isPlain || (prefix !== '' && wire === 'grpc')) {
    throw optionError('address', address, expected);
  }
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  return { text: address, wire, isSecure, host, port: Number(url.port || scheme.port), prefix };
}
