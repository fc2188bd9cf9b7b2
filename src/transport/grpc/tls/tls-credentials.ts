import type { X509Certificate } from 'node:crypto';
import type * as Grpc from '@grpc/grpc-js';
import type { ReadFile } from '../../../config/text-file.js';
import { type Clock, systemClock } from '../../../core/clock.js';
import { ServingError } from '../../../core/errors.js';
import { notify } from '../../../core/notify.js';
import type { TlsMaterial } from '../../tls/tls-material.js';
import { type ResolvedTls, resolveTls, type TlsOptions } from '../../tls/tls-options.js';
import { TlsSource, type UsableTls } from '../../tls/tls-source.js';
import { LiveCertificates } from './live-certificates.js';

/** What can be said of a server's certificate, for logs and metrics. */
export interface ServedCertificate {
  readonly subject: string;
  /** In hexadecimal digits. */
  readonly serialNumber: string;
  /** When clients will no longer accept it. */
  readonly validTo: Date;
}

/** @internal */
export interface TlsCredentialsOptions {
  readonly tls: TlsOptions;
  /** The package `@grpc/grpc-js`, loaded. */
  readonly grpc: typeof Grpc;
  readonly clock?: Clock;
  /** Is told of each certificate after the first, once new connections get it, and of new roots beside the same one. */
  readonly onChange?: (certificate: ServedCertificate) => void;
  /**
   * Is told why what was served before still is: the files cannot be read, are not whole, or do not fit together. Once,
   * until the reason is another or has gone.
   */
  readonly onFailure?: (error: ServingError) => void;
  /** @internal The file system, so that a test can break it. */
  readonly readFile?: ReadFile;
}

/**
 * @internal The TLS credentials of a gRPC server, from texts, files, or TF Serving's SSL config file.
 *
 * Files are followed: a key and certificates that are replaced are taken over by new connections, without a restart, while
 * connections that are open live on. They are taken over together and only when they are good: all can be read, none is cut
 * off, the key is that of the certificate. Until then, those of before are served.
 *
 * ```
 *   files ─► read until two readings agree ─► another content? ─► whole, and fit? ─► new connections
 *              │                                                     │
 *              └──────────────────── onFailure ◄─────────────────────┘
 * ```
 */
export class TlsCredentials {
  readonly #options: TlsCredentialsOptions;
  readonly #tls: ResolvedTls;
  readonly #source: TlsSource;
  #live: LiveCertificates | undefined;
  #started: Promise<Grpc.ServerCredentials> | undefined;
  #isClosed = false;

  /** @throws ServingError INVALID_ARGUMENT for an option that is wrong. */
  constructor(options: TlsCredentialsOptions) {
    const { clock = systemClock, onFailure, readFile } = options;
    this.#options = options;
    this.#tls = resolveTls(options.tls);
    this.#source = new TlsSource({
      tls: this.#tls,
      clock,
      onChange: (usable) => this.#change(usable),
      onFailure: (error) => notify(onFailure, error),
      readFile,
    });
  }

  /**
   * Reads the key and certificates, follows their files from now on, and resolves to what `bindAsync` of a server takes. A
   * second call gets the promise of the first; after a failure, it tries again.
   *
   * @throws ServingError for a file that cannot be read: NOT_FOUND, PERMISSION_DENIED, FAILED_PRECONDITION (a directory),
   *   INVALID_ARGUMENT (too large), UNAVAILABLE; INVALID_ARGUMENT where a part is broken, encrypted, or does not fit;
   *   FAILED_PRECONDITION where the files are to be followed and this grpc-js cannot replace certificates, and after
   *   `close`; CANCELLED where it is closed meanwhile.
   */
  start(): Promise<Grpc.ServerCredentials> {
    this.#started ??= this.#start().catch((error: unknown) => {
      this.#started = undefined;
      throw error;
    });
    return this.#started;
  }

  /** Looks at the files now, rather than when the interval is over; resolves when what was found is taken over or told. */
  poll(): Promise<void> {
    return this.#source.poll();
  }

  /** Follows the files no more. What was served last is served until the server itself is closed. */
  close(): void {
    this.#isClosed = true;
    this.#source.close();
  }

  async #start(): Promise<Grpc.ServerCredentials> {
    if (this.#isClosed)
      throw new ServingError('FAILED_PRECONDITION', 'Cannot start TLS credentials that have been closed');
    const isFollowed = this.#tls.from !== 'texts' && this.#tls.pollIntervalMs > 0;
    const create = isFollowed ? reloadable(this.#options.grpc) : undefined;
    const { material } = await this.#source.read();
    if (create === undefined) return fixed(this.#options.grpc, material);
    this.#live = new LiveCertificates(material);
    await this.#source.follow();
    // The one with the key comes first, though grpc-js 1.14 calls it `caCertificateProvider`. Without one for roots, no
    // client certificate is asked for.
    return create(this.#live, material.clientVerify ? this.#live : null, material.clientVerify);
  }

  #change({ material, certificate }: UsableTls): void {
    if (this.#live === undefined) return; // they were to be read once
    this.#live.replace(material);
    notify(this.#options.onChange, describe(certificate));
  }
}

type CreateReloadable = typeof Grpc.experimental.createCertificateProviderServerCredentials;

/** It is experimental, and came with grpc-js 1.12. */
function reloadable(grpc: typeof Grpc): CreateReloadable {
  const create: unknown = grpc.experimental?.createCertificateProviderServerCredentials;
  if (typeof create === 'function') return create as CreateReloadable;
  throw new ServingError(
    'FAILED_PRECONDITION',
    'Cannot follow TLS files: this version of @grpc/grpc-js cannot replace certificates; with tls.pollIntervalMs 0 they are read once',
    { option: 'tls.pollIntervalMs' },
  );
}

function fixed(grpc: typeof Grpc, { key, cert, ca, clientVerify }: TlsMaterial): Grpc.ServerCredentials {
  const roots = ca === undefined ? null : Buffer.from(ca);
  const pair = { private_key: Buffer.from(key), cert_chain: Buffer.from(cert) };
  return grpc.ServerCredentials.createSsl(roots, [pair], clientVerify);
}

function describe({ subject, serialNumber, validTo }: X509Certificate): ServedCertificate {
  return { subject, serialNumber, validTo: new Date(validTo) };
}
