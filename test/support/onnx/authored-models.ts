import type { DType } from 'servable';
import type { ElementType } from './element-types.js';
import { float, model, node, value } from './model.js';
import { constant } from './tensor-proto.js';

// One import for the tests: these, those that ask much of an engine, those with types that are not tensors, and those
// with rows that mean something to each other.
export * from './demanding-models.js';
export * from './row-models.js';
export * from './special-type-models.js';

/** Every dtype of ours, each of which onnxruntime carries through an Identity. */
export const passthroughDtypes: readonly DType[] = [
  'float16',
  'bfloat16',
  'float32',
  'float64',
  'int8',
  'int16',
  'int32',
  'int64',
  'uint8',
  'uint16',
  'uint32',
  'uint64',
  'bool',
  'string',
];

/** `x` float32 [batch] → `y` = slope · x + offset. Versions of one model differ in their numbers. */
export function linear(slope = 0.5, offset = 2, metadata: Readonly<Record<string, string>> = {}): Uint8Array {
  return model({
    inputs: [value('x', 'float32', ['batch'])],
    outputs: [value('y', 'float32', ['batch'])],
    nodes: [node('Mul', ['x', 'slope'], ['scaled']), node('Add', ['scaled', 'offset'], ['y'])],
    initializers: [constant('slope', 'float32', [], [slope]), constant('offset', 'float32', [], [offset])],
    metadata,
  });
}

/** `in_<dtype>` [batch, width] → `out_<dtype>`, the same elements, for each dtype. */
export function passthrough(dtypes: readonly ElementType[] = passthroughDtypes): Uint8Array {
  return model({
    inputs: dtypes.map((dtype) => value(`in_${dtype}`, dtype, ['batch', 'width'])),
    outputs: dtypes.map((dtype) => value(`out_${dtype}`, dtype, ['batch', 'width'])),
    nodes: dtypes.map((dtype) => node('Identity', [`in_${dtype}`], [`out_${dtype}`])),
  });
}

/** `x` float32 of any rank → `y` = slope · x + offset. */
export function unrankedLinear(slope = 0.5, offset = 2): Uint8Array {
  return model({
    inputs: [value('x', 'float32')],
    outputs: [value('y', 'float32')],
    nodes: [node('Mul', ['x', 'slope'], ['scaled']), node('Add', ['scaled', 'offset'], ['y'])],
    initializers: [constant('slope', 'float32', [], [slope]), constant('offset', 'float32', [], [offset])],
  });
}

/** `x` any rank of one dtype → `y`, the same: a model that states no shape. */
export function unrankedIdentity(dtype: ElementType = 'float32'): Uint8Array {
  return model({
    inputs: [value('x', dtype)],
    outputs: [value('y', dtype)],
    nodes: [node('Identity', ['x'], ['y'])],
  });
}

/** `x` float32 [batch, 3] → `y` = x · scale, where `scale` float32 [] may be left out and is then 2. */
export function overridableScale(): Uint8Array {
  return model({
    inputs: [value('x', 'float32', ['batch', 3]), value('scale', 'float32', [])],
    outputs: [value('y', 'float32', ['batch', 3])],
    nodes: [node('Mul', ['x', 'scale'], ['y'])],
    initializers: [constant('scale', 'float32', [], [2])],
  });
}

/** Nothing → `c` float32 [3] = 1, 2, 3. */
export function noInput(): Uint8Array {
  return model({
    outputs: [value('c', 'float32', [3])],
    nodes: [node('Identity', ['stored'], ['c'])],
    initializers: [constant('stored', 'float32', [3], [1, 2, 3])],
  });
}

/** `ids` int64 [batch] → `row` float32 [batch, 4]: row n is n, n + 0.1, n + 0.2, n + 0.3. Ids outside [-10, 9] fail at run. */
export function gatherTable(): Uint8Array {
  const table = Array.from({ length: 40 }, (_, index) => Math.floor(index / 4) + (index % 4) / 10);
  return model({
    inputs: [value('ids', 'int64', ['batch'])],
    outputs: [value('row', 'float32', ['batch', 4])],
    nodes: [node('Gather', ['table', 'ids'], ['row'], { axis: 0 })],
    initializers: [constant('table', 'float32', [10, 4], table)],
  });
}

/** `x` float32 [batch, 4] → `y` = x minus its mean over the batch, `total` float32 [] its sum: rows are not independent. */
export function batchMeanCentering(): Uint8Array {
  return model({
    inputs: [value('x', 'float32', ['batch', 4])],
    outputs: [value('y', 'float32', ['batch', 4]), value('total', 'float32', [])],
    nodes: [
      node('ReduceMean', ['x'], ['mean'], { axes: [0], keepdims: 1 }),
      node('Sub', ['x', 'mean'], ['y']),
      node('ReduceSum', ['x'], ['total'], { keepdims: 0 }),
    ],
  });
}

/** Names that a JavaScript object, a file system or a URL may trip over, each an input and, with ` out`, an output. */
export const oddNames: readonly string[] = [
  'a/b:0',
  '__proto__',
  'constructor',
  'toString',
  '10',
  '2',
  'größe 模型',
  'two words',
  '.',
];

/** Each name of {@link oddNames}: float32 [batch] → `<name> out`, the same plus its place in the list. */
export function oddlyNamed(names: readonly string[] = oddNames): Uint8Array {
  return model({
    inputs: names.map((name) => value(name, 'float32', ['batch'])),
    outputs: names.map((name) => value(`${name} out`, 'float32', ['batch'])),
    nodes: names.map((name, place) => node('Add', [name, `place ${place}`], [`${name} out`])),
    initializers: names.map((_, place) => constant(`place ${place}`, 'float32', [], [place])),
  });
}

/** `text` string [batch] → `same`, the same strings, and `distinct`, each once and sorted. Needs no locale. */
export function strings(): Uint8Array {
  return model({
    inputs: [value('text', 'string', ['batch'])],
    outputs: [value('same', 'string', ['batch']), value('distinct', 'string', ['count'])],
    nodes: [node('Identity', ['text'], ['same']), node('Unique', ['text'], ['distinct'], { sorted: 1 })],
  });
}

/** `x` float32 [batch, width] → `y` float32 [batch, width, 0]: an output that never has an element. */
export function emptyOutput(): Uint8Array {
  return model({
    inputs: [value('x', 'float32', ['batch', 'width'])],
    outputs: [value('y', 'float32', ['batch', 'width', 0])],
    nodes: [
      node('Unsqueeze', ['x', 'last'], ['column']),
      node('Slice', ['column', 'zero', 'zero', 'last'], ['y']),
    ],
    initializers: [constant('last', 'int64', [1], [2]), constant('zero', 'int64', [1], [0])],
  });
}

/** `x` float32 [batch] → `y`: x leaning to `slope` below zero. An attribute that is a float. */
export function leaky(slope = 0.25): Uint8Array {
  return model({
    inputs: [value('x', 'float32', ['batch'])],
    outputs: [value('y', 'float32', ['batch'])],
    nodes: [node('LeakyRelu', ['x'], ['y'], { alpha: float(slope) })],
  });
}
