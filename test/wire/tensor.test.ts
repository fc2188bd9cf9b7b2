import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { type DType, decodeBfloat16, decodeFloat16, dtypes, type Tensor, tensor } from 'servable';
import { describe, expect, it } from 'vitest';
import { ServingError } from '#dist/core/errors.js';
import { ByteSink } from '#dist/wire/byte-sink.js';
import { dataTypes } from '#dist/wire/data-type.js';
import { decodeTensor } from '#dist/wire/decode-tensor.js';
import { encodeTensor } from '#dist/wire/encode-tensor.js';
import { caught } from '../support/caught.js';
import { describeShared, sharedFolder } from '../support/shared-folder.js';
import { descriptorFile, wireDescriptor } from '../support/wire-descriptor.js';

/** Elements of a dtype, as its array takes them. */
function elementsOf(dtype: DType): fc.Arbitrary<unknown> {
  switch (dtype) {
    case 'string':
      return fc.string({ unit: 'grapheme' });
    case 'bool':
      return fc.constantFrom(0, 1);
    case 'int64':
      return fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
    case 'uint64':
      return fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
    case 'float32':
      return fc.float();
    case 'float64':
      return fc.double();
    default: {
      const bits = Number(dtype.replace(/\D/g, ''));
      const isSigned = dtype.startsWith('int');
      return fc.integer(
        isSigned ? { min: -(2 ** (bits - 1)), max: 2 ** (bits - 1) - 1 } : { min: 0, max: 2 ** bits - 1 },
      );
    }
  }
}

function anyTensor(dtype: DType): fc.Arbitrary<Tensor> {
  return fc.tuple(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 3 })).chain(([rows, width]) => {
    const length = rows * width;
    return fc.array(elementsOf(dtype), { minLength: length, maxLength: length }).map((values) => {
      const data =
        dtype === 'float16' || dtype === 'bfloat16' ? Uint16Array.from(values as number[]) : values;
      return tensor(dtype, [rows, width], data as never) as Tensor;
    });
  });
}

/** A TensorProto of a dtype and a shape, with what `write` adds. */
function proto(
  dataType: number,
  shape: readonly number[],
  write: (sink: ByteSink) => void = () => {},
): Uint8Array {
  const sink = new ByteSink().number(1, dataType);
  sink.message(2, (it) => {
    for (const size of shape) it.message(2, (dim) => dim.number(1, size));
  });
  write(sink);
  return sink.written;
}

describe('a tensor on the wire', () => {
  it.each(dtypes)('of %s comes back as it went', (dtype) => {
    fc.assert(
      fc.property(anyTensor(dtype), (original) => {
        expect(decodeTensor(encodeTensor(original))).toEqual(original);
        expect(decodeTensor(encodeTensor(original, { asTensorContent: true }))).toEqual(original);
      }),
    );
  });

  it('of bytes that are no text comes back as bytes, which are its own', () => {
    const original = tensor('string', [2], [Uint8Array.of(0xff, 0), Uint8Array.of(1)]);
    const bytes = encodeTensor(original);
    const decoded = decodeTensor(bytes);
    bytes.fill(0);
    expect(decoded.data).toEqual([Uint8Array.of(0xff, 0), Uint8Array.of(1)]);
  });

  it.each(dtypes.filter((dtype) => dtype !== 'string'))('of %s may be raw bytes', (dtype) => {
    fc.assert(
      fc.property(anyTensor(dtype), ({ shape, data }) => {
        const array = data as Float32Array;
        const content = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
        const decoded = decodeTensor(proto(dataTypes[dtype], shape, (sink) => sink.field(4, content)));
        expect(decoded).toEqual({ dtype, shape, data });
      }),
    );
  });

  it('reads and writes integers of every length', () => {
    const edges = Array.from({ length: 64 }, (_, bit) => 1n << BigInt(bit));
    const data = BigUint64Array.from(edges.flatMap((edge) => [edge - 1n, edge, ~edge]));
    const longs = new BigInt64Array(data.buffer);
    const ints = new Int32Array(data.buffer);
    const words = new Uint32Array(data.buffer);
    for (const original of [
      tensor('uint64', [192], data),
      tensor('int64', [192], longs),
      tensor('int32', [384], ints),
      tensor('uint32', [384], words),
    ] as Tensor[]) {
      expect(decodeTensor(encodeTensor(original))).toEqual(original);
    }
    const lengths =
      encodeTensor(tensor('int64', [2], [-1n, 127n])).length -
      encodeTensor(tensor('int64', [2], [0n, 0n])).length;
    expect(lengths).toBe(9); // ten bytes and one in place of two
  });

  it('takes numbers one by one as well as packed', () => {
    const bytes = proto(9, [3], (sink) =>
      sink
        .varint(80)
        .varint64(-1n)
        .varint(80)
        .varint64(2n ** 40n)
        .field(10, Uint8Array.of(7)),
    );
    expect(decodeTensor(bytes).data).toEqual(BigInt64Array.of(-1n, 2n ** 40n, 7n));
  });

  it('has no elements where its shape says so, whatever else it holds', () => {
    expect(decodeTensor(proto(1, [0, 2], (sink) => sink.field(4, Uint8Array.of(1, 2, 3)))).data).toEqual(
      new Float32Array(0),
    );
  });

  it('has the last string over and over where there are too few', () => {
    const { data } = decodeTensor(
      proto(7, [1_000_000], (sink) => sink.field(8, Uint8Array.of(97)).field(8, Uint8Array.of(98))),
    );
    expect([data.length, data[0], data[1], data.at(-1)]).toEqual([1_000_000, 'a', 'b', 'b']);
  });

  it('takes strings as lengths, then bytes', () => {
    const content = Buffer.from([1, 2, ...Buffer.from('abc')]);
    expect(decodeTensor(proto(7, [2], (sink) => sink.field(4, content))).data).toEqual(['a', 'bc']);
  });

  it.each<[string, Uint8Array, string, RegExp]>([
    ['no dtype', proto(0, [1]), 'INVALID_ARGUMENT', /it has no dtype/],
    ['a dtype that ONNX does not have', proto(8, [1]), 'UNIMPLEMENTED', /DataType 8 \(DT_COMPLEX64\)/],
    [
      'a dimension below 0',
      new ByteSink().number(1, 1).message(2, (it) => it.message(2, (dim) => dim.varint(8).varint64(-1n)))
        .written,
      'INVALID_ARGUMENT',
      /dimension of -1/,
    ],
    [
      'a bool that is neither',
      proto(10, [1], (sink) => sink.field(4, Uint8Array.of(2))),
      'INVALID_ARGUMENT',
      /neither 0 nor 1/,
    ],
    [
      'half of an element',
      proto(1, [1], (sink) => sink.field(5, Uint8Array.of(1, 2))),
      'INVALID_ARGUMENT',
      /cut short/,
    ],
    [
      'a shape without its elements',
      proto(1, [2 ** 30, 2 ** 30]),
      'RESOURCE_EXHAUSTED',
      /more than 2147483648 bytes/,
    ],
    // Of a few bytes, these once ended the process: so many strings are more than V8 can keep.
    ['strings without theirs', proto(7, [2 ** 28]), 'RESOURCE_EXHAUSTED', /more than/],
    ['a dimension that no number holds', proto(1, [2 ** 60, 0]), 'INVALID_ARGUMENT', /dimension of 1152921/],
    [
      'more dimensions than a tensor has',
      proto(1, new Array(255).fill(1)),
      'INVALID_ARGUMENT',
      /more than 254/,
    ],
    ['a field of number 0', Uint8Array.of(0, 1), 'INVALID_ARGUMENT', /number 0/],
    [
      'a length of 33 bits',
      Uint8Array.of(0x22, 0x84, 0x80, 0x80, 0x80, 0x10, 0, 0, 0, 0),
      'INVALID_ARGUMENT',
      /length/,
    ],
    ['groups without end', new Uint8Array(1000).fill(11), 'INVALID_ARGUMENT', /nested too deep/],
  ])('is refused with %s', (_what, bytes, code, message) => {
    expect(caught(() => decodeTensor(bytes))).toMatchObject({
      code,
      message: expect.stringMatching(message),
    });
  });

  it('is a typed error or a tensor, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        try {
          decodeTensor(bytes, { maxTensorBytes: 2 ** 20 });
        } catch (error) {
          expect(error).toBeInstanceOf(ServingError);
        }
      }),
      { numRuns: 3000 },
    );
  });

  it('is a typed error or a tensor, wherever it is cut', () => {
    const bytes = encodeTensor(tensor('int64', [2, 2], [1n, -1n, 2n ** 40n, 0n]));
    for (let length = 0; length < bytes.length; length++) {
      try {
        decodeTensor(bytes.subarray(0, length));
      } catch (error) {
        expect(error).toBeInstanceOf(ServingError);
      }
    }
  });
});

describeShared('tensors as protobufjs reads and writes them', [descriptorFile], () => {
  const type = wireDescriptor().lookupType('tensorflow.TensorProto');

  it.each(dtypes)('%s', (dtype) => {
    fc.assert(
      fc.property(anyTensor(dtype), (original) => {
        for (const asTensorContent of [false, true]) {
          const message = type.decode(encodeTensor(original, { asTensorContent }));
          expect('tensor_content' in message.toJSON()).toBe(asTensorContent && original.data.length > 0);
          expect(decodeTensor(type.encode(message).finish())).toEqual(original);
        }
      }),
    );
  });

  it.each(['int32', 'int64', 'float32', 'bool', 'string'] as const)(
    '%s, with fields in pieces, of other wire types, and of no meaning',
    (dtype) => {
      fc.assert(
        fc.property(fc.array(anyPiece, { maxLength: 8 }), (pieces) => {
          const bytes = Buffer.concat([proto(dataTypes[dtype], []), ...pieces]);
          const message = type.toObject(type.decode(bytes), { longs: String }) as MessageOfTensor;
          const { shape, values } = meaningOf(dtype, message);
          const { shape: ownShape, data } = decodeTensor(bytes);
          expect([ownShape, Array.from(data as ArrayLike<unknown>, String)]).toEqual([shape, values]);
        }),
        { numRuns: 1000 },
      );
    },
  );
});

type MessageOfTensor = Readonly<Record<string, readonly unknown[]>> & {
  readonly tensor_shape?: { readonly dim?: readonly { readonly size?: string }[] };
};

/** A few bytes of a TensorProto: any of its typed fields in any wire type, a part of its shape, or what nobody knows. */
const anyPiece: fc.Arbitrary<Uint8Array> = fc
  .record({
    field: fc.constantFrom(5, 7, 8, 10, 11, 99),
    wireType: fc.constantFrom(0, 2, 2, 3, 5),
    values: fc.array(fc.constantFrom(0, 1, 65, 300, 2 ** 31), { minLength: 1, maxLength: 3 }),
    size: fc.option(fc.integer({ min: 0, max: 3 })),
  })
  .map(({ field, wireType, values, size }) => {
    const sink = new ByteSink();
    if (size !== null) return sink.message(2, (it) => it.message(2, (dim) => dim.number(1, size))).written;
    const [value = 0] = values;
    const ending = field * 8 + wireType;
    if (wireType === 0) return sink.number(field, value).written;
    if (wireType === 5)
      return sink.varint(ending).bytes(new Uint8Array(Float32Array.of(value).buffer)).written;
    if (wireType === 3)
      return sink
        .varint(ending)
        .number(1, value)
        .varint(ending + 1).written;
    if (field === 5) return sink.field(field, new Uint8Array(Float32Array.from(values).buffer)).written;
    if (field === 8) return sink.field(field, Buffer.from(String(value))).written;
    const packed = new ByteSink();
    for (const each of values) packed.varint(each);
    return sink.field(field, packed.written).written;
  });

/** What TensorFlow makes of a message that protobufjs has read. */
function meaningOf(dtype: DType, message: MessageOfTensor) {
  const names = {
    int32: 'int_val',
    int64: 'int64_val',
    float32: 'float_val',
    bool: 'bool_val',
    string: 'string_val',
  };
  const given = (message[names[dtype as keyof typeof names]] ?? []).map((value) => {
    if (dtype === 'bool') return value ? '1' : '0';
    return String(value);
  });
  const shape = (message.tensor_shape?.dim ?? []).map(({ size = '0' }) => Number(size));
  const count = shape.reduce((product, size) => product * size, 1);
  const last = given.at(-1) ?? (dtype === 'string' ? '' : '0');
  return { shape, values: Array.from({ length: count }, (_, place) => given[place] ?? last) };
}

interface TensorCase {
  readonly name: string;
  readonly kind: string;
  readonly request: Readonly<Record<string, unknown>>;
  readonly expect: {
    readonly shape?: readonly number[];
    readonly values?: readonly number[];
    readonly error?: string;
  };
}

describeShared('tensors of TensorFlow', ['cases/tf-serving.json', descriptorFile], () => {
  const type = wireDescriptor().lookupType('tensorflow.TensorProto');
  const all: readonly TensorCase[] = JSON.parse(
    readFileSync(join(sharedFolder, 'cases/tf-serving.json'), 'utf8'),
  );
  const cases = all.filter(({ kind }) => kind === 'tensorproto-decode');
  const numbers = ({ dtype, data }: Tensor): unknown[] => {
    if (dtype === 'float16') return [...decodeFloat16(data as Uint16Array)];
    return dtype === 'bfloat16' ? [...decodeBfloat16(data as Uint16Array)] : [...(data as Float32Array)];
  };

  it.each(cases.map((each) => [each.name, each] as const))('%s', (_name, { request, expect: wanted }) => {
    const { shape, unknown_rank, tensor_content_b64: content, ...rest } = request;
    const message = type.fromObject({
      ...rest,
      ...((shape !== undefined || unknown_rank !== undefined) && {
        tensor_shape: { dim: ((shape ?? []) as number[]).map((size) => ({ size })), unknown_rank },
      }),
      ...(content !== undefined && { tensor_content: content }),
    });
    const bytes = type.encode(message).finish();
    if (wanted.error !== undefined) {
      expect(caught(() => decodeTensor(bytes))).toMatchObject({ code: 'INVALID_ARGUMENT' });
    } else {
      const decoded = decodeTensor(bytes);
      expect([decoded.shape, numbers(decoded)]).toEqual([wanted.shape, wanted.values]);
    }
  });
});
