import { model, node, value } from './model.js';
import { constant } from './tensor-proto.js';

/** `x0`, `x1`, … float32 [batch] → `sum`. @param count 201 by default: more inputs than any real model has */
export function manyInputsSum(count = 201): Uint8Array {
  const names = Array.from({ length: count }, (_, index) => `x${index}`);
  return model({
    inputs: names.map((name) => value(name, 'float32', ['batch'])),
    outputs: [value('sum', 'float32', ['batch'])],
    nodes: [node('Sum', names, ['sum'])],
  });
}

/**
 * `x` float32 [batch, width], `n` int64 [] → `y`: x rotated to the right by n, through n matrix products. The
 * caller chooses how long it takes; one row of 256 columns takes some 4 µs a turn.
 */
export function spin(width = 256, isByValue = false): Uint8Array {
  const rotation = new Float32Array(width * width);
  for (let row = 0; row < width; row++) rotation[row * width + ((row + 1) % width)] = 1;
  const matrix = value('carried', 'float32', ['batch', width]);
  const body = {
    name: 'turn',
    inputs: [value('turn', 'int64', []), value('go', 'bool', []), matrix],
    outputs: [value('goOn', 'bool', []), value('turned', 'float32', ['batch', width])],
    nodes: [node('Identity', ['go'], ['goOn']), node('MatMul', ['carried', 'rotation'], ['turned'])],
  };
  return model({
    inputs: [value('x', 'float32', ['batch', width]), ...(isByValue ? [] : [value('n', 'int64', [])])],
    outputs: [value('y', 'float32', ['batch', width])],
    nodes: [
      ...(isByValue
        ? [node('ReduceMax', ['x'], ['most'], { keepdims: 0 }), node('Cast', ['most'], ['n'], { to: 7 })]
        : []),
      node('Loop', ['n', 'always', 'x'], ['y'], { body }),
    ],
    initializers: [
      constant('rotation', 'float32', [width, width], rotation),
      constant('always', 'bool', [], [true]),
    ],
  });
}

/** `x` float32 [batch, width] → `y`: the same, but that n is the greatest value in x: a model of one input. */
export function spinByValue(width = 256): Uint8Array {
  return spin(width, true);
}

/** protobuf reads at most 100 messages within each other, and each If takes three: one level more is refused. */
export const deepestNesting = 30;

/** `x` float32 [batch], `go` bool [] → `y` = x + depth through that many nested If nodes, or x where `go` is false. */
export function nestedIf(depth = deepestNesting): Uint8Array {
  const output = (level: number) => [value(`y${level}`, 'float32', ['batch'])];
  const same = (level: number) => ({
    name: `same${level}`,
    outputs: [value(`same${level}`, 'float32', ['batch'])],
    nodes: [node('Identity', ['x'], [`same${level}`])],
  });
  const branch = (level: number): ReturnType<typeof same> => ({
    name: `level${level}`,
    outputs: output(level),
    nodes:
      level === depth
        ? [node('Identity', ['x'], [`y${level}`])]
        : [
            node('If', ['go'], [`inner${level}`], {
              then_branch: branch(level + 1),
              else_branch: same(level),
            }),
            node('Add', [`inner${level}`, 'one'], [`y${level}`]),
          ],
  });
  return model({
    inputs: [value('x', 'float32', ['batch']), value('go', 'bool', [])],
    outputs: [value('y', 'float32', ['batch'])],
    nodes: [node('If', ['go'], ['y'], { then_branch: branch(0), else_branch: same(depth) })],
    initializers: [constant('one', 'float32', [], [1])],
  });
}

/** How the file of {@link heavy} is called where its weights lie beside it. */
export const heavyDataFile = 'weights.bin';

/**
 * `x` float32 [batch, 256] → `y` float32 [batch, 1], through a matrix of `megabytes` MiB. The weights are small
 * numbers that repeat every 64 KiB, so that making them takes no time and a file of them compresses.
 *
 * @returns the model, and with `isExternal` the bytes of {@link heavyDataFile}, to be written beside it
 */
export function heavy(
  megabytes: number,
  { isExternal = false } = {},
): { readonly model: Uint8Array; readonly data?: Uint8Array } {
  const columns = megabytes * 1024;
  const weights = repeatingWeights(columns * 256);
  const external = { location: heavyDataFile, offset: 0, length: weights.byteLength };
  const bytes = model({
    inputs: [value('x', 'float32', ['batch', 256])],
    outputs: [value('y', 'float32', ['batch', 1])],
    nodes: [
      node('MatMul', ['x', 'weights'], ['product']),
      node('ReduceSum', ['product', 'lastAxis'], ['y'], { keepdims: 1 }),
    ],
    initializers: [
      constant('weights', 'float32', [256, columns], weights, isExternal ? { external } : {}),
      constant('lastAxis', 'int64', [1], [1]),
    ],
  });
  return isExternal ? { model: bytes, data: new Uint8Array(weights.buffer) } : { model: bytes };
}

function repeatingWeights(count: number): Float32Array<ArrayBuffer> {
  const weights = new Float32Array(count);
  const period = Math.min(count, 16_384);
  for (let index = 0, state = 1; index < period; index++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    weights[index] = (state / 2 ** 32 - 0.5) / 64;
  }
  for (let filled = period; filled < count; filled *= 2) weights.copyWithin(filled, 0, filled);
  return weights;
}

/** `x` float32 [batch] → `y` = x, by way of a tensor of that many KiB for each row: a run takes memory as it is asked to. */
export function expanding(kibibytesPerRow = 1024): Uint8Array {
  return model({
    inputs: [value('x', 'float32', ['batch'])],
    outputs: [value('y', 'float32', ['batch'])],
    nodes: [
      node('Reshape', ['x', 'column'], ['each']),
      node('Expand', ['each', 'wide'], ['many']),
      node('ReduceMax', ['many'], ['y'], { axes: [1], keepdims: 0 }),
    ],
    initializers: [
      constant('column', 'int64', [2], [-1, 1]),
      constant('wide', 'int64', [2], [1, kibibytesPerRow * 256]),
    ],
  });
}
