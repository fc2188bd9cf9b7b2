import type { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { env } from 'node:process';
import { ConfigFile } from '../../config/config-file.js';
import { parseSslConfig } from '../../config/ssl-config.js';
import type { ReadFile } from '../../config/text-file.js';
import type { Clock } from '../../core/clock.js';
import { ServingError } from '../../core/errors.js';
import { PemFiles, readTimeoutMs } from './pem-files.js';
import { checkMaterial, type MaterialNames, type TlsMaterial } from './tls-material.js';
import type { ResolvedTls } from './tls-options.js';

/** @internal What a server can serve with, and its certificate. */
export interface UsableTls {
  readonly material: TlsMaterial;
  readonly certificate: X509Certificate;
}

/** @internal */
export interface TlsSourceOptions {
  readonly tls: ResolvedTls;
  readonly clock: Clock;
  /** Is given what is to be served from now on. */
  readonly onChange: (usable: UsableTls) => void;
  /** Is told why what was served before still is. */
  readonly onFailure: (error: ServingError) => void;
  /** The file system, so that a test can break it. */
  readonly readFile?: ReadFile | undefined;
}

/** @internal The key and certificates of a server: read at its start, and followed where they lie in files. */
export class TlsSource {
  readonly #options: TlsSourceOptions;
  readonly #pemFiles: PemFiles | undefined;
  /** Undefined for texts, which do not change. */
  readonly #file: ConfigFile<UsableTls> | undefined;
  /** What the server was made with: grpc-js asks for client certificates, or does not, for good. */
  #clientVerify: boolean | undefined;

  constructor(options: TlsSourceOptions) {
    const { tls, clock, readFile } = options;
    this.#options = options;
    if (tls.from === 'files')
      this.#pemFiles = new PemFiles([tls.keyFile, tls.certFile, tls.caFile], clock, readFile);
    this.#file = this.#openFile();
  }

  /** @throws ServingError where a file cannot be read, or cannot be served with. */
  async read(): Promise<UsableTls> {
    const { tls } = this.#options;
    const usable = this.#file === undefined ? this.#parse('') : await this.#file.read();
    if (tls.from !== 'texts') this.#clientVerify = usable.material.clientVerify;
    return usable;
  }

  /** Looks from now on as often as the options say. */
  async follow(): Promise<void> {
    await this.#file?.start();
  }

  /** Looks now. */
  async poll(): Promise<void> {
    await this.#file?.poll();
  }

  close(): void {
    this.#file?.close();
    this.#pemFiles?.giveUp(new ServingError('CANCELLED', 'The TLS files were closed while they were read'));
  }

  #openFile(): ConfigFile<UsableTls> | undefined {
    const { tls, clock, onChange, onFailure, readFile } = this.#options;
    if (tls.from === 'texts') return undefined;
    const files = this.#pemFiles;
    return new ConfigFile({
      // Several files are one to what follows them: their texts in a list.
      path: tls.from === 'files' ? tls.certFile : tls.configFile,
      ...(files && { readFile: async () => Buffer.from(JSON.stringify(await files.read())) }),
      ...(!files && readFile && { readFile }),
      // Each of several files has this time for itself, and is named where it is late.
      readTimeoutMs: files ? 8 * readTimeoutMs : readTimeoutMs,
      pollIntervalMs: tls.pollIntervalMs,
      clock,
      parse: (text) => this.#parse(text),
      onConfig: onChange,
      onFailure,
    });
  }

  #parse(text: string): UsableTls {
    const { tls } = this.#options;
    const read = materialOf(tls, text);
    this.#assertSameClientVerify(read);
    const material = { ...read, ca: read.ca ?? (read.clientVerify ? defaultRoots() : undefined) };
    return { material, certificate: checkMaterial(material, namesOf(tls)) };
  }

  #assertSameClientVerify({ clientVerify }: TlsMaterial): void {
    if (this.#clientVerify === undefined || this.#clientVerify === clientVerify) return;
    const message = `Cannot change client_verify from ${this.#clientVerify} to ${clientVerify} while the server runs: it takes another start`;
    throw new ServingError('FAILED_PRECONDITION', message);
  }
}

function materialOf(tls: ResolvedTls, text: string): TlsMaterial {
  switch (tls.from) {
    case 'texts':
      return tls;
    case 'files': {
      const [key, cert, ca] = JSON.parse(text);
      return { key, cert, ca: ca ?? undefined, clientVerify: tls.clientVerify };
    }
    case 'config': {
      const { serverKey, serverCert, customCa, clientVerify } = parseSslConfig(text, {
        file: tls.configFile,
      });
      return { key: serverKey, cert: serverCert, ca: customCa || undefined, clientVerify };
    }
    default:
      return tls satisfies never;
  }
}

function namesOf(tls: ResolvedTls): MaterialNames {
  switch (tls.from) {
    case 'texts':
      return { key: 'tls.key', cert: 'tls.cert', ca: 'tls.ca' };
    case 'files': {
      const { keyFile, certFile, caFile = rootsFile() ?? '' } = tls;
      return {
        key: `key file '${keyFile}'`,
        cert: `certificate file '${certFile}'`,
        ca: `CA file '${caFile}'`,
      };
    }
    case 'config': {
      const of = `of config file '${tls.configFile}'`;
      return { key: `server_key ${of}`, cert: `server_cert ${of}`, ca: `custom_ca ${of}` };
    }
    default:
      return tls satisfies never;
  }
}

/** All of gRPC's implementations, TF Serving's too, take these roots for those of the system where they are given. */
function rootsFile(): string | undefined {
  const { GRPC_DEFAULT_SSL_ROOTS_FILE_PATH: path } = env;
  return path || undefined;
}

function defaultRoots(): string | undefined {
  const path = rootsFile();
  if (path === undefined) return undefined;
  try {
    return readFileSync(path, 'latin1');
  } catch (error) {
    const message = `Cannot read the roots of GRPC_DEFAULT_SSL_ROOTS_FILE_PATH: ${ServingError.from(error).message}`;
    throw new ServingError('FAILED_PRECONDITION', message, { cause: error });
  }
}
