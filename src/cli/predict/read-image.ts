import type { Sharp, SharpOptions } from 'sharp';
import { invalidArgument, ServingError } from '../../core/errors.js';
import type { TensorSpec } from '../../core/signature.js';
import { type Tensor, tensor } from '../../core/tensor.js';
import { type ImageLayout, imageLayout } from './image-layout.js';
import { toDType } from './to-dtype.js';

/** How pixels become elements: (value / 255 · white − mean) / std, each channel by its own mean and std. */
export interface ImageScale {
  /** The element of full brightness. @default 1 for floats, 255 for integers */
  readonly white?: number | undefined;
  /** One for all channels, or one each. @default 0 */
  readonly mean?: readonly number[] | undefined;
  /** As `mean`. @default 1 */
  readonly std?: readonly number[] | undefined;
}

type MakeSharp = (bytes: Uint8Array, options?: SharpOptions) => Sharp;

/**
 * A tensor of one image, brought to the size, channels and layout that an input takes.
 *
 * @throws ServingError FAILED_PRECONDITION where sharp is not installed, which reads images; INVALID_ARGUMENT for what is no
 *   image, and for an input that takes none.
 */
export async function readImage(
  alias: string,
  spec: TensorSpec,
  { file, bytes }: { readonly file: string; readonly bytes: Uint8Array },
  scale: ImageScale,
): Promise<Tensor> {
  const layout = imageLayout(alias, spec);
  assertPerChannel('--image_mean', scale.mean, layout);
  assertPerChannel('--image_std', scale.std, layout);
  const sharp = await loadSharp();
  const { data, info } = await decode(sharp, bytes, layout).catch((cause: Error) => {
    throw new ServingError('INVALID_ARGUMENT', `Cannot read ${file} as an image: ${cause.message}`, {
      cause,
    });
  });
  const { height, width } = info;
  const elements = scaled(data, layout, { ...scale, white: scale.white ?? (isFloat(spec) ? 1 : 255) });
  return toDType(tensor('float64', layout.shape(height, width), elements), spec.dtype, alias);
}

function decode(sharp: MakeSharp, bytes: Uint8Array, { channels, height, width }: ImageLayout) {
  const image = sharp(bytes).autoOrient();
  const sized =
    height === undefined && width === undefined ? image : image.resize({ height, width, fit: 'fill' });
  const opaque = channels === 4 ? sized.ensureAlpha() : sized.flatten();
  return opaque
    .toColourspace(channels === 1 ? 'b-w' : 'srgb')
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true });
}

function scaled(
  pixels: Uint8Array,
  { channels, isPlanar }: ImageLayout,
  { white, mean = [0], std = [1] }: ImageScale & { readonly white: number },
): Float64Array {
  const count = pixels.length / channels;
  const elements = new Float64Array(pixels.length);
  for (const [at, value] of pixels.entries()) {
    const channel = at % channels;
    const to = isPlanar ? channel * count + Math.floor(at / channels) : at;
    elements[to] = ((value / 255) * white - of(mean, channel)) / of(std, channel);
  }
  return elements;
}

function assertPerChannel(
  flag: string,
  values: readonly number[] | undefined,
  { channels }: ImageLayout,
): void {
  if (values === undefined || values.length === 1 || values.length === channels) return;
  throw invalidArgument(
    `Cannot use ${flag} ${values.join()}: the input has ${channels} channels, expected one number or ${channels}`,
  );
}

function of(values: readonly number[], channel: number): number {
  return values[values.length === 1 ? 0 : channel] as number;
}

function isFloat({ dtype }: TensorSpec): boolean {
  return dtype.includes('float');
}

async function loadSharp(): Promise<MakeSharp> {
  try {
    return (await import('sharp')).default;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw cause;
    throw new ServingError(
      'FAILED_PRECONDITION',
      'Cannot read images: the package sharp is not installed; npm install sharp@^0.35',
      { cause },
    );
  }
}
