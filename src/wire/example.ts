import { ServingError } from '../core/errors.js';
import type { Example, Feature } from '../core/example.js';
import { decodeText, readFields, WireBytes } from './wire-bytes.js';

/**
 * Decodes a tensorflow.Example; of a name that occurs twice, the last one counts, even where it is without a kind.
 *
 * @param context what holds where the example says nothing: as if it were written in front of it, which is how TF Serving
 *   puts the two together (servables/tensorflow/util.cc).
 * @throws ServingError INVALID_ARGUMENT for bytes that are none.
 */
export function decodeExample(bytes: Uint8Array, context: Example = new Map()): Example {
  const features = new Map(context);
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
        values: readList(list, 2, (values: Uint8Array[], each) => values.push(new Uint8Array(each))),
      };
    else if (field === 2) feature = { kind: 'float', values: readFloats(list) };
    else feature = { kind: 'int64', values: readInts(list) };
  });
  return feature;
}

/** @param loneType the wire type of a value that is not packed with others; what has another one is not known, and skipped. */
function readList<T>(
  bytes: Uint8Array,
  loneType: number,
  read: (values: T[], each: Uint8Array) => void,
): readonly T[] {
  const values: T[] = [];
  readFields(bytes, (field, wireType, from) => {
    if (field === 1 && (wireType === 2 || wireType === loneType)) read(values, from.value(wireType));
    else from.skipField(wireType);
  });
  return values;
}

function readFloats(bytes: Uint8Array): readonly number[] {
  return readList(bytes, 5, (values: number[], packed) => {
    if (packed.length % 4 !== 0)
      throw new ServingError('INVALID_ARGUMENT', 'Cannot decode an example: a float is cut short');
    const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength);
    for (let at = 0; at < packed.length; at += 4) values.push(view.getFloat32(at, true));
  });
}

function readInts(bytes: Uint8Array): readonly bigint[] {
  return readList(bytes, 0, (values: bigint[], packed) => {
    const from = new WireBytes(packed);
    while (!from.isAtEnd) values.push(from.int64());
  });
}
