import { invalidArgument } from '../core/errors.js';

/** A place in a bucket. */
export interface RemotePlace {
  readonly bucket: string;
  /** Without slashes at its ends; '' for the whole bucket. */
  readonly key: string;
}

/** @throws ServingError INVALID_ARGUMENT for what is no URI of this scheme with a bucket. */
export function parseRemoteUri(scheme: 's3' | 'gs', uri: string): RemotePlace {
  const match = new RegExp(`^${scheme}://([^/]+)(.*)$`, 'is').exec(uri);
  if (match === null) {
    throw invalidArgument(`Cannot use ${uri} as a place in a bucket, expected ${scheme}://bucket/path`);
  }
  return { bucket: match[1] as string, key: withoutSlashesAround(match[2] as string) };
}

/** By steps: a pattern for the end of a text takes a time that is the square of its slashes. */
function withoutSlashesAround(text: string): string {
  let [start, end] = [0, text.length];
  while (text[start] === '/') start++;
  while (end > start && text[end - 1] === '/') end--;
  return text.slice(start, end);
}

/** What the keys of all that lies in a folder begin with. */
export function prefixOf({ key }: RemotePlace): string {
  return key === '' ? '' : `${key}/`;
}

/** The name of an entry, where it can be one: the folder's own marker, and what would lead elsewhere, are none. */
export function entryName(prefix: string, key: string): string | undefined {
  const name = key.slice(prefix.length).replace(/\/$/, '');
  const isName = key.startsWith(prefix) && !['', '.', '..'].includes(name) && !/[/\0]/.test(name);
  return isName ? name : undefined;
}
