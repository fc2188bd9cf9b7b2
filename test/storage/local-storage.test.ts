import { mkdirSync, rmSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { fingerprint } from '#dist/core/fingerprint.js';
import { LocalStorage } from '#dist/storage/local-storage.js';
import { temporaryFolder } from '../support/onnx/model-folder.js';
import { rejection } from '../support/rejection.js';

const root = temporaryFolder();
const storage = new LocalStorage();
let folder = '';
let count = 0;
beforeEach(() => {
  folder = join(root, String(count++));
  mkdirSync(folder);
});
const at = (...names: string[]) => join(folder, ...names);
const list = async () => [...(await storage.list(folder))].sort((a, b) => (a.name < b.name ? -1 : 1));

async function textOf(path: string, signal?: AbortSignal): Promise<string> {
  const pieces: Uint8Array[] = [];
  for await (const piece of await storage.open(path, signal)) pieces.push(piece);
  return Buffer.concat(pieces).toString();
}

describe('LocalStorage.list', () => {
  it('tells folders from files, through links too', async () => {
    mkdirSync(at('folder'));
    writeFileSync(at('a file with\na line break'), 'four');
    symlinkSync('folder', at('to a folder'));
    symlinkSync('a file with\na line break', at('to a file'));
    expect(await list()).toMatchObject([
      { name: 'a file with\na line break', isDirectory: false, bytes: 4 },
      { name: 'folder', isDirectory: true },
      { name: 'to a file', isDirectory: false, bytes: 4 },
      { name: 'to a folder', isDirectory: true },
    ]);
  });

  it('leaves out links that lead nowhere', async () => {
    symlinkSync('nowhere', at('dangling'));
    symlinkSync('circle', at('circle'));
    writeFileSync(at('file'), '');
    symlinkSync('file/below', at('through a file'));
    expect((await list()).map(({ name }) => name)).toEqual(['file']);
  });

  it.each([
    ['NOT_FOUND', () => rmSync(folder, { recursive: true })],
    [
      'FAILED_PRECONDITION',
      () => {
        rmSync(folder, { recursive: true });
        writeFileSync(folder, '');
      },
    ],
  ])('rejects with %s where there is no folder', async (code, change) => {
    change();
    expect(await rejection(storage.list(folder))).toMatchObject({
      code,
      message: expect.stringContaining(folder),
    });
  });

  it('rejects with CANCELLED when it is aborted before', async () => {
    expect(await rejection(storage.list(folder, AbortSignal.abort()))).toMatchObject({ code: 'CANCELLED' });
  });
});

describe('LocalStorage.open', () => {
  it('gives the bytes of a file', async () => {
    writeFileSync(at('file'), 'x'.repeat(200_000));
    expect(await textOf(at('file'))).toBe('x'.repeat(200_000));
    writeFileSync(at('empty'), '');
    expect(await textOf(at('empty'))).toBe('');
  });

  it.each([
    ['nowhere', 'NOT_FOUND'],
    ['.', 'FAILED_PRECONDITION'],
  ])('rejects for %s with %s', async (name, code) => {
    expect(await rejection(storage.open(at(name)))).toMatchObject({ code });
  });

  it('ends with CANCELLED when it is aborted', async () => {
    writeFileSync(at('file'), 'x'.repeat(1_000_000));
    const abort = new AbortController();
    const bytes = await storage.open(at('file'), abort.signal);
    const read = async () => {
      for await (const _piece of bytes) abort.abort();
    };
    expect(await rejection(read())).toMatchObject({ code: 'CANCELLED' });
  });
});

describe('a fingerprint', () => {
  it('changes with the content, the time and the names of the files, at any depth, and with nothing else', async () => {
    const look = async () => (await fingerprint(storage, folder)).revision;
    mkdirSync(at('below'));
    writeFileSync(at('below', 'data'), '1234');
    const seen = [await look()];
    expect(await look()).toBe(seen[0]);
    const changes = [
      () => writeFileSync(at('below', 'data'), '12345'),
      () => utimesSync(at('below', 'data'), 1, 1),
      () => writeFileSync(at('other'), ''),
      () => rmSync(at('below', 'data')),
    ];
    for (const change of changes) {
      change();
      const now = await look();
      expect(seen).not.toContain(now);
      seen.push(now);
    }
    expect(statSync(folder).isDirectory()).toBe(true);
  });

  it('adds up the bytes, and names the files', async () => {
    mkdirSync(at('b'));
    writeFileSync(at('b', 'c'), '12');
    writeFileSync(at('a'), '345');
    expect(await fingerprint(storage, folder)).toMatchObject({
      bytes: 5,
      files: [
        { path: 'a', bytes: 3 },
        { path: 'b/c', bytes: 2 },
      ],
    });
  });

  it('is refused for a circle of links', async () => {
    symlinkSync('.', at('circle'));
    expect(await rejection(fingerprint(storage, folder))).toMatchObject({ code: 'FAILED_PRECONDITION' });
  });
});
