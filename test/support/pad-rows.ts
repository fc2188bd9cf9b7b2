import { type Tensor, type TensorMap, tensor } from 'servable';

/** One set of inputs with the rows of all, each filled up with 0 or '' at the end of every axis. */
export function padAndStack(rows: readonly TensorMap[]): TensorMap {
  const aliases = Object.keys(rows[0] ?? {});
  return Object.fromEntries(aliases.map((alias) => [alias, stack(rows.map((row) => row[alias] as Tensor))]));
}

function stack(parts: readonly Tensor[]): Tensor {
  const { dtype, shape: first } = parts[0] as Tensor;
  const inner = first.map((_, axis) => Math.max(...parts.map(({ shape }) => shape[axis] as number))).slice(1);
  const size = inner.reduce((product, axis) => product * axis, 1);
  const filler = dtype === 'string' ? '' : dtype.endsWith('int64') ? 0n : 0;
  const all = new Array<unknown>(size * parts.length).fill(filler);
  for (const [row, { shape, data }] of parts.entries()) {
    for (let index = 0; index < data.length; index++) {
      all[row * size + placeIn(inner, shape.slice(1), index)] = data[index];
    }
  }
  const shape = [parts.length, ...inner];
  // 16-bit floats are raw bits, which a plain array would not be.
  const isHalf = dtype === 'float16' || dtype === 'bfloat16';
  return tensor(dtype, shape, (isHalf ? Uint16Array.from(all as number[]) : all) as never);
}

function placeIn(larger: readonly number[], own: readonly number[], index: number): number {
  let [rest, stride, place] = [index, 1, 0];
  for (let axis = own.length - 1; axis >= 0; axis--) {
    place += (rest % (own[axis] as number)) * stride;
    rest = Math.floor(rest / (own[axis] as number));
    stride *= larger[axis] as number;
  }
  return place;
}
