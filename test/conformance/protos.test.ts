import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import protobuf from 'protobufjs';
import { describe, expect, it } from 'vitest';
import { describeShared, sharedFolder } from '../support/shared-folder.js';
import { descriptorFile } from '../support/wire-descriptor.js';

const folder = resolve(import.meta.dirname, '../../protos');
const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) =>
  file.endsWith('.proto'),
);

function load(): protobuf.Root {
  const root = new protobuf.Root();
  root.resolvePath = (_origin, target) => (protobuf.common.get(target) ? target : join(folder, target));
  return root.loadSync(files, { keepCase: true });
}

/** A message, enum or service of a descriptor. */
interface Described {
  readonly fields?: Readonly<
    Record<
      string,
      { readonly type: string; readonly id: number; readonly rule?: string; readonly keyType?: string }
    >
  >;
  readonly oneofs?: Readonly<Record<string, { readonly oneof: readonly string[] }>>;
  readonly values?: Readonly<Record<string, number>>;
  readonly methods?: Readonly<
    Record<
      string,
      { readonly requestType: string; readonly responseType: string; readonly responseStream?: boolean }
    >
  >;
  readonly nested?: Readonly<Record<string, Described>>;
}

/** Everything in a descriptor, by its full name. */
function flatten(
  nested: Described['nested'],
  path: string,
  into: Map<string, Described>,
): Map<string, Described> {
  for (const [name, each] of Object.entries(nested ?? {})) {
    const full = path === '' ? name : `${path}.${name}`;
    if (each.fields ?? each.values ?? each.methods) into.set(full, each);
    flatten(each.nested, full, into);
  }
  return into;
}

const last = (type: string) => type.split('.').at(-1) as string;

describe('protos', () => {
  it('are whole: each file finds what it imports, and all types are known', () => {
    expect(() => load().resolveAll()).not.toThrow();
    expect(files.length).toBeGreaterThan(25);
  });
});

describeShared('protos have the names, numbers and types of TF Serving', [descriptorFile], () => {
  const theirs = flatten(
    JSON.parse(readFileSync(join(sharedFolder, descriptorFile), 'utf8')).nested,
    '',
    new Map(),
  );
  const ours = flatten(load().toJSON().nested as Described['nested'], '', new Map());
  const isOurs = (name: string) => !name.startsWith('google.');
  /** What nobody here reads, or asks for. */
  const leftOut = ['tensorflow.serving.SessionBundleConfig', 'tensorflow.serving.SessionService'];
  /** Of a later version of the health service: it asks after all services at once. */
  const isLater = (name: string) => name.startsWith('grpc.health.v1.HealthList');

  it('all of them, but for two', () => {
    const missing = [...theirs.keys()].filter((name) => isOurs(name) && !ours.has(name));
    expect(missing.sort()).toEqual(leftOut);
  });

  it.each([...ours.keys()].filter((name) => isOurs(name) && !isLater(name)))('%s', (name) => {
    const [mine, other] = [ours.get(name) as Described, theirs.get(name) as Described];
    expect(mine.values).toEqual(other.values);
    for (const [method, { requestType, responseType, responseStream }] of Object.entries(
      other.methods ?? {},
    )) {
      const { [method]: own } = mine.methods ?? {};
      expect([last(own?.requestType ?? ''), last(own?.responseType ?? ''), own?.responseStream]).toEqual([
        last(requestType),
        last(responseType),
        responseStream,
      ]);
    }
    for (const [field, { type, id, rule, keyType }] of Object.entries(other.fields ?? {})) {
      const { [field]: own } = mine.fields ?? {};
      const isKnown =
        [...theirs.keys()].some((known) => last(known) === last(type)) || /^[a-z0-9]+$/.test(type);
      if (own === undefined && !isKnown) continue; // a type that nobody here reads
      expect([field, own?.id, last(own?.type ?? ''), own?.rule, own?.keyType]).toEqual([
        field,
        id,
        last(type),
        rule,
        keyType,
      ]);
    }
    expect(Object.keys(mine.fields ?? {}).filter((field) => !(field in (other.fields ?? {})))).toEqual([]);
    expect(mine.oneofs).toEqual(other.oneofs);
  });
});
