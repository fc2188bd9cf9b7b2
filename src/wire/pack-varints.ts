// Hot path: once for each tensor of integers that is answered or logged. Guarded by bench/wire/tensor.mjs.

type Small = Uint8Array | Int8Array | Uint16Array | Int16Array | Uint32Array | Int32Array;

/** Integers as varints, one after the other; a negative one has 10 bytes. */
export function packVarints(data: Small | BigInt64Array | BigUint64Array): Uint8Array {
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) return packLarge(data);
  return data instanceof Uint8Array ? packBytes(data) : packSmall(data);
}

/** Without a branch for each: the values of a picture are as often below 128 as not, and a wrong guess takes longest. */
function packBytes(data: Uint8Array): Uint8Array {
  let length = data.length;
  for (let i = 0; i < data.length; i++) length += (data[i] as number) >>> 7;
  const packed = new Uint8Array(length);
  let at = 0;
  for (let i = 0; i < data.length; i++) {
    const value = data[i] as number;
    packed[at] = value;
    packed[at + 1] = 1; // the next one overwrites it where it does not belong
    at += 1 + (value >>> 7);
  }
  return packed;
}

function packSmall(data: Small): Uint8Array {
  let length = 0;
  for (let i = 0; i < data.length; i++) {
    const value = data[i] as number;
    if (value >= 0 && value < 0x4000) length += value < 0x80 ? 1 : 2;
    else length += lengthOf(value, signOf(value));
  }
  const packed = new Uint8Array(length);
  let at = 0;
  for (let i = 0; i < data.length; i++) {
    const value = data[i] as number;
    if (value >= 0 && value < 0x80) packed[at++] = value;
    else if (value >= 0 && value < 0x4000) {
      packed[at++] = (value & 0x7f) | 0x80;
      packed[at++] = value >>> 7;
    } else at = write(value, signOf(value), packed, at);
  }
  return packed;
}

/** In words of 32 bits, as they lie in memory: without a bigint for each. */
function packLarge(data: BigInt64Array | BigUint64Array): Uint8Array {
  const words = new Int32Array(data.buffer, data.byteOffset, 2 * data.length);
  let length = 0;
  for (let i = 0; i < words.length; i += 2) length += lengthOf(words[i] as number, words[i + 1] as number);
  const packed = new Uint8Array(length);
  let at = 0;
  for (let i = 0; i < words.length; i += 2)
    at = write(words[i] as number, words[i + 1] as number, packed, at);
  return packed;
}

/** The upper word of a number of 32 bits. */
function signOf(value: number): number {
  return value < 0 ? -1 : 0;
}

function lengthOf(low: number, high: number): number {
  const bits = high === 0 ? 32 - Math.clz32(low) : 64 - Math.clz32(high);
  return bits === 0 ? 1 : Math.ceil(bits / 7);
}

/** Where what is written ends. */
function write(low: number, high: number, target: Uint8Array, at: number): number {
  let rest = low >>> 0;
  let upper = high >>> 0;
  let place = at;
  while (upper !== 0 || rest >= 0x80) {
    target[place++] = (rest & 0x7f) | 0x80;
    rest = ((rest >>> 7) | (upper << 25)) >>> 0;
    upper >>>= 7;
  }
  target[place++] = rest;
  return place;
}
