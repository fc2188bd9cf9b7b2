import type { ElementType } from './element-types.js';
import { model, type Node, node, value } from './model.js';
import { type Constant, constant } from './tensor-proto.js';

const intMax = 2n ** 63n - 1n;

/** `x` [batch, 4] → `y`, computed by the nodes. */
function rows(
  nodes: readonly Node[],
  initializers: readonly Constant[] = [],
  { dtype = 'float32', shape = ['batch', 4] }: { dtype?: ElementType; shape?: (string | number)[] } = {},
): Uint8Array {
  return model({
    inputs: [value('x', dtype, ['batch', 4])],
    outputs: [value('y', dtype, shape)],
    nodes,
    initializers,
  });
}

const reverse = (input: string, output: string) =>
  node('Slice', [input, 'last', 'end', 'axis', 'back'], [output]);
const reverseConstants = [
  constant('last', 'int64', [1], [-1]),
  constant('end', 'int64', [1], [-intMax]),
  constant('axis', 'int64', [1], [0]),
  constant('back', 'int64', [1], [-1]),
];

/** `x` [batch, 4] → `y`, the rows in reverse order. */
export function rowsReversed(dtype: ElementType = 'float32'): Uint8Array {
  return rows([reverse('x', 'y')], reverseConstants, { dtype });
}

/** `x` float32 [batch, 4] → `y`: the rows in reverse order below zero, 0 above it. */
export function rowsReversedBelowZero(): Uint8Array {
  return rows(
    [reverse('x', 'reversed'), node('Neg', ['reversed'], ['negative']), node('Relu', ['negative'], ['y'])],
    reverseConstants,
  );
}

/** `x` float32 [batch, 4] → `same`, x, and `y`, what {@link rowsReversedBelowZero} says. */
export function oneOutputReversedBelowZero(): Uint8Array {
  return model({
    inputs: [value('x', 'float32', ['batch', 4])],
    outputs: [value('same', 'float32', ['batch', 4]), value('y', 'float32', ['batch', 4])],
    nodes: [
      node('Identity', ['x'], ['same']),
      reverse('x', 'reversed'),
      node('Neg', ['reversed'], ['negative']),
      node('Relu', ['negative'], ['y']),
    ],
    initializers: reverseConstants,
  });
}

/** `x` float32 [batch, width] → `y`: all but the first four of each row, in reverse order of the rows. */
export function reversedBeyondFour(): Uint8Array {
  return model({
    inputs: [value('x', 'float32', ['batch', 'width'])],
    outputs: [value('y', 'float32', ['batch', null])],
    nodes: [node('Slice', ['x', 'four', 'most', 'inner'], ['rest']), reverse('rest', 'y')],
    initializers: [
      ...reverseConstants,
      constant('four', 'int64', [1], [4]),
      constant('most', 'int64', [1], [intMax]),
      constant('inner', 'int64', [1], [1]),
    ],
  });
}

/** `x` float32 [batch, 4] → `same`, x, and `isAbove` bool [batch]: whether the row's sum is above that of most. */
export function rowsCompared(): Uint8Array {
  return model({
    inputs: [value('x', 'float32', ['batch', 4])],
    outputs: [value('same', 'float32', ['batch', 4]), value('isAbove', 'bool', ['batch'])],
    nodes: [
      node('Identity', ['x'], ['same']),
      node('ReduceSum', ['x', 'inner'], ['total'], { keepdims: 0 }),
      node('ReduceMean', ['total'], ['mean'], { axes: [0], keepdims: 1 }),
      node('Less', ['mean', 'total'], ['isAbove']),
    ],
    initializers: [constant('inner', 'int64', [1], [1])],
  });
}

/** `x` float32 [batch, 4] → `y`: each row the sum of those up to it. */
export function runningTotal(): Uint8Array {
  return rows([node('CumSum', ['x', 'axis'], ['y'])], [constant('axis', 'int64', [], [0])]);
}

/** `x` float32 [batch, 4] → `y` = x · rows. */
export function timesRows(): Uint8Array {
  return rows([
    node('Shape', ['x'], ['rows'], { start: 0, end: 1 }),
    node('Cast', ['rows'], ['factor'], { to: 1 }),
    node('Mul', ['x', 'factor'], ['y']),
  ]);
}

/** `x` float32 [batch, 4] → `y`: x in 256 steps of its greatest element, in whatever row. */
export function quantisedByBatch(): Uint8Array {
  return rows([
    node('DynamicQuantizeLinear', ['x'], ['bytes', 'step', 'zero']),
    node('DequantizeLinear', ['bytes', 'step', 'zero'], ['y']),
  ]);
}

/** `x` float32 [batch, 4] → `y` = x plus noise, which is never the same. */
export function noisy(): Uint8Array {
  return rows([node('RandomUniformLike', ['x'], ['noise']), node('Add', ['x', 'noise'], ['y'])]);
}

/** `x` float32 [batch, 4] → `y` [1, 4]: x reshaped to what only one row fits. */
export function reshapedToOneRow(): Uint8Array {
  return rows([node('Reshape', ['x', 'shape'], ['y'])], [constant('shape', 'int64', [2], [1, 4])]);
}

/** `x` float32 [batch, 4] → `y` [1, 4]: the first row. */
export function firstRow(): Uint8Array {
  return rows([node('Gather', ['x', 'first'], ['y'], { axis: 0 })], [constant('first', 'int64', [1], [0])], {
    shape: [1, 4],
  });
}

/** `x` float32 [batch, 4] → `y` [batch, batch]: the product of each row with each. */
export function eachWithEach(): Uint8Array {
  return rows([node('Transpose', ['x'], ['columns']), node('MatMul', ['x', 'columns'], ['y'])], [], {
    shape: ['batch', 'batch'],
  });
}

/** `x` float32 [batch, 4] → `y` float32 []: the sum of all. */
export function total(): Uint8Array {
  return rows([node('ReduceSum', ['x'], ['y'], { keepdims: 0 })], [], { shape: [] });
}

/** `x` float32 [batch, 4] → `y` int64 [4]: in which row each column is greatest. */
export function greatestRow(): Uint8Array {
  return model({
    inputs: [value('x', 'float32', ['batch', 4])],
    outputs: [value('y', 'int64', [4])],
    nodes: [node('ArgMax', ['x'], ['y'], { axis: 0, keepdims: 0 })],
  });
}

/** `x` [batch, 4] of one dtype → `y`, the rows minus their mean over the batch. */
export function centredRows(dtype: ElementType = 'float32'): Uint8Array {
  return rows(
    [node('ReduceMean', ['x'], ['mean'], { axes: [0], keepdims: 1 }), node('Sub', ['x', 'mean'], ['y'])],
    [],
    { dtype },
  );
}

/** `x` [batch, 4] of one dtype → `y` = x + x. */
export function doubled(dtype: ElementType = 'float32'): Uint8Array {
  return rows([node('Add', ['x', 'x'], ['y'])], [], { dtype });
}

/** `x` float32 [batch, 4] → `y` = 0 · x. */
export function alwaysZero(): Uint8Array {
  return rows([node('Sub', ['x', 'x'], ['y'])]);
}

/** `ids` int64 [batch, length] → `y` float32 [batch, length, 2]: rows of a table that has only two. */
export function smallTable(): Uint8Array {
  return model({
    inputs: [value('ids', 'int64', ['batch', 'length'])],
    outputs: [value('y', 'float32', ['batch', 'length', 2])],
    nodes: [node('Gather', ['table', 'ids'], ['y'], { axis: 0 })],
    initializers: [constant('table', 'float32', [2, 2], [0.1, 0.2, 0.3, 0.4])],
  });
}

/** `text` string [batch] → `y` float32 [batch]: the number that it spells; fails where it spells none. */
export function spelledNumbers(): Uint8Array {
  return model({
    inputs: [value('text', 'string', ['batch'])],
    outputs: [value('y', 'float32', ['batch'])],
    nodes: [node('Cast', ['text'], ['y'], { to: 1 })],
  });
}

/** `past` [batch, past], `now` [batch, now], `mask` [batch, all], where all = past + now → `y` [batch, all]. */
export function pastAndNow(): Uint8Array {
  return model({
    inputs: [
      value('past', 'float32', ['batch', 'past']),
      value('now', 'float32', ['batch', 'now']),
      value('mask', 'float32', ['batch', 'all']),
    ],
    outputs: [value('y', 'float32', ['batch', 'all'])],
    nodes: [
      node('Concat', ['past', 'now'], ['joined'], { axis: 1 }),
      node('Shape', ['joined'], ['shape']),
      // A reshape, as an addition would stretch a mask of one.
      node('Reshape', ['mask', 'shape'], ['fitting']),
      node('Add', ['joined', 'fitting'], ['y']),
    ],
  });
}

/** `x` float32 [batch, length] → `y` [batch, length / size, size]: fails where size does not divide the length. */
export function inBlocks(size: number): Uint8Array {
  return model({
    inputs: [value('x', 'float32', ['batch', null])],
    outputs: [value('y', 'float32', ['batch', null, size])],
    nodes: [node('Reshape', ['x', 'shape'], ['y'])],
    initializers: [constant('shape', 'int64', [3], [0, -1, size])],
  });
}

/** `x` float32 [batch, length] → `y` [batch, 4]: fails where the length is not 4, which it does not declare. */
export function onlyLengthFour(): Uint8Array {
  return model({
    inputs: [value('x', 'float32', ['batch', 'length'])],
    outputs: [value('y', 'float32', ['batch', 4])],
    nodes: [node('Reshape', ['x', 'shape'], ['y'])],
    initializers: [constant('shape', 'int64', [2], [0, 4])],
  });
}

/** `x` float32 [batch, length] → `y`, computed by one operator along the length, as [batch, `axis`] or [batch]. */
export function alongLength(op: 'ReduceSum' | 'ReduceMax' | 'Softmax' | 'Exp', axis?: string): Uint8Array {
  const isReduced = op.startsWith('Reduce');
  const axes = op === 'ReduceMax' ? { axes: [1], keepdims: 0 } : op === 'ReduceSum' ? { keepdims: 0 } : {};
  return model({
    inputs: [value('x', 'float32', ['batch', 'length'])],
    outputs: [value('y', 'float32', isReduced ? ['batch'] : ['batch', axis ?? 'length'])],
    nodes: [node(op, op === 'ReduceSum' ? ['x', 'inner'] : ['x'], ['y'], axes)],
    initializers: op === 'ReduceSum' ? [constant('inner', 'int64', [1], [1])] : [],
  });
}

/** `x` float32, `mask` int64 [batch, length] → `y` [batch]: the mean of what the mask has 1 for. */
export function maskedMean(): Uint8Array {
  return model({
    inputs: [value('x', 'float32', ['batch', 'length']), value('mask', 'int64', ['batch', 'length'])],
    outputs: [value('y', 'float32', ['batch'])],
    nodes: [
      node('Cast', ['mask'], ['weight'], { to: 1 }),
      node('Mul', ['x', 'weight'], ['weighted']),
      node('ReduceSum', ['weighted', 'inner'], ['total'], { keepdims: 0 }),
      node('ReduceSum', ['weight', 'inner'], ['count'], { keepdims: 0 }),
      node('Div', ['total', 'count'], ['y']),
    ],
    initializers: [constant('inner', 'int64', [1], [1])],
  });
}
