import { getFloat16, setFloat16 } from '@petamoriken/float16';

const scratch = new DataView(new ArrayBuffer(4));

/** The number that 16 bits of IEEE binary16 stand for. */
export function float16Value(bits: number): number {
  scratch.setUint16(0, bits);
  return getFloat16(scratch, 0);
}

/** The binary16 bits nearest to a number. */
export function float16Bits(value: number): number {
  setFloat16(scratch, 0, value);
  return scratch.getUint16(0);
}

/** The number that 16 bits of bfloat16 stand for: the upper half of a float32. */
export function bfloat16Value(bits: number): number {
  scratch.setUint32(0, bits * 0x10000);
  return scratch.getFloat32(0);
}

/** The bfloat16 bits nearest to a number, ties to even. */
export function bfloat16Bits(value: number): number {
  if (Number.isNaN(value)) return 0x7fc0;
  scratch.setFloat32(0, value);
  const bits = scratch.getUint32(0);
  const tieToEven = 0x7fff + ((bits >>> 16) & 1);
  return ((bits + tieToEven) >>> 16) & 0xffff;
}
