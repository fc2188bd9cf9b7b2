import { formatShape } from '../../core/describe.js';
import { invalidArgument } from '../../core/errors.js';
import type { Dim, TensorSpec } from '../../core/signature.js';

/** How an input takes an image. */
export interface ImageLayout {
  /** Gray, or red, green and blue; with how opaque it is as the fourth. */
  readonly channels: 1 | 3 | 4;
  /** Pixels; undefined where the input takes any number. */
  readonly height: number | undefined;
  readonly width: number | undefined;
  /** True where each channel is an image of its own, as PyTorch has it; otherwise a pixel's channels are together. */
  readonly isPlanar: boolean;
  /** The shape of a tensor of one image. */
  readonly shape: (height: number, width: number) => readonly number[];
}

/**
 * How an input takes an image, as far as its shape tells: [rows, height, width, channels] or [rows, channels, height, width];
 * the same without rows; gray as [rows, height, width]; or gray and square as [rows, pixels].
 *
 * @throws ServingError INVALID_ARGUMENT for a shape that does not tell.
 */
export function imageLayout(alias: string, { shape }: TensorSpec): ImageLayout {
  const layout =
    shape.length === 4 ? coloured(shape.slice(1), [1]) : shape.length === 3 ? ofThree(shape) : flat(shape);
  if (layout !== undefined) return layout;
  const expected =
    '[rows,height,width,channels], [rows,channels,height,width], [rows,height,width] or [rows,pixels]';
  throw invalidArgument(
    `Cannot use an image for input "${alias}": its shape is ${formatShape(shape)}, expected ${expected}, channels being 1, 3 or 4`,
    { input: alias, actual: formatShape(shape), expected },
  );
}

/** Of three axes, one may be of channels; otherwise they are of rows of gray images. */
function ofThree(shape: readonly Dim[]): ImageLayout | undefined {
  const [rows, height, width] = shape as readonly [Dim, Dim, Dim];
  const own = typeof rows === 'number' ? coloured(shape, []) : undefined;
  if (own !== undefined) return own;
  if (rows === 1 || typeof rows !== 'number') return gray(height, width);
  return undefined;
}

/** @param rows the axes in front. */
function coloured(dims: readonly Dim[], rows: readonly number[]): ImageLayout | undefined {
  const [first, second, third] = dims as readonly [Dim, Dim, Dim];
  if (isChannels(third)) {
    return {
      channels: third,
      height: fixed(first),
      width: fixed(second),
      isPlanar: false,
      shape: (height, width) => [...rows, height, width, third],
    };
  }
  if (!isChannels(first)) return undefined;
  return {
    channels: first,
    height: fixed(second),
    width: fixed(third),
    isPlanar: true,
    shape: (height, width) => [...rows, first, height, width],
  };
}

function gray(height: Dim, width: Dim): ImageLayout {
  const shape = (rows: number, columns: number) => [1, rows, columns];
  return { channels: 1, height: fixed(height), width: fixed(width), isPlanar: true, shape };
}

function flat(shape: readonly Dim[]): ImageLayout | undefined {
  const side = Math.sqrt(Number(shape[1]));
  if (shape.length !== 2 || typeof shape[1] !== 'number' || !Number.isInteger(side)) return undefined;
  return { ...gray(side, side), shape: (height, width) => [1, height * width] };
}

function isChannels(dim: Dim): dim is 1 | 3 | 4 {
  return dim === 1 || dim === 3 || dim === 4;
}

function fixed(dim: Dim): number | undefined {
  return typeof dim === 'number' ? dim : undefined;
}
