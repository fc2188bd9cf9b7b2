import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** How an answer goes wrong. */
export type Fault = 'denied' | 'missing' | 'broken' | 'truncated' | 'stalled' | 'silent';

/** Keys below a prefix, and the folders that they are in, in pages. */
interface Listing {
  readonly keys: readonly string[];
  readonly prefixes: readonly string[];
  readonly next: string | undefined;
}

const pageSize = 2;

/** A server of one bucket in memory, on a port of its own; what it speaks, a subclass says. */
abstract class BucketServer {
  readonly objects = new Map<string, Buffer>();
  /** What was asked, in order: method and path with its query. */
  readonly requests: string[] = [];
  /** How the next answers go wrong, one after the other. */
  readonly faults: Fault[] = [];
  readonly #server: Server;

  constructor() {
    this.#server = createServer((request, response) => {
      this.requests.push(`${request.method} ${request.url}`);
      const fault = this.faults.shift();
      if (fault !== 'silent') this.answer(request, response, fault); // else no answer ever comes
    });
  }

  async listen(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return this;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  put(key: string, bytes: Uint8Array | string): void {
    this.objects.set(key, Buffer.from(bytes as Uint8Array));
  }

  /** Forgets everything, and every connection: one that stalled must not be used again. */
  async reset(): Promise<void> {
    this.objects.clear();
    this.requests.length = 0;
    this.faults.length = 0;
    this.#server.closeAllConnections();
    for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate); // until the clients have noticed
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  protected abstract answer(
    request: IncomingMessage,
    response: ServerResponse,
    fault: Fault | undefined,
  ): void;

  protected list(prefix: string, delimiter: string, from: string | undefined): Listing {
    const below = [...this.objects.keys()].filter((key) => key.startsWith(prefix)).sort();
    const names = new Set(
      below.map((key) => {
        const end = delimiter === '' ? -1 : key.indexOf(delimiter, prefix.length);
        return end < 0 ? key : key.slice(0, end + 1);
      }),
    );
    const all = [...names];
    const start = Number(from ?? 0);
    const page = all.slice(start, start + pageSize);
    return {
      keys: page.filter((name) => this.objects.has(name)),
      prefixes: page.filter((name) => !this.objects.has(name)),
      next: start + pageSize < all.length ? String(start + pageSize) : undefined,
    };
  }

  /** Sends an object, or as much of it as the fault lets through. */
  protected send(
    response: ServerResponse,
    bytes: Buffer,
    fault: Fault | undefined,
    headers: object = {},
  ): void {
    response.writeHead(200, { ...headers, 'content-length': bytes.length });
    const half = bytes.subarray(0, Math.floor(bytes.length / 2));
    if (fault === 'truncated') response.write(half, () => response.destroy());
    else if (fault === 'stalled') response.write(half);
    else response.end(bytes);
  }
}

/** As much of S3's protocol as listing and reading take, with the bucket in the path. */
export class S3Server extends BucketServer {
  protected answer({ url = '' }: IncomingMessage, response: ServerResponse, fault: Fault | undefined): void {
    const { pathname, searchParams } = new URL(url, this.url);
    const [, bucket, ...rest] = decodeURIComponent(pathname).split('/');
    const key = rest.join('/');
    const fail = (status: number, code: string) => {
      response.writeHead(status, { 'content-type': 'application/xml' });
      response.end(
        `<?xml version="1.0"?><Error><Code>${code}</Code><Message>${code}, says the bucket</Message></Error>`,
      );
    };
    const bytes = this.objects.get(key);
    if (fault === 'denied') fail(403, 'AccessDenied');
    else if (fault === 'broken') fail(500, 'InternalError');
    else if (bucket !== 'bucket' || fault === 'missing') fail(404, 'NoSuchBucket');
    else if (key === '') this.#list(searchParams, response);
    else if (bytes === undefined) fail(404, 'NoSuchKey');
    else this.send(response, bytes, fault, { etag: etag(bytes) });
  }

  #list(query: URLSearchParams, response: ServerResponse): void {
    const prefix = query.get('prefix') ?? '';
    const token = query.get('continuation-token') ?? undefined;
    const { keys, prefixes, next } = this.list(prefix, query.get('delimiter') ?? '', token);
    const contents = keys.map((key) => {
      const bytes = this.objects.get(key) as Buffer;
      return `<Contents><Key>${escapeXml(key)}</Key><Size>${bytes.length}</Size><ETag>${escapeXml(etag(bytes))}</ETag></Contents>`;
    });
    const common = prefixes.map(
      (each) => `<CommonPrefixes><Prefix>${escapeXml(each)}</Prefix></CommonPrefixes>`,
    );
    const more = next === undefined ? '' : `<NextContinuationToken>${next}</NextContinuationToken>`;
    response.writeHead(200, { 'content-type': 'application/xml' });
    response.end(
      `<?xml version="1.0"?><ListBucketResult><IsTruncated>${next !== undefined}</IsTruncated>${contents.join('')}${common.join('')}${more}</ListBucketResult>`,
    );
  }
}

/** As much of Google Cloud Storage's JSON protocol as listing and reading take. */
export class GcsServer extends BucketServer {
  protected answer({ url = '' }: IncomingMessage, response: ServerResponse, fault: Fault | undefined): void {
    const { pathname, searchParams } = new URL(url, this.url);
    const json = (status: number, value: object) => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(value));
    };
    const fail = (code: number, message: string) =>
      json(code, { error: { code, message, errors: [{ message }] } });
    const match = /\/b\/([^/]+)\/o(?:\/(.+))?$/.exec(pathname);
    const key = decodeURIComponent(match?.[2] ?? '');
    const bytes = this.objects.get(key);
    if (fault === 'denied') fail(403, 'Forbidden');
    else if (fault === 'broken') fail(500, 'Internal Error');
    else if (match?.[1] !== 'bucket' || fault === 'missing') fail(404, 'Not Found');
    else if (key === '') json(200, this.#list(searchParams));
    else if (bytes === undefined) fail(404, 'Not Found');
    else {
      this.send(response, bytes, fault, {
        'x-goog-hash': `md5=${createHash('md5').update(bytes).digest('base64')}`,
        'x-goog-generation': generation(bytes),
      });
    }
  }

  #list(query: URLSearchParams): object {
    const token = query.get('pageToken') ?? undefined;
    const { keys, prefixes, next } = this.list(
      query.get('prefix') ?? '',
      query.get('delimiter') ?? '',
      token,
    );
    const items = keys.map((name) => {
      const bytes = this.objects.get(name) as Buffer;
      const size = String(bytes.length);
      return { kind: 'storage#object', name, bucket: 'bucket', size, generation: generation(bytes) };
    });
    return { kind: 'storage#objects', items, prefixes, nextPageToken: next };
  }
}

function etag(bytes: Buffer): string {
  return `"${createHash('md5').update(bytes).digest('hex')}"`;
}

function generation(bytes: Buffer): string {
  return String(Number.parseInt(createHash('md5').update(bytes).digest('hex').slice(0, 12), 16));
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
