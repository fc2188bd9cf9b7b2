import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import { ServingError } from '../../core/errors.js';

/** @internal A server's key and certificates, as PEM texts. */
export interface TlsMaterial {
  readonly key: string;
  readonly cert: string;
  /** Undefined for the roots of the system. */
  readonly ca: string | undefined;
  readonly clientVerify: boolean;
}

/** @internal What each part is called in errors, which also is where it came from. */
export interface MaterialNames {
  readonly key: string;
  readonly cert: string;
  readonly ca: string;
}

/**
 * @internal Whether a server can serve with it: the parts are whole, the key belongs to the certificate, and the runtime
 * takes them. Whether the certificate is valid today is for the clients to say.
 *
 * @returns the server's own certificate
 * @throws ServingError INVALID_ARGUMENT naming the part that is wrong.
 */
export function checkMaterial(material: TlsMaterial, names: MaterialNames): X509Certificate {
  const { key, cert, ca } = material;
  const privateKey = readKey(key, names.key);
  const [certificate] = readCertificates(cert, names.cert);
  if (ca !== undefined) readCertificates(ca, names.ca);
  if (!certificate.checkPrivateKey(privateKey)) {
    throw unusable(names.key, `it is not the key of the certificate in ${names.cert}`);
  }
  try {
    createSecureContext({ key, cert, ca });
  } catch (error) {
    throw unusable(`${names.key} with ${names.cert}`, describe(error), error);
  }
  return certificate;
}

function readKey(pem: string, name: string): KeyObject {
  // The two forms of PEM say so in different places, and the runtime's errors do not always.
  if (/^(-----BEGIN ENCRYPTED|Proc-Type: 4,ENCRYPTED)/m.test(pem))
    throw unusable(name, 'it is encrypted, expected a key without a passphrase');
  try {
    assertWhole(pem);
    return createPrivateKey(pem);
  } catch (error) {
    throw unusable(name, `it holds no private key in PEM: ${describe(error)}`, error);
  }
}

/** At least one. Each is looked at, since the runtime passes over those that it cannot read. */
function readCertificates(pem: string, name: string): readonly [X509Certificate, ...X509Certificate[]] {
  try {
    assertWhole(pem);
    const blocks = pem.match(/-----BEGIN [A-Z0-9 ]*CERTIFICATE-----.*?-----END [A-Z0-9 ]*CERTIFICATE-----/gs);
    const [first = '', ...others] = blocks ?? [];
    return [new X509Certificate(first), ...others.map((block) => new X509Certificate(block))];
  } catch (error) {
    throw unusable(name, `it holds no certificate in PEM, or one that is broken: ${describe(error)}`, error);
  }
}

/** A text that was cut off within a block is taken by OpenSSL for one without that block. */
function assertWhole(pem: string): void {
  const begun = pem.split('-----BEGIN ').length;
  const ended = pem.split('-----END ').length;
  if (begun !== ended) throw new Error('it is cut off');
}

function describe(error: unknown): string {
  if (error instanceof Error && 'reason' in error) return String(error.reason); // OpenSSL's own, without its numbers
  return error instanceof Error ? error.message : String(error);
}

function unusable(name: string, what: string, cause?: unknown): ServingError {
  return new ServingError('INVALID_ARGUMENT', `Cannot use ${name} for TLS: ${what}`, { cause });
}
