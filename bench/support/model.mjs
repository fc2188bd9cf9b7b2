// The models that the benches run, written by hand: a bench needs no build step and no file in the repository.
import protobuf from 'protobufjs/minimal.js';
import { randomSource } from './random.mjs';

/**
 * A protobuf message: field numbers, each with what it holds. A number is an integer, an array a message within.
 *
 * @typedef {readonly (readonly [field: number, value: number | string | Uint8Array | Message])[]} Message
 */

/** `data_type` of a TensorProto. Source: onnx.proto, as are all field numbers below. */
const float32 = 1;
const int64 = 7;
const bool = 9;

/** Columns of every `x` below. */
export const width = 256;

/**
 * `x` float32 [batch, 256] → `y` = x / 2 + offset: next to no work.
 *
 * @param {number} [offset]
 */
export function tiny(offset = 2) {
  return encodeModel({
    nodes: [node('Mul', ['x', 'half'], ['scaled']), node('Add', ['scaled', 'offset'], ['y'])],
    initializers: [
      constant('half', float32, [], Float32Array.of(0.5)),
      constant('offset', float32, [], Float32Array.of(offset)),
    ],
    inputs: [value('x', float32, ['batch', width])],
    outputs: [value('y', float32, ['batch', width])],
  });
}

/** `x` float32 [batch] → `y` = x / 2 + 2: the smallest that is asked over a wire. */
export function line() {
  return encodeModel({
    nodes: [node('Mul', ['x', 'half'], ['scaled']), node('Add', ['scaled', 'two'], ['y'])],
    initializers: [
      constant('half', float32, [], Float32Array.of(0.5)),
      constant('two', float32, [], Float32Array.of(2)),
    ],
    inputs: [value('x', float32, ['batch'])],
    outputs: [value('y', float32, ['batch'])],
  });
}

/** Sizes of an image's `x` below, but for the batch. */
export const imageShape = [224, 224, 3];

/** `x` float32 [batch, 224, 224, 3] → `y` [batch]: the greatest of its values, each of which is looked at once. */
export function brightest() {
  return encodeModel({
    nodes: [
      node('Flatten', ['x'], ['row']),
      node('TopK', ['row', 'one'], ['most', 'place']),
      node('Flatten', ['most'], ['y']),
    ],
    initializers: [constant('one', int64, [1], BigInt64Array.of(1n))],
    inputs: [value('x', float32, ['batch', ...imageShape])],
    outputs: [value('y', float32, ['batch', 1])],
  });
}

/**
 * `x` float32 [batch, 256] → `y` [batch, 1], through a matrix of so many MiB.
 *
 * @param {number} megabytes
 */
export function heavy(megabytes) {
  return encodeHeavy(constant('weights', float32, [width, megabytes * 1024], heavyWeights(megabytes)));
}

/**
 * The same, but that the weights lie in a file beside it.
 *
 * @param {number} megabytes
 * @param {string} location the name of that file
 * @returns the bytes of `model.onnx` and of that file
 */
export function heavyExternal(megabytes, location) {
  const data = new Uint8Array(heavyWeights(megabytes).buffer);
  /** @type {Message} */
  const weights = [
    [1, width],
    [1, megabytes * 1024],
    [2, float32],
    [8, 'weights'],
    [
      13,
      [
        [1, 'location'],
        [2, location],
      ],
    ],
    [14, 1],
  ];
  return { model: encodeHeavy(weights), data };
}

/** @param {number} megabytes */
function heavyWeights(megabytes) {
  return Float32Array.from({ length: width * megabytes * 1024 }, (_, index) => heavyWeight(index));
}

/** @param {Message} weights */
function encodeHeavy(weights) {
  return encodeModel({
    nodes: [
      node('MatMul', ['x', 'weights'], ['product']),
      node('ReduceSum', ['product', 'lastAxis'], ['y'], [attribute('keepdims', 1)]),
    ],
    initializers: [weights, constant('lastAxis', int64, [1], BigInt64Array.of(1n))],
    inputs: [value('x', float32, ['batch', width])],
    outputs: [value('y', float32, ['batch', 1])],
  });
}

/**
 * A weight of that matrix: a small whole number. Sums of them stay small, so they are exact in float32 in any order.
 *
 * @param {number} index
 */
export function heavyWeight(index) {
  return ((index * 7) % 17) - 8;
}

/**
 * `x` float32 [batch, 256], `n` int64 [] → `y`: each row of x rotated to the right by n, through n matrix products, some
 * 4 µs each for one row. The caller chooses how long a run takes, and knows the answer.
 */
export function spin() {
  const rotation = new Float32Array(width * width);
  for (let row = 0; row < width; row++) rotation[row * width + ((row + 1) % width)] = 1;
  /** @type {Message} */
  const body = [
    [1, node('Identity', ['go'], ['goOn'])],
    [1, node('MatMul', ['carried', 'rotation'], ['turned'])],
    [2, 'turn'],
    [11, value('turn', int64, [])],
    [11, value('go', bool, [])],
    [11, value('carried', float32, ['batch', width])],
    [12, value('goOn', bool, [])],
    [12, value('turned', float32, ['batch', width])],
  ];
  return encodeModel({
    nodes: [node('Loop', ['n', 'always', 'x'], ['y'], [attribute('body', body)])],
    initializers: [
      constant('rotation', float32, [width, width], rotation),
      constant('always', bool, [], Uint8Array.of(1)),
    ],
    inputs: [value('x', float32, ['batch', width]), value('n', int64, [])],
    outputs: [value('y', float32, ['batch', width])],
  });
}

/** Columns of the `x` of the multi-layer perceptron: an image of 28 by 28. */
export const mlpWidth = 784;

/** Neurons of its hidden layers. */
const hidden = 1024;

/**
 * `x` float32 [batch, 784] → `y` [batch, 10]: dense layers 784 → 1024 → 1024 → 1024 → 10 with Relu between them, 2.9
 * million weights, 11.6 MB. The weights are -1, 0 and 1: whole numbers come out exactly, in whatever order they are added.
 *
 * @param {number} [turns] so many more layers in the middle, each of which rotates the neurons by one place, through a
 *   matrix of 4 MB that they share: each makes the work 1.05 million weights longer
 */
export function mlp(turns = 0) {
  const sizes = [mlpWidth, hidden, hidden, hidden, 10];
  const rotation = new Float32Array(hidden * hidden);
  for (let row = 0; row < hidden; row++) rotation[row * hidden + ((row + 1) % hidden)] = 1;
  const initializers = turns > 0 ? [constant('rotation', float32, [hidden, hidden], rotation)] : [];
  /** @type {Message[]} */
  const nodes = [];
  let from = 'x';
  dense(0);
  for (let turn = 0; turn < turns; turn++) {
    nodes.push(node('MatMul', [from, 'rotation'], [`turned${turn}`]));
    from = `turned${turn}`;
  }
  for (let layer = 1; layer < sizes.length - 1; layer++) dense(layer);
  return encodeModel({
    nodes,
    initializers,
    inputs: [value('x', float32, ['batch', mlpWidth])],
    outputs: [value('y', float32, ['batch', 10])],
  });

  /** @param {number} layer */
  function dense(layer) {
    const [rows, columns] = /** @type {[number, number]} */ (sizes.slice(layer, layer + 2));
    const isLast = layer === sizes.length - 2;
    initializers.push(
      constant(`weights${layer}`, float32, [rows, columns], mlpWeights(layer, rows * columns)),
      constant(`bias${layer}`, float32, [columns], new Float32Array(columns).fill(layer)),
    );
    const product = isLast ? 'y' : `product${layer}`;
    nodes.push(node('Gemm', [from, `weights${layer}`, `bias${layer}`], [product]));
    if (!isLast) nodes.push(node('Relu', [product], [`layer${layer}`]));
    from = `layer${layer}`;
  }
}

/**
 * -1, 0 and 1, without a pattern.
 *
 * @param {number} layer
 * @param {number} count
 */
function mlpWeights(layer, count) {
  const random = randomSource(layer + 1);
  return Float32Array.from({ length: count }, () => Math.floor(random() * 3) - 1);
}

/**
 * @param {{ nodes: Message[], initializers: Message[], inputs: Message[], outputs: Message[] }} graph
 * @returns {Uint8Array} the bytes of `model.onnx`
 */
function encodeModel({ nodes, initializers, inputs, outputs }) {
  /** @type {(field: number) => (message: Message) => readonly [number, Message]} */
  const as = (field) => (message) => [field, message];
  const graph = [
    ...nodes.map(as(1)),
    /** @type {const} */ ([2, 'bench']),
    ...initializers.map(as(5)),
    ...inputs.map(as(11)),
    ...outputs.map(as(12)),
  ];
  const opset = /** @type {const} */ ([[2, 17]]);
  return encode([
    [1, 8],
    [7, graph],
    [8, opset],
  ]).finish();
}

/**
 * @param {string} operator
 * @param {string[]} inputs
 * @param {string[]} outputs
 * @param {Message[]} [attributes]
 * @returns {Message}
 */
function node(operator, inputs, outputs, attributes = []) {
  /** @type {(field: number) => (name: string) => readonly [number, string]} */
  const as = (field) => (name) => [field, name];
  return [
    ...inputs.map(as(1)),
    ...outputs.map(as(2)),
    [4, operator],
    ...attributes.map((message) => /** @type {const} */ ([5, message])),
  ];
}

/**
 * An integer, or a graph.
 *
 * @param {string} name
 * @param {number | Message} held
 * @returns {Message}
 */
function attribute(name, held) {
  return typeof held === 'number'
    ? [
        [1, name],
        [3, held],
        [20, 2],
      ]
    : [
        [1, name],
        [6, held],
        [20, 5],
      ];
}

/**
 * @param {string} name
 * @param {number} type
 * @param {readonly (number | string)[]} shape
 * @returns {Message}
 */
function value(name, type, shape) {
  /** @type {Message} */
  const axes = shape.map((axis) => [1, typeof axis === 'number' ? [[1, axis]] : [[2, axis]]]);
  return [
    [1, name],
    [
      2,
      [
        [
          1,
          [
            [1, type],
            [2, axes],
          ],
        ],
      ],
    ],
  ];
}

/**
 * @param {string} name
 * @param {number} type
 * @param {readonly number[]} shape
 * @param {ArrayBufferView} data
 * @returns {Message}
 */
function constant(name, type, shape, data) {
  return [
    ...shape.map((size) => /** @type {const} */ ([1, size])),
    [2, type],
    [8, name],
    [9, new Uint8Array(data.buffer, data.byteOffset, data.byteLength)],
  ];
}

/**
 * @param {Message} message
 * @param {protobuf.Writer} [writer]
 * @returns {protobuf.Writer}
 */
function encode(message, writer = protobuf.Writer.create()) {
  for (const [field, held] of message) {
    if (typeof held === 'number') writer.uint32(field << 3).int64(held);
    else if (typeof held === 'string') writer.uint32((field << 3) | 2).string(held);
    else if (held instanceof Uint8Array) writer.uint32((field << 3) | 2).bytes(held);
    else encode(held, writer.uint32((field << 3) | 2).fork()).ldelim();
  }
  return writer;
}
