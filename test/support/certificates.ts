import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Whether certificates can be made here. */
export const hasOpenssl = spawnSync('openssl', ['version']).status === 0;

/** A key and its certificate, as PEM. */
export interface Pair {
  readonly key: string;
  readonly cert: string;
}

/** Makes certificates with openssl's own program, in a folder. Each is for localhost and 127.0.0.1. */
export class Certificates {
  readonly #folder: string;
  #made = 0;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** A certificate that signs itself, and others. */
  authority(name: string): Pair {
    return this.#make(name, (key, cert) => {
      const lasting = ['-days', '2', '-subj', `/CN=${name}`, '-addext', 'keyUsage=critical,keyCertSign'];
      this.#openssl('req', '-x509', '-key', key, '-out', cert, ...lasting);
    });
  }

  /** A certificate that an authority signs; its serial number is in hexadecimal digits. */
  issue(authority: Pair, name: string, serialNumber = '01'): Pair {
    const [caKey, caCert] = [this.#write(authority.key), this.#write(authority.cert)];
    return this.#make(name, (key, cert) => {
      const request = this.#path();
      this.#openssl('req', '-new', '-key', key, '-out', request, '-subj', `/CN=${name}`);
      const extensions = this.#write('subjectAltName=DNS:localhost,IP:127.0.0.1\n');
      const signed = ['-CA', caCert, '-CAkey', caKey, '-set_serial', `0x${serialNumber}`, '-days', '2'];
      this.#openssl('x509', '-req', '-in', request, '-out', cert, '-extfile', extensions, ...signed);
    });
  }

  /** The same key, with a passphrase. */
  encrypt(key: string): string {
    const path = this.#path();
    this.#openssl('pkcs8', '-topk8', '-in', this.#write(key), '-out', path, '-passout', 'pass:secret');
    return readFileSync(path, 'utf8');
  }

  #make(_name: string, sign: (key: string, cert: string) => void): Pair {
    const [key, cert] = [this.#path(), this.#path()];
    this.#openssl('ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', key);
    sign(key, cert);
    return { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') };
  }

  #write(text: string): string {
    const path = this.#path();
    writeFileSync(path, text);
    return path;
  }

  #path(): string {
    return join(this.#folder, `made-${this.#made++}`);
  }

  #openssl(...args: string[]): void {
    execFileSync('openssl', args, { stdio: 'pipe' });
  }
}
