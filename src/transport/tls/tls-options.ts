import {
  assertKeys,
  assertNumber,
  assertObject,
  assertOneOf,
  assertString,
  optionError,
} from '../../core/option-check.js';

/** A key and certificates as PEM texts, which are what is served for good. */
export interface TlsTexts {
  /** The server's private key, not encrypted. */
  readonly key: string | Uint8Array;
  /** The server's certificate, and behind it those that lead to its root. */
  readonly cert: string | Uint8Array;
  /** The roots that clients' certificates are verified against. @default those of the system */
  readonly ca?: string | Uint8Array;
  /**
   * Whether a client must show a certificate, which is verified. Where false, none is asked for.
   *
   * @default true where `ca` is given, which is good for nothing else; otherwise false
   */
  readonly clientVerify?: boolean;
}

/** The same in files, which may be replaced while they are served. */
export interface TlsFiles {
  /** The file with what is `key` in {@link TlsTexts}. Relative to the working directory, as the other two. */
  readonly keyFile: string;
  /** The file with what is `cert` in {@link TlsTexts}; it may be the same as `keyFile`. */
  readonly certFile: string;
  /** The file with what is `ca` in {@link TlsTexts}. */
  readonly caFile?: string;
  /** As in {@link TlsTexts}. */
  readonly clientVerify?: boolean;
  /**
   * Milliseconds from one look at the files to the next. When their content is another, it is taken over: for new
   * connections, while those that are open live on. 0 reads them once.
   *
   * @default 60000: certificates are replaced long before they end, by cert-manager when a third of their time is left
   */
  readonly pollIntervalMs?: number;
}

/** TF Serving's `--ssl_config_file`. */
export interface TlsConfigFile {
  /** A file with an `SSLConfig`, as protobuf text or as JSON, which holds the PEM texts themselves. */
  readonly configFile: string;
  /**
   * As in {@link TlsFiles}. What stays as it was at the start is `client_verify`.
   *
   * @default 0, as TF Serving reads it once
   */
  readonly pollIntervalMs?: number;
}

/** Where a server's key and certificates come from. */
export type TlsOptions = TlsTexts | TlsFiles | TlsConfigFile;

/** @internal The same, with every default filled in and PEM as text. */
export type ResolvedTls =
  | {
      readonly from: 'texts';
      readonly key: string;
      readonly cert: string;
      readonly ca: string | undefined;
      readonly clientVerify: boolean;
    }
  | {
      readonly from: 'files';
      readonly keyFile: string;
      readonly certFile: string;
      readonly caFile: string | undefined;
      readonly clientVerify: boolean;
      readonly pollIntervalMs: number;
    }
  | { readonly from: 'config'; readonly configFile: string; readonly pollIntervalMs: number };

/** @internal @throws ServingError INVALID_ARGUMENT naming the option, and never quoting a key. */
export function resolveTls(tls: TlsOptions): ResolvedTls {
  assertObject(tls, 'tls');
  if ('configFile' in tls) return resolveConfigFile(tls);
  if ('keyFile' in tls || 'certFile' in tls) return resolveFiles(tls as TlsFiles);
  return resolveTexts(tls);
}

function resolveTexts(tls: TlsTexts): ResolvedTls {
  assertKeys(tls, 'tls', ['key', 'cert', 'ca', 'clientVerify']);
  const { key, cert, ca, clientVerify = ca !== undefined } = tls;
  assertOneOf(clientVerify, 'tls.clientVerify', [true, false]);
  return {
    from: 'texts',
    key: toText(key, 'tls.key'),
    cert: toText(cert, 'tls.cert'),
    ca: ca === undefined ? undefined : toText(ca, 'tls.ca'),
    clientVerify,
  };
}

function resolveFiles(tls: TlsFiles): ResolvedTls {
  assertKeys(tls, 'tls', ['keyFile', 'certFile', 'caFile', 'clientVerify', 'pollIntervalMs']);
  const { keyFile, certFile, caFile, clientVerify = caFile !== undefined, pollIntervalMs = 60_000 } = tls;
  assertPath(keyFile, 'tls.keyFile');
  assertPath(certFile, 'tls.certFile');
  if (caFile !== undefined) assertPath(caFile, 'tls.caFile');
  assertOneOf(clientVerify, 'tls.clientVerify', [true, false]);
  assertNumber(pollIntervalMs, 'tls.pollIntervalMs', { min: 0 });
  return { from: 'files', keyFile, certFile, caFile, clientVerify, pollIntervalMs };
}

function resolveConfigFile(tls: TlsConfigFile): ResolvedTls {
  assertKeys(tls, 'tls', ['configFile', 'pollIntervalMs']);
  const { configFile, pollIntervalMs = 0 } = tls;
  assertPath(configFile, 'tls.configFile');
  assertNumber(pollIntervalMs, 'tls.pollIntervalMs', { min: 0 });
  return { from: 'config', configFile, pollIntervalMs };
}

function toText(pem: unknown, option: string): string {
  if (typeof pem === 'string' && pem !== '') return pem;
  // PEM is ASCII; what comments beside it are written in is of no interest.
  if (pem instanceof Uint8Array && pem.length > 0) return Buffer.from(pem).toString('latin1');
  // What came is not shown, since it may be a key in the wrong wrapping.
  const came = pem === '' || pem instanceof Uint8Array ? 'nothing' : pem === null ? 'null' : typeof pem;
  throw optionError(option, { toJSON: () => came }, 'PEM text, as a string or as bytes');
}

/** Keeps a key that was given in place of its path out of all messages. */
function assertPath(path: unknown, option: string): asserts path is string {
  assertString(path, option);
  if (!path.includes('-----BEGIN')) return;
  throw optionError(option, { toJSON: () => 'a PEM text' }, 'the path of a file');
}
