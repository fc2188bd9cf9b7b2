import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect as connectTls, type PeerCertificate } from 'node:tls';
import * as grpc from '@grpc/grpc-js';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type ReadFile, readNodeFile } from '#dist/config/text-file.js';
import { ServingError } from '#dist/core/errors.js';
import {
  type ServedCertificate,
  TlsCredentials,
  type TlsCredentialsOptions,
} from '#dist/transport/grpc/tls/tls-credentials.js';
import type { TlsOptions } from '#dist/transport/tls/tls-options.js';
import { caught } from '../../support/caught.js';
import { Certificates, hasOpenssl, type Pair } from '../../support/certificates.js';
import { FakeClock } from '../../support/fake-clock.js';
import { temporaryFolder } from '../../support/onnx/model-folder.js';
import { rejection } from '../../support/rejection.js';

const folder = temporaryFolder();
const certificates = new Certificates(folder);
const releases: (() => void)[] = [];
afterEach(() => {
  for (const release of releases.splice(0).reverse()) release();
});

/** What the tests share: made once, since each takes a few processes. */
let made: {
  readonly authority: Pair;
  readonly first: Pair;
  readonly second: Pair;
  readonly client: Pair;
  readonly stranger: Pair;
  readonly otherAuthority: Pair;
};
beforeAll(() => {
  if (!hasOpenssl) return;
  const authority = certificates.authority('authority');
  const otherAuthority = certificates.authority('other');
  made = {
    authority,
    otherAuthority,
    first: certificates.issue(authority, 'localhost', 'AA01'),
    second: certificates.issue(authority, 'localhost', 'AA02'),
    client: certificates.issue(authority, 'client', 'CC01'),
    stranger: certificates.issue(otherAuthority, 'stranger', 'CC02'),
  };
});

const identity = (bytes: Buffer) => bytes;
const method = { path: '/test.Echo/Say', requestSerialize: identity, responseSerialize: identity };
const echo = {
  Say: {
    ...method,
    requestStream: false,
    responseStream: false,
    requestDeserialize: identity,
    responseDeserialize: identity,
  },
  Chat: {
    ...method,
    path: '/test.Echo/Chat',
    requestStream: true,
    responseStream: true,
    requestDeserialize: identity,
    responseDeserialize: identity,
  },
} satisfies grpc.ServiceDefinition;

interface Heard {
  readonly failures: string[];
  readonly changes: ServedCertificate[];
}

function arrange(tls: TlsOptions, options: Partial<TlsCredentialsOptions> = {}) {
  const clock = new FakeClock();
  const heard: Heard = { failures: [], changes: [] };
  const credentials = new TlsCredentials({
    tls,
    grpc,
    clock,
    onFailure: (error) => void heard.failures.push(`${error.code}: ${error.message}`),
    onChange: (certificate) => void heard.changes.push(certificate),
    ...options,
  });
  releases.push(() => credentials.close());
  return { credentials, clock, heard };
}

async function serve(tls: TlsOptions, options: Partial<TlsCredentialsOptions> = {}) {
  const arranged = arrange(tls, options);
  const server = new grpc.Server();
  releases.push(() => server.forceShutdown());
  server.addService(echo, {
    Say: (call: grpc.ServerUnaryCall<Buffer, Buffer>, answer: grpc.sendUnaryData<Buffer>) =>
      answer(null, call.request),
    Chat: (call: grpc.ServerDuplexStream<Buffer, Buffer>) => {
      call.on('data', (bytes) => call.write(bytes));
      call.on('end', () => call.end());
      call.on('error', () => {}); // the client of a refused test goes away
    },
  });
  const port = await bind(server, await arranged.credentials.start());
  return { ...arranged, server, port };
}

function bind(server: grpc.Server, credentials: grpc.ServerCredentials, address = 'localhost:0') {
  return new Promise<number>((resolve, reject) =>
    server.bindAsync(address, credentials, (error, port) => (error ? reject(error) : resolve(port))),
  );
}

function clientOf(port: number, own?: Pair, { cert: root } = made.authority): grpc.Client {
  const pair = own === undefined ? [] : [Buffer.from(own.key), Buffer.from(own.cert)];
  const channel = grpc.credentials.createSsl(Buffer.from(root), ...pair);
  const client = new grpc.Client(`localhost:${port}`, channel, { 'grpc.use_local_subchannel_pool': 1 });
  releases.push(() => client.close());
  return client;
}

/** The answer, or the status of the failure. */
function say(client: grpc.Client, text: string): Promise<string> {
  return new Promise((resolve) =>
    client.makeUnaryRequest('/test.Echo/Say', identity, identity, Buffer.from(text), (error, answer) =>
      resolve(error ? (grpc.status[error.code] as string) : String(answer)),
    ),
  );
}

/** The certificate that a new connection is shown. */
function shown(port: number, own?: Pair): Promise<PeerCertificate> {
  return new Promise((resolve, reject) => {
    const socket = connectTls({
      host: 'localhost',
      port,
      ca: made.authority.cert,
      ALPNProtocols: ['h2'],
      ...own,
    });
    socket.on('error', reject);
    socket.on('secureConnect', () => {
      resolve(socket.getPeerCertificate());
      socket.destroy();
    });
  });
}

/** A folder with `tls.key`, `tls.crt` and `ca.crt`, and what writes others into it. */
function filesWith(pair: Pair, ca?: string) {
  const place = mkdtempSync(join(folder, 'files-'));
  const paths = { keyFile: join(place, 'tls.key'), certFile: join(place, 'tls.crt') };
  const caFile = join(place, 'ca.crt');
  const write = ({ key, cert }: Pair) => {
    writeFileSync(paths.keyFile, key);
    writeFileSync(paths.certFile, cert);
  };
  write(pair);
  if (ca !== undefined) writeFileSync(caFile, ca);
  return { paths, caFile, write };
}

const sslConfig = (pair: Pair, more = '') =>
  `server_key: ${JSON.stringify(pair.key)}\nserver_cert: ${JSON.stringify(pair.cert)}\n${more}`;

function configWith(text: string): string {
  const path = join(mkdtempSync(join(folder, 'config-')), 'ssl.config');
  writeFileSync(path, text);
  return path;
}

/** What needs certificates is skipped where there is no program to make them with. */
const describeTls = (title: string, tests: () => void) =>
  describe.skipIf(!hasOpenssl)(hasOpenssl ? title : `${title} (needs the program openssl)`, tests);

describeTls('TLS', () => {
  it.each<[string, () => TlsOptions]>([
    ['texts', () => made.first],
    ['bytes', () => ({ key: Buffer.from(made.first.key), cert: Buffer.from(made.first.cert) })],
    ['files', () => filesWith(made.first).paths],
    ['files that are read once', () => ({ ...filesWith(made.first).paths, pollIntervalMs: 0 })],
    ['an SSL config file', () => ({ configFile: configWith(sslConfig(made.first)) })],
    [
      'an SSL config file that is followed',
      () => ({ configFile: configWith(sslConfig(made.first)), pollIntervalMs: 1 }),
    ],
    [
      'an SSL config file in JSON',
      () => ({
        configFile: configWith(JSON.stringify({ serverKey: made.first.key, serverCert: made.first.cert })),
      }),
    ],
    [
      'one file with both key and certificate',
      () => {
        const { paths } = filesWith({ key: made.first.key + made.first.cert, cert: '' });
        return { keyFile: paths.keyFile, certFile: paths.keyFile };
      },
    ],
  ])('is served from %s', async (_what, tls) => {
    const { port } = await serve(tls());
    expect(await say(clientOf(port), 'hello')).toBe('hello');
    expect((await shown(port)).serialNumber).toBe('AA01');
  });

  it('asks for no certificate of the client, and minds none', async () => {
    const { port } = await serve({ ...made.first, ca: made.authority.cert, clientVerify: false });
    expect(await say(clientOf(port), 'hello')).toBe('hello');
    expect(await say(clientOf(port, made.stranger), 'hello')).toBe('hello');
  });

  it('is served on every address of a server, and again on another one', async () => {
    const { credentials, server, port } = await serve(filesWith(made.first).paths);
    const started = await credentials.start();
    const second = await bind(server, started);
    const other = new grpc.Server();
    releases.push(() => other.forceShutdown());
    const third = await bind(other, started, '127.0.0.1:0');
    for (const each of [port, second, third]) expect((await shown(each)).serialNumber).toBe('AA01');
  });
});

describeTls('mutual TLS', () => {
  it.each<[string, () => TlsOptions]>([
    ['texts', () => ({ ...made.first, ca: made.authority.cert, clientVerify: true })],
    ['texts, where the roots alone ask for it', () => ({ ...made.first, ca: made.authority.cert })],
    [
      'files',
      () => {
        const { paths, caFile } = filesWith(made.first, made.authority.cert);
        return { ...paths, caFile, clientVerify: true };
      },
    ],
    [
      'files that are read once',
      () => {
        const { paths, caFile } = filesWith(made.first, made.authority.cert);
        return { ...paths, caFile, pollIntervalMs: 0 };
      },
    ],
    [
      'an SSL config file',
      () => {
        const custom = `custom_ca: ${JSON.stringify(made.authority.cert)} client_verify: true`;
        return { configFile: configWith(sslConfig(made.first, custom)) };
      },
    ],
  ])('of %s accepts a client of its authority alone', async (_what, tls) => {
    const { port } = await serve(tls());
    expect(await say(clientOf(port, made.client), 'hello')).toBe('hello');
    expect(await say(clientOf(port), 'hello')).toBe('UNAVAILABLE');
    expect(await say(clientOf(port, made.stranger), 'hello')).toBe('UNAVAILABLE');
  });

  it.each([0, 60_000])(
    "without roots of its own trusts the system's, not just anyone (poll interval %i)",
    async (pollIntervalMs) => {
      const { port } = await serve({ ...filesWith(made.first).paths, clientVerify: true, pollIntervalMs });
      expect(await say(clientOf(port, made.client), 'hello')).toBe('UNAVAILABLE');
      expect(await say(clientOf(port), 'hello')).toBe('UNAVAILABLE');
    },
  );

  it.each([0, 60_000])(
    "takes gRPC's own variable for the system's roots (poll interval %i)",
    async (pollIntervalMs) => {
      const { paths, caFile } = filesWith(made.first, made.authority.cert);
      process.env.GRPC_DEFAULT_SSL_ROOTS_FILE_PATH = caFile;
      releases.push(() => delete process.env.GRPC_DEFAULT_SSL_ROOTS_FILE_PATH);
      const { port } = await serve({ ...paths, clientVerify: true, pollIntervalMs });
      expect(await say(clientOf(port, made.client), 'hello')).toBe('hello');
      expect(await say(clientOf(port, made.stranger), 'hello')).toBe('UNAVAILABLE');
      process.env.GRPC_DEFAULT_SSL_ROOTS_FILE_PATH = '/nowhere/roots.pem';
      const { credentials } = arrange({ ...paths, clientVerify: true, pollIntervalMs });
      expect(await rejection(credentials.start())).toMatchObject({
        code: 'FAILED_PRECONDITION',
        message: expect.stringContaining('/nowhere/roots.pem'),
      });
    },
  );
});

describeTls('a replaced certificate', () => {
  it('is for new connections, while a call under way goes on', async () => {
    const { paths, write } = filesWith(made.first);
    const { port, clock, credentials, heard } = await serve({ ...paths, pollIntervalMs: 1000 });
    const client = clientOf(port);
    const chat = client.makeBidiStreamRequest('/test.Echo/Chat', identity, identity);
    const answers: string[] = [];
    const answered = (count: number) =>
      new Promise<void>((resolve) =>
        chat.on('data', (bytes) => {
          answers.push(String(bytes));
          if (answers.length === count) resolve();
        }),
      );
    const first = answered(1);
    chat.write(Buffer.from('before'));
    await first;

    write(made.second);
    expect((await shown(port)).serialNumber).toBe('AA01'); // not looked at yet
    clock.advance(1000);
    await credentials.poll(); // after the look that the clock began
    expect((await shown(port)).serialNumber).toBe('AA02');
    expect(heard.changes).toEqual([
      { subject: 'CN=localhost', serialNumber: 'AA02', validTo: expect.any(Date) },
    ]);
    expect(heard.changes[0]?.validTo.getTime()).toBeGreaterThan(Date.now());
    expect(heard.failures).toEqual([]);

    chat.removeAllListeners('data');
    const second = answered(2);
    chat.write(Buffer.from('after'));
    await second;
    expect(answers).toEqual(['before', 'after']);
    chat.cancel();
    chat.on('error', () => {});
  });

  it('is taken over on every address', async () => {
    const { paths, write } = filesWith(made.first);
    const { port, server, credentials } = await serve(paths);
    const second = await bind(server, await credentials.start());
    write(made.second);
    await credentials.poll();
    for (const each of [port, second]) expect((await shown(each)).serialNumber).toBe('AA02');
  });

  it('is taken over of an SSL config file that is followed', async () => {
    const configFile = configWith(sslConfig(made.first));
    const { port, credentials, heard } = await serve({ configFile, pollIntervalMs: 1000 });
    writeFileSync(configFile, sslConfig(made.second));
    await credentials.poll();
    expect((await shown(port)).serialNumber).toBe('AA02');
    expect(heard.changes.map(({ serialNumber }) => serialNumber)).toEqual(['AA02']);
  });

  it('is left alone where files are read once', async () => {
    const { paths, write } = filesWith(made.first);
    const { port, clock, credentials, heard } = await serve({ ...paths, pollIntervalMs: 0 });
    write(made.second);
    expect(clock.pending).toBe(0);
    await credentials.poll();
    expect((await shown(port)).serialNumber).toBe('AA01');
    expect(heard).toEqual({ failures: [], changes: [] });
  });

  it('may be of another authority, and so may the clients', async () => {
    const { paths, caFile } = filesWith(made.first, made.authority.cert);
    const { port, credentials, heard } = await serve({ ...paths, caFile });
    expect(await say(clientOf(port, made.stranger), 'hello')).toBe('UNAVAILABLE');
    writeFileSync(caFile, made.otherAuthority.cert);
    await credentials.poll();
    expect(await say(clientOf(port, made.stranger), 'hello')).toBe('hello');
    expect(await say(clientOf(port, made.client), 'hello')).toBe('UNAVAILABLE');
    writeFileSync(caFile, made.otherAuthority.cert + made.authority.cert);
    await credentials.poll();
    expect(await say(clientOf(port, made.stranger), 'hello')).toBe('hello');
    expect(await say(clientOf(port, made.client), 'hello')).toBe('hello');
    expect(heard.changes.map(({ serialNumber }) => serialNumber)).toEqual(['AA01', 'AA01']);
  });

  it('is seen in each swap of the links of a Kubernetes Secret', async () => {
    const volume = mkdtempSync(join(folder, 'volume-'));
    const swapTo = ({ key, cert }: Pair, revision: string) => {
      mkdirSync(join(volume, revision));
      writeFileSync(join(volume, revision, 'tls.key'), key);
      writeFileSync(join(volume, revision, 'tls.crt'), cert);
      symlinkSync(revision, join(volume, '..data_tmp'));
      renameSync(join(volume, '..data_tmp'), join(volume, '..data'));
    };
    swapTo(made.first, '..1');
    for (const name of ['tls.key', 'tls.crt']) symlinkSync(join('..data', name), join(volume, name));
    const paths = { keyFile: join(volume, 'tls.key'), certFile: join(volume, 'tls.crt') };
    const { port, credentials, heard } = await serve(paths);
    for (const [turn, pair] of [made.second, made.first, made.second].entries()) {
      swapTo(pair, `..${turn + 2}`);
      await credentials.poll();
      expect((await shown(port)).serialNumber).toBe(pair === made.first ? 'AA01' : 'AA02');
    }
    expect(heard.failures).toEqual([]);
  });

  it('is taken over at once, and not reported, where the files are swapped while they are read', async () => {
    const { paths, write } = filesWith(made.first);
    let isSwapped = true;
    // The key is read before the swap, the certificate after it.
    const readFile: ReadFile = async (path, maxBytes) => {
      if (isSwapped || path !== paths.keyFile) return readNodeFile(path, maxBytes);
      isSwapped = true;
      return Buffer.from(made.first.key);
    };
    const { port, credentials, heard } = await serve(paths, { readFile });
    write(made.second);
    isSwapped = false;
    await credentials.poll();
    expect(isSwapped).toBe(true);
    expect((await shown(port)).serialNumber).toBe('AA02');
    expect(heard.failures).toEqual([]);
  });
});

describeTls('what cannot be served', () => {
  interface Damage {
    readonly paths: { readonly keyFile: string; readonly certFile: string };
    readonly caFile: string;
  }
  const cases: [string, (damage: Damage) => void, string, string][] = [
    [
      'a new key beside the old certificate',
      ({ paths }) => writeFileSync(paths.keyFile, made.second.key),
      'INVALID_ARGUMENT',
      "Cannot use key file '<keyFile>' for TLS: it is not the key of the certificate in certificate file '<certFile>'",
    ],
    [
      'a key that is cut off',
      ({ paths }) => writeFileSync(paths.keyFile, made.second.key.slice(0, 100)),
      'INVALID_ARGUMENT',
      "Cannot use key file '<keyFile>' for TLS: it holds no private key in PEM: it is cut off",
    ],
    [
      'a certificate that is cut off in what leads to its root',
      ({ paths }) => writeFileSync(paths.certFile, made.first.cert + made.authority.cert.slice(0, 300)),
      'INVALID_ARGUMENT',
      "Cannot use certificate file '<certFile>' for TLS: it holds no certificate in PEM, or one that is broken: it is cut off",
    ],
    [
      'an empty certificate file',
      ({ paths }) => writeFileSync(paths.certFile, ''),
      'INVALID_ARGUMENT',
      "Cannot use certificate file '<certFile>' for TLS: it holds no certificate in PEM",
    ],
    [
      'garbage for a key',
      ({ paths }) => writeFileSync(paths.keyFile, createHash('sha512').update('garbage').digest()),
      'INVALID_ARGUMENT',
      "Cannot use key file '<keyFile>' for TLS: it holds no private key in PEM",
    ],
    [
      'key and certificate in each other’s place',
      ({ paths }) => {
        writeFileSync(paths.keyFile, made.first.cert);
        writeFileSync(paths.certFile, made.first.key);
      },
      'INVALID_ARGUMENT',
      "Cannot use key file '<keyFile>' for TLS: it holds no private key in PEM",
    ],
    [
      'an encrypted key',
      ({ paths }) => writeFileSync(paths.keyFile, certificates.encrypt(made.first.key)),
      'INVALID_ARGUMENT',
      "Cannot use key file '<keyFile>' for TLS: it is encrypted, expected a key without a passphrase",
    ],
    [
      'roots that are none',
      ({ caFile }) => writeFileSync(caFile, 'none'),
      'INVALID_ARGUMENT',
      "Cannot use CA file '<caFile>' for TLS: it holds no certificate in PEM",
    ],
    [
      'roots of which the last is broken',
      ({ caFile }) =>
        writeFileSync(caFile, made.authority.cert + made.otherAuthority.cert.replace('MII', '!!!')),
      'INVALID_ARGUMENT',
      "Cannot use CA file '<caFile>' for TLS: it holds no certificate in PEM, or one that is broken: bad base64 decode",
    ],
    [
      'a key file that has vanished',
      ({ paths }) => rmSync(paths.keyFile),
      'NOT_FOUND',
      "Cannot read PEM file '<keyFile>': it does not exist",
    ],
    [
      'a CA file that is a directory',
      ({ caFile }) => {
        rmSync(caFile);
        mkdirSync(caFile);
      },
      'FAILED_PRECONDITION',
      "Cannot read PEM file '<caFile>': it is a directory",
    ],
    [
      'a certificate file of some megabytes',
      ({ paths }) => writeFileSync(paths.certFile, Buffer.alloc(3_000_000, 'a')),
      'INVALID_ARGUMENT',
      "Cannot read PEM file '<certFile>': it is larger than 1048576 bytes",
    ],
  ];
  const inWords = (message: string, { paths, caFile }: Damage) =>
    message
      .replaceAll(paths.keyFile, '<keyFile>')
      .replaceAll(paths.certFile, '<certFile>')
      .replaceAll(caFile, '<caFile>');

  it.each(cases)('lets the start fail: %s', async (_what, damage, code, message) => {
    const files = filesWith(made.first, made.authority.cert);
    const { credentials, clock } = arrange({ ...files.paths, caFile: files.caFile });
    damage(files);
    const error = await rejection(credentials.start());
    expect(error.code).toBe(code);
    expect(inWords(error.message, files)).toContain(message);
    expect(clock.pending).toBe(0);
  });

  it.each(cases)(
    'leaves in force what was, and is reported once: %s',
    async (_what, damage, code, message) => {
      const files = filesWith(made.first, made.authority.cert);
      const { port, credentials, heard } = await serve({ ...files.paths, caFile: files.caFile });
      damage(files);
      await credentials.poll();
      await credentials.poll();
      expect(heard.failures.map((failure) => inWords(failure, files))).toEqual([
        expect.stringContaining(`${code}: ${message}`),
      ]);
      expect((await shown(port, made.client)).serialNumber).toBe('AA01');
      expect(await say(clientOf(port, made.client), 'hello')).toBe('hello');
      expect(heard.changes).toEqual([]);

      // Once all are whole again, they are taken over.
      rmSync(files.caFile, { recursive: true });
      writeFileSync(files.caFile, made.authority.cert);
      files.write(made.second);
      await credentials.poll();
      expect((await shown(port, made.client)).serialNumber).toBe('AA02');
      expect(heard.failures).toHaveLength(1);
    },
  );

  it('never shows a key in an error', async () => {
    const lines = made.first.key.split('\n').filter((line) => line !== '' && !line.startsWith('-----'));
    const wrong: unknown[] = [
      { key: [made.first.key], cert: 'a' },
      { key: { pem: made.first.key }, cert: 'a' },
      { keyFile: made.first.key, certFile: made.first.cert },
      { key: made.first.key.slice(0, 150), cert: made.first.cert },
      { key: made.first.key, cert: made.first.key },
      { configFile: configWith(made.first.key) },
      { configFile: configWith(`server_key: "a" ${made.first.key}`) },
    ];
    for (const tls of wrong) {
      const start = async () => arrange(tls as TlsOptions).credentials.start();
      const error = await rejection(start());
      const said = `${error.message}${error.stack}${JSON.stringify(error)}${String(error.cause)}`;
      for (const line of lines) expect(said).not.toContain(line.slice(0, 12));
    }
  });

  it('is a change of client_verify, for which the server would have to be made anew', async () => {
    const custom = `custom_ca: ${JSON.stringify(made.authority.cert)} client_verify: `;
    const configFile = configWith(sslConfig(made.first, `${custom} true`));
    const { port, credentials, heard } = await serve({ configFile, pollIntervalMs: 1000 });
    writeFileSync(configFile, sslConfig(made.second, `${custom} false`));
    await credentials.poll();
    expect(heard.failures).toEqual([
      'FAILED_PRECONDITION: Cannot change client_verify from true to false while the server runs: it takes another start',
    ]);
    expect((await shown(port, made.client)).serialNumber).toBe('AA01');
    expect(await say(clientOf(port), 'hello')).toBe('UNAVAILABLE');
  });

  it('is an SSL config without a key, by name', async () => {
    const configFile = configWith('# nothing');
    expect(await rejection(arrange({ configFile }).credentials.start())).toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining(`Cannot use server_key of config file '${configFile}' for TLS`),
    });
  });

  it('is text, by the name of its option', async () => {
    const start = (tls: TlsOptions) => rejection(arrange(tls).credentials.start());
    expect((await start({ ...made.first, key: made.second.key })).message).toBe(
      'Cannot use tls.key for TLS: it is not the key of the certificate in tls.cert',
    );
    expect((await start({ ...made.first, ca: 'none' })).message).toContain('Cannot use tls.ca for TLS');
  });
});

describeTls('the credentials', () => {
  it('are read once, however often they are started, and can be started again after a failure', async () => {
    const { paths, write } = filesWith({ key: '', cert: '' });
    const { credentials } = arrange(paths);
    await rejection(credentials.start());
    write(made.first);
    const started = credentials.start();
    expect(credentials.start()).toBe(started);
    expect(await started).toBeInstanceOf(grpc.ServerCredentials);
  });

  it('are followed no more once closed, and set no timer', async () => {
    const { paths, write } = filesWith(made.first);
    const { port, credentials, clock, heard } = await serve(paths);
    expect(clock.untilNextMs).toBe(60_000);
    credentials.close();
    expect(clock.pending).toBe(0);
    write(made.second);
    await credentials.poll();
    expect((await shown(port)).serialNumber).toBe('AA01');
    expect(heard).toEqual({ failures: [], changes: [] });
  });

  it('cannot be started once closed, nor when closed meanwhile', async () => {
    const { paths } = filesWith(made.first);
    const closed = arrange(paths).credentials;
    closed.close();
    expect((await rejection(closed.start())).code).toBe('FAILED_PRECONDITION');
    const { credentials, clock } = arrange(paths, { readFile: () => new Promise(() => {}) });
    const starting = rejection(credentials.start());
    await Promise.resolve();
    credentials.close();
    expect((await starting).code).toBe('CANCELLED');
    expect(clock.pending).toBe(0);
  });

  it('name the file whose file system does not answer', async () => {
    const { paths } = filesWith(made.first);
    const never = new Promise<never>(() => {});
    const readFile: ReadFile = (path) =>
      path === paths.certFile ? never : Promise.resolve(Buffer.from(made.first.key));
    const { credentials, clock } = arrange(paths, { readFile });
    const starting = rejection(credentials.start());
    await new Promise(setImmediate);
    clock.advance(10_000);
    expect(await starting).toMatchObject({
      code: 'UNAVAILABLE',
      message: `Cannot read PEM file '${paths.certFile}': its file system has not answered within 10000 ms`,
    });
    expect(clock.pending).toBe(0);
  });

  it('of a grpc-js that cannot replace certificates are served, but not followed', async () => {
    const { paths } = filesWith(made.first);
    const older = { ...grpc, experimental: {} } as typeof grpc;
    expect(await rejection(arrange(paths, { grpc: older }).credentials.start())).toMatchObject({
      code: 'FAILED_PRECONDITION',
      option: 'tls.pollIntervalMs',
      message: expect.stringContaining('with tls.pollIntervalMs 0 they are read once'),
    });
    const { port } = await serve({ ...paths, pollIntervalMs: 0 }, { grpc: older });
    expect((await shown(port)).serialNumber).toBe('AA01');
  });
});

describe('the options of TLS', () => {
  it.each<[unknown, string]>([
    [undefined, 'Cannot use option tls: got undefined, expected an object'],
    [{}, 'Cannot use option tls.key: got "undefined", expected PEM text, as a string or as bytes'],
    [{ key: 7 }, 'Cannot use option tls.key: got "number", expected PEM text, as a string or as bytes'],
    [{ key: 'a', cert: '' }, 'Cannot use option tls.cert: got "nothing", expected PEM text'],
    [{ key: 'a', cert: 'b', ca: Buffer.alloc(0) }, 'Cannot use option tls.ca: got "nothing"'],
    [{ key: 'a', cert: 'b', clientVerify: 'no' }, 'Cannot use option tls.clientVerify: got "no"'],
    [{ key: 'a', certs: 'b' }, 'Unknown option tls.certs, expected one of key, cert, ca, clientVerify'],
    [{ key: 'a', certFile: 'b' }, 'Unknown option tls.key, expected one of keyFile, certFile'],
    [{ key: 'a', cert: 'b', pollIntervalMs: 1 }, 'Unknown option tls.pollIntervalMs'],
    [{ certFile: 'b' }, 'Cannot use option tls.keyFile: got undefined, expected a string'],
    [{ keyFile: 'a', certFile: '' }, 'Cannot use option tls.certFile: got ""'],
    [{ keyFile: 'a', certFile: 'b', caFile: null }, 'Cannot use option tls.caFile: got null'],
    [{ keyFile: 'a', certFile: 'b', pollIntervalMs: -1 }, 'Cannot use option tls.pollIntervalMs: got -1'],
    [
      { keyFile: 'a', certFile: 'b', pollIntervalMs: Number.NaN },
      'Cannot use option tls.pollIntervalMs: got NaN',
    ],
    [{ keyFile: 'a', certFile: 'b', clientVerify: 1 }, 'Cannot use option tls.clientVerify: got 1'],
    [
      { keyFile: '-----BEGIN A', certFile: 'b' },
      'Cannot use option tls.keyFile: got "a PEM text", expected the path',
    ],
    [{ configFile: 7 }, 'Cannot use option tls.configFile: got 7'],
    [{ configFile: 'a', clientVerify: true }, 'Unknown option tls.clientVerify, expected one of configFile'],
    [{ configFile: 'a', pollIntervalMs: '1' }, 'Cannot use option tls.pollIntervalMs: got "1"'],
  ])('are refused where they are wrong: %j', (tls, message) => {
    const error = caught(() => new TlsCredentials({ tls: tls as TlsOptions, grpc }));
    expect(error).toBeInstanceOf(ServingError);
    expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', option: expect.stringMatching(/^tls/) });
    expect(error.message).toContain(message);
  });
});
