/** How ONNX names, numbers and packs one element type. Source: onnx.proto, `TensorProto.DataType`. */
interface ElementFacts {
  readonly code: number;
  /** Bits of one element in `raw_data`; 0 for `string`, which has no raw form. */
  readonly bits: number;
}

/** Every element type of ONNX 1.22: numpy's names where numpy has one, else ONNX's in lower case. */
export const elementTypes = {
  float32: { code: 1, bits: 32 },
  uint8: { code: 2, bits: 8 },
  int8: { code: 3, bits: 8 },
  uint16: { code: 4, bits: 16 },
  int16: { code: 5, bits: 16 },
  int32: { code: 6, bits: 32 },
  int64: { code: 7, bits: 64 },
  string: { code: 8, bits: 0 },
  bool: { code: 9, bits: 8 },
  float16: { code: 10, bits: 16 },
  float64: { code: 11, bits: 64 },
  uint32: { code: 12, bits: 32 },
  uint64: { code: 13, bits: 64 },
  complex64: { code: 14, bits: 64 },
  complex128: { code: 15, bits: 128 },
  bfloat16: { code: 16, bits: 16 },
  float8e4m3fn: { code: 17, bits: 8 },
  float8e4m3fnuz: { code: 18, bits: 8 },
  float8e5m2: { code: 19, bits: 8 },
  float8e5m2fnuz: { code: 20, bits: 8 },
  uint4: { code: 21, bits: 4 },
  int4: { code: 22, bits: 4 },
  float4e2m1: { code: 23, bits: 4 },
  float8e8m0: { code: 24, bits: 8 },
  uint2: { code: 25, bits: 2 },
  int2: { code: 26, bits: 2 },
} as const satisfies Record<string, ElementFacts>;

/** A key of {@link elementTypes}. */
export type ElementType = keyof typeof elementTypes;

/** The element type of an ONNX number; undefined for one that ONNX has not given out. */
export function elementTypeOf(code: number): ElementType | undefined {
  const names = Object.keys(elementTypes) as ElementType[];
  return names.find((name) => elementTypes[name].code === code);
}
