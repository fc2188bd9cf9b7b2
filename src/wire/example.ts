import { ServingError } from '../core/errors.js';
import { decodeText, readFields, WireBytes } from './wire-bytes.js';

/** The values of one feature of a tf.Example. */
export type Feature =
  | { readonly kind: 'bytes'; readonly values: readonly Uint8Array[] }
  | { readonly kind: 'float'; readonly values: readonly number[] }
  | { readonly kind: 'int64'; readonly values: readonly bigint[] };

/** A tf.Example: features by name. One without a kind is as good as none. */
export type Example = ReadonlyMap<string, Feature>;

/**
 * Decodes a tensorflow.Example; of a name that occurs twice, the last one counts.
 *
 * @throws ServingError INVALID_ARGUMENT for bytes that are none.
 */
export function decodeExample(bytes: Uint8Array): Example {
  const features = new Map<string, Feature>();
  readFields(bytes, (field, wireType, from) => {
    if (field !== 1 || wireType !== 2) return from.skipField(wireType);
    readFields(from.delimited(), (inner, innerType, entry) => {
      if (inner === 1 && innerType === 2) readEntry(entry.delimited(), features);
      else entry.skipField(innerType);
    });
  });
  return features;
}

function readEntry(bytes: Uint8Array, features: Map<string, Feature>): void {
  let name = '';
  let feature: Feature | undefined;
  readFields(bytes, (field, wireType, from) => {
    if (field === 1 && wireType === 2) name = decodeText(from.delimited());
    else if (field === 2 && wireType === 2) feature = decodeFeature(from.delimited());
    else from.skipField(wireType);
  });
  if (feature === undefined) features.delete(name);
  else features.set(name, feature);
}

function decodeFeature(bytes: Uint8Array): Feature | undefined {
  let feature: Feature | undefined;
  readFields(bytes, (field, wireType, from) => {
    if (wireType !== 2 || field < 1 || field > 3) return from.skipField(wireType);
    const list = from.delimited();
    if (field === 1)
      feature = {
        kind: 'bytes',
        values: readList(list, (values: Uint8Array[], each) => values.push(new Uint8Array(each.delimited()))),
      };
    else if (field === 2) feature = { kind: 'float', values: readFloats(list) };
    else feature = { kind: 'int64', values: readInts(list) };
  });
  return feature;
}

function readList<T>(bytes: Uint8Array, read: (values: T[], from: WireBytes, wireType: number) => void): T[] {
  const values: T[] = [];
  readFields(bytes, (field, wireType, from) => {
    if (field === 1) read(values, from, wireType);
    else from.skipField(wireType);
  });
  return values;
}

function readFloats(bytes: Uint8Array): number[] {
  return readList(bytes, (values: number[], from, wireType) => {
    const packed = wireType === 2 ? from.delimited() : from.fixed32();
    if (packed.length % 4 !== 0)
      throw new ServingError('INVALID_ARGUMENT', 'Cannot decode an example: a float is cut short');
    const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength);
    for (let at = 0; at < packed.length; at += 4) values.push(view.getFloat32(at, true));
  });
}

function readInts(bytes: Uint8Array): bigint[] {
  return readList(bytes, (values: bigint[], from, wireType) => {
    if (wireType !== 2) return void values.push(from.int64());
    const packed = new WireBytes(from.delimited());
    while (!packed.isAtEnd) values.push(packed.int64());
  });
}

/** What an example and its context say together; of what both have, the example has the last word. */
export function mergeExample(context: Example | undefined, example: Example): Example {
  return context === undefined ? example : new Map([...context, ...example]);
}
