import type { experimental } from '@grpc/grpc-js';
import type { TlsMaterial } from '../../tls/tls-material.js';

type CaListener = experimental.CaCertificateUpdateListener;
type IdentityListener = experimental.IdentityCertificateUpdateListener;

/**
 * @internal The key and certificates in force, for grpc-js, which is told when there are others. Each then makes a secure
 * context, which new connections get.
 */
export class LiveCertificates implements experimental.CertificateProvider {
  readonly #caListeners = new Set<CaListener>();
  readonly #identityListeners = new Set<IdentityListener>();
  #material: TlsMaterial;

  constructor(material: TlsMaterial) {
    this.#material = material;
  }

  /** From now on, what new connections get. */
  replace(material: TlsMaterial): void {
    this.#material = material;
    for (const listener of this.#caListeners) this.#tellCa(listener);
    for (const listener of this.#identityListeners) this.#tellIdentity(listener);
  }

  // grpc-js 1.14 asks for the context before it listens, and listens before it watches: a listener that was called at
  // once would leave the first server without a context for ever, and all its connections dropped. On the next tick, it
  // has one before it accepts the first connection.

  addCaCertificateListener(listener: CaListener): void {
    this.#caListeners.add(listener);
    process.nextTick(() => this.#caListeners.has(listener) && this.#tellCa(listener));
  }

  removeCaCertificateListener(listener: CaListener): void {
    this.#caListeners.delete(listener);
  }

  addIdentityCertificateListener(listener: IdentityListener): void {
    this.#identityListeners.add(listener);
    process.nextTick(() => this.#identityListeners.has(listener) && this.#tellIdentity(listener));
  }

  removeIdentityCertificateListener(listener: IdentityListener): void {
    this.#identityListeners.delete(listener);
  }

  #tellCa(listener: CaListener): void {
    const { ca } = this.#material;
    // What grpc-js does not say and does: an update without certificates stands for the runtime's own roots, as in
    // `createSsl`. An update that is null would have all connections dropped.
    const caCertificate = ca === undefined ? undefined : Buffer.from(ca);
    listener({ caCertificate } as experimental.CaCertificateUpdate);
  }

  #tellIdentity(listener: IdentityListener): void {
    const { key, cert } = this.#material;
    listener({ privateKey: Buffer.from(key), certificate: Buffer.from(cert) });
  }
}
