import { ServingError } from '../core/errors.js';
import type { Example, Feature } from '../core/example.js';
import { decodeText, readFields, WireBytes } from './wire-bytes.js';

export interface DecodeExampleOptions {
  /**
   * What holds where the example says nothing: as if it were written in front of it, which is how TF Serving puts the two
   * together (servables/tensorflow/util.cc).
   */
  readonly context?: Example;
  /** Takes what the example will hold in memory from what there is for all; throws where there is not so much. */
  readonly takeBytes?: TakeBytes;
}

type TakeBytes = (bytes: number) => void;

/** What an example, a feature, and a value of each kind are reckoned at; on the wire they may be of one or two bytes. */
const bytesOf = { example: 200, feature: 200, bytes: 100, float: 8, int64: 24 } as const;

/**
 * Decodes a tensorflow.Example; of a name that occurs twice, the last one counts, even where it is without a kind.
 *
 * @throws ServingError INVALID_ARGUMENT for bytes that are none; what `takeBytes` throws.
 */
export function decodeExample(bytes: Uint8Array, options: DecodeExampleOptions = {}): Example {
  const { context, takeBytes = () => {} } = options;
  takeBytes(bytesOf.example + (context?.size ?? 0) * 8);
  const features = new Map(context);
  readFields(bytes, (field, wireType, from) => {
    if (field !== 1 || wireType !== 2) return from.skipField(wireType);
    readFields(from.delimited(), (inner, innerType, entry) => {
      if (inner === 1 && innerType === 2) readEntry(entry.delimited(), features, takeBytes);
      else entry.skipField(innerType);
    });
  });
  return features;
}

function readEntry(bytes: Uint8Array, features: Map<string, Feature>, takeBytes: TakeBytes): void {
  let name = '';
  let feature: Feature | undefined;
  takeBytes(bytesOf.feature);
  readFields(bytes, (field, wireType, from) => {
    if (field === 1 && wireType === 2) name = decodeText(from.delimited());
    else if (field === 2 && wireType === 2) feature = decodeFeature(from.delimited(), takeBytes);
    else from.skipField(wireType);
  });
  if (feature === undefined) features.delete(name);
  else features.set(name, feature);
}

function decodeFeature(bytes: Uint8Array, takeBytes: TakeBytes): Feature | undefined {
  let feature: Feature | undefined;
  readFields(bytes, (field, wireType, from) => {
    if (wireType !== 2 || field < 1 || field > 3) return from.skipField(wireType);
    feature = decodeList(field, from.delimited(), takeBytes);
  });
  return feature;
}

function decodeList(field: number, list: Uint8Array, takeBytes: TakeBytes): Feature {
  if (field === 1) {
    takeBytes(list.length + countFields(list) * bytesOf.bytes);
    const read = (values: Uint8Array[], each: Uint8Array) => values.push(new Uint8Array(each));
    return { kind: 'bytes', values: readList(list, 2, read) };
  }
  if (field === 2) {
    takeBytes((list.length / 4) * bytesOf.float);
    return { kind: 'float', values: readFloats(list) };
  }
  takeBytes(countVarints(list) * bytesOf.int64);
  return { kind: 'int64', values: readInts(list) };
}

function countFields(list: Uint8Array): number {
  let count = 0;
  readFields(list, (_field, wireType, from) => {
    count++;
    from.skipField(wireType);
  });
  return count;
}

/** At most so many: each ends with the one byte that says that no more follow. */
function countVarints(list: Uint8Array): number {
  let count = 0;
  for (let at = 0; at < list.length; at++) if ((list[at] as number) < 0x80) count++;
  return count;
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
