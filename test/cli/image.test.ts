import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { tensor } from 'servable';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { imageLayout } from '#dist/cli/predict/image-layout.js';
import { readImage } from '#dist/cli/predict/read-image.js';
import { temporaryFolder } from '../support/onnx/model-folder.js';
import { runProgram } from '../support/program.js';

const folder = temporaryFolder();
const digits = resolve('examples/models/digits');

type Shape = readonly (number | string | null)[];
const spec = (shape: Shape, dtype: 'float32' | 'uint8' = 'float32') => ({ name: 'image', dtype, shape });

/** Two pixels beside each other: red, and a dark blue. */
const pixels = { bytes: await png([255, 0, 0, 0, 0, 51], 2, 1), file: 'two.png' };

async function png(values: readonly number[], width: number, height: number): Promise<Buffer> {
  const channels = (values.length / width / height) as 1 | 3;
  return await sharp(Buffer.from(values), { raw: { width, height, channels } }).png().toBuffer();
}

const read = (shape: Shape, scale = {}, dtype?: 'uint8') =>
  readImage('image', spec(shape, dtype), pixels, scale);

describe('an image for an input', () => {
  it('has the pixels together, or each channel by itself, as the shape says', async () => {
    expect(await read(['n', 1, 2, 3])).toEqual(tensor('float32', [1, 1, 2, 3], [1, 0, 0, 0, 0, 0.2]));
    expect(await read(['n', 3, 1, 2])).toEqual(tensor('float32', [1, 3, 1, 2], [1, 0, 0, 0, 0, 0.2]));
    expect(await read([1, 2, 3])).toEqual(tensor('float32', [1, 2, 3], [1, 0, 0, 0, 0, 0.2]));
  });

  it('has its own size where the input takes any', async () => {
    expect((await read(['n', 'h', 'w', 3])).shape).toEqual([1, 1, 2, 3]);
    expect((await read(['n', 4, 4, 3])).shape).toEqual([1, 4, 4, 3]);
    expect((await read(['n', 'h', 'w', 4])).data.slice(3, 4)).toEqual(new Float32Array([1]));
  });

  it('is gray where the input has no colours', async () => {
    const white = { bytes: await png([255, 255, 255], 1, 1), file: 'white.png' };
    for (const [shape, expected] of [
      [
        ['n', 1, 1],
        [1, 1, 1],
      ],
      [
        ['n', 1],
        [1, 1],
      ],
      [
        ['n', 1, 1, 1],
        [1, 1, 1, 1],
      ],
    ] as const) {
      expect(await readImage('image', spec(shape), white, {})).toEqual(tensor('float32', expected, [1]));
    }
  });

  it('is scaled as the flags say, and by bytes where the input takes bytes', async () => {
    expect(await read(['n', 1, 2, 3], {}, 'uint8')).toEqual(
      tensor('uint8', [1, 1, 2, 3], [255, 0, 0, 0, 0, 51]),
    );
    const scale = { white: 255, mean: [5, 10, 1], std: [2] };
    expect(await read(['n', 1, 2, 3], scale)).toEqual(
      tensor('float32', [1, 1, 2, 3], [125, -5, -0.5, -2.5, -5, 25]),
    );
  });

  it.each<[string, Shape]>([
    ['no axes', []],
    ['channels nowhere', ['n', 'h', 'w', 'c']],
    ['more than it can have', [1, 1, 1, 1, 3]],
    ['pixels that make no square', ['n', 5]],
    ['many rows', [8, 28, 28]],
  ])('cannot be had by a shape with %s', (_what, shape) => {
    expect(() => imageLayout('image', spec(shape))).toThrow(
      'Cannot use an image for input "image": its shape is',
    );
  });

  it('has a mean for each of its channels, or one for all', async () => {
    await expect(read(['n', 1, 2, 3], { mean: [1, 2, 3, 4] })).rejects.toThrow(
      'Cannot use --image_mean 1,2,3,4: the input has 3 channels, expected one number or 3',
    );
  });

  it('is refused where it is none', async () => {
    const text = { bytes: Buffer.from('no image'), file: 'x.png' };
    await expect(readImage('image', spec(['n', 1, 1, 3]), text, {})).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringMatching(/^Cannot read x.png as an image: /),
    });
  });
});

it('servable predict tells the digit in an image', async () => {
  const set = JSON.parse(readFileSync(join(digits, 'test-set.json'), 'utf8'));
  for (const index of [0, 7]) {
    const file = join(folder, `${index}.png`);
    writeFileSync(
      file,
      await png(
        set.pixels[index].map((ink: number) => Math.round((ink / 16) * 255)),
        8,
        8,
      ),
    );
    const args = [
      'predict',
      digits,
      '--model_version=2',
      `--input=pixels=${file}`,
      '--image_white=16',
      '--outputs=label',
    ];
    const { stdout, stderr } = await runProgram(args);
    expect(stderr).toMatch(/^digits@2 answered/);
    expect(JSON.parse(stdout)).toEqual({ outputs: [set.label[index]] });
  }
});

it.each([
  ['--image_white=x', /Expected a number/],
  ['--image_mean=1,2', /Expected one number, or one for each/],
])('servable predict refuses %s', async (flag, message) => {
  const { code, stderr } = await runProgram(['predict', digits, '--input=pixels=x.png', flag]);
  expect(stderr).toMatch(message);
  expect(code).toBe(2);
});
