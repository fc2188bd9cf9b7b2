import { type NumericDType, numericDTypes } from '../../core/dtype.js';
import { invalidArgument } from '../../core/errors.js';
import { elementCount, type Tensor, tensor } from '../../core/tensor.js';

// A file:  \x93NUMPY │ major u8 │ minor u8 │ header length u16 (u32 from version 2 on), little-endian │ header │ elements.
// The header is a dictionary as Python writes it: {'descr': '<f4', 'fortran_order': False, 'shape': (1, 64), }
// Source: NumPy, numpy/lib/format.py.
const magic = Buffer.from('\x93NUMPY', 'latin1');

const dtypesByDescr: Readonly<Record<string, NumericDType>> = {
  '<f2': 'float16',
  '<f4': 'float32',
  '<f8': 'float64',
  '|i1': 'int8',
  '<i2': 'int16',
  '<i4': 'int32',
  '<i8': 'int64',
  '|u1': 'uint8',
  '<u2': 'uint16',
  '<u4': 'uint32',
  '<u8': 'uint64',
  '|b1': 'bool',
};
const descrsByDType = new Map(Object.entries(dtypesByDescr).map(([descr, dtype]) => [dtype, descr]));

/**
 * The array in the bytes of a `.npy` file, in row-major order. Text (`<U…`) and bytes (`|S…`) are strings.
 *
 * @throws ServingError INVALID_ARGUMENT for what is no such file, is cut off, or holds elements that no dtype stands for.
 */
export function decodeNpy(bytes: Uint8Array, file: string): Tensor {
  const fault = (what: string) => invalidArgument(`Cannot read ${file} as .npy: ${what}`);
  const buffer = Buffer.from(bytes); // a copy: typed arrays need elements at multiples of their size
  if (!buffer.subarray(0, magic.length).equals(magic)) throw fault('it does not begin as such files do');
  const isLong = (buffer[magic.length] ?? 0) >= 2;
  const lengthAt = magic.length + 2;
  const headerAt = lengthAt + (isLong ? 4 : 2);
  if (buffer.length < headerAt) throw fault('it ends in its header');
  const dataAt = headerAt + (isLong ? buffer.readUInt32LE(lengthAt) : buffer.readUInt16LE(lengthAt));
  if (buffer.length < dataAt) throw fault('it ends in its header');
  const { descr, isFortran, shape } = parseHeader(buffer.toString('latin1', headerAt, dataAt), fault);
  const elements = buffer.subarray(dataAt);
  const found = decodeElements(descr, shape, elements, fault);
  return isFortran ? transposed(found) : found;
}

type Fault = (what: string) => Error;

function parseHeader(header: string, fault: Fault) {
  const [, descr] = /'descr':\s*'([^']*)'/.exec(header) ?? [];
  const [, order] = /'fortran_order':\s*(True|False)/.exec(header) ?? [];
  const [, dims] = /'shape':\s*\(([\d\s,]*)\)/.exec(header) ?? [];
  if (descr === undefined || order === undefined || dims === undefined) {
    throw fault(
      `its header is ${JSON.stringify(header.trim().slice(0, 100))}, expected descr, fortran_order and shape`,
    );
  }
  const shape = dims
    .split(',')
    .filter((dim) => dim.trim() !== '')
    .map(Number);
  return { descr, isFortran: order === 'True', shape };
}

function decodeElements(descr: string, shape: readonly number[], bytes: Buffer, fault: Fault): Tensor {
  const count = elementCount(shape);
  const [, kind, width] = /^[<|]([US])(\d+)$/.exec(descr) ?? [];
  if (kind !== undefined) {
    const size = Number(width) * (kind === 'U' ? 4 : 1);
    assertLength(bytes, count * size, fault);
    const cells = Array.from({ length: count }, (_, index) =>
      bytes.subarray(index * size, (index + 1) * size),
    );
    return kind === 'U'
      ? tensor('string', shape, cells.map(textOf))
      : tensor('string', shape, cells.map(withoutPadding));
  }
  const dtype = dtypesByDescr[descr];
  if (dtype === undefined) {
    throw fault(
      `its elements are ${descr}, expected one of ${Object.keys(dtypesByDescr).join(', ')}, <U or |S`,
    );
  }
  const { bytes: size, array } = numericDTypes[dtype];
  assertLength(bytes, count * size, fault);
  const memory = new Uint8Array(bytes.subarray(0, count * size)).buffer;
  return tensor(dtype, shape, new array(memory, 0, count) as never);
}

function assertLength(bytes: Buffer, expected: number, fault: Fault): void {
  if (bytes.length < expected) throw fault(`it has ${bytes.length} bytes of elements, expected ${expected}`);
}

/** UTF-32, filled up with zeros. */
function textOf(cell: Buffer): string {
  let text = '';
  for (let at = 0; at < cell.length; at += 4) {
    const point = cell.readUInt32LE(at);
    if (point !== 0) text += String.fromCodePoint(point);
  }
  return text;
}

function withoutPadding(cell: Buffer): Uint8Array {
  let end = cell.length;
  while (end > 0 && cell[end - 1] === 0) end--;
  return new Uint8Array(cell.subarray(0, end));
}

/** The same array in row-major order, whose elements came in column-major order. */
function transposed({ dtype, shape, data }: Tensor): Tensor {
  const strides = shape.map((_, axis) => elementCount(shape.slice(0, axis)));
  const index = new Array<number>(shape.length).fill(0);
  const source = data as ArrayLike<unknown>;
  const moved = data.slice() as unknown as Record<number, unknown>;
  for (let to = 0; to < source.length; to++) {
    moved[to] = source[index.reduce((sum, each, axis) => sum + each * (strides[axis] as number), 0)];
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      index[axis] = (index[axis] as number) + 1;
      if ((index[axis] as number) < (shape[axis] as number)) break;
      index[axis] = 0;
    }
  }
  return tensor(dtype, shape, moved as never);
}

/**
 * The bytes of a `.npy` file with a tensor.
 *
 * @throws ServingError INVALID_ARGUMENT for bfloat16 and strings, for which NumPy's format has no type of their own.
 */
export function encodeNpy({ dtype, shape, data }: Tensor): Uint8Array {
  const descr = descrsByDType.get(dtype as NumericDType);
  if (descr === undefined) {
    const expected = [...descrsByDType.keys()].join(', ');
    throw invalidArgument(`Cannot write ${dtype} as .npy: expected one of ${expected}`);
  }
  const dims = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  const header = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${dims}), }`;
  const headerAt = magic.length + 4;
  const padded = `${header.padEnd(Math.ceil((headerAt + header.length + 1) / 64) * 64 - headerAt - 1)}\n`;
  const prefix = Buffer.alloc(headerAt);
  magic.copy(prefix);
  prefix[magic.length] = 1;
  prefix.writeUInt16LE(padded.length, magic.length + 2);
  const { buffer, byteOffset, byteLength } = data as Exclude<Tensor['data'], readonly unknown[]> &
    ArrayBufferView;
  return Buffer.concat([prefix, Buffer.from(padded, 'latin1'), Buffer.from(buffer, byteOffset, byteLength)]);
}
