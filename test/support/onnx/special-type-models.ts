import { type ElementType, elementTypes } from './element-types.js';
import { model, node, type ValueType, value } from './model.js';
import { constant } from './tensor-proto.js';

/** `x` float32 [batch, 2] → `seq` sequence of float32, one a row, and `y` the same as x. */
export function sequenceOutput(): Uint8Array {
  return model({
    inputs: [value('x', 'float32', ['batch', 2])],
    outputs: [{ name: 'seq', type: { sequence: tensorOf('float32') } }, value('y', 'float32', ['batch', 2])],
    nodes: [node('SplitToSequence', ['x'], ['seq'], { axis: 0 }), node('Identity', ['x'], ['y'])],
  });
}

/** `scores` float32 [batch, keys] → `label` int64 [batch], the place of the best, and `probabilities`, one map a row. */
export function zipMap(keys: readonly number[] | readonly string[] = [0, 1, 2]): Uint8Array {
  const isText = typeof keys[0] === 'string';
  const map: ValueType = { map: { key: isText ? 'string' : 'int64', value: tensorOf('float32') } };
  return model({
    inputs: [value('scores', 'float32', ['batch', keys.length])],
    outputs: [value('label', 'int64', ['batch']), { name: 'probabilities', type: { sequence: map } }],
    nodes: [
      node('ArgMax', ['scores'], ['label'], { axis: 1, keepdims: 0 }),
      node(
        'ZipMap',
        ['scores'],
        ['probabilities'],
        { [isText ? 'classlabels_strings' : 'classlabels_int64s']: keys },
        'ai.onnx.ml',
      ),
    ],
    domains: { 'ai.onnx.ml': 3 },
  });
}

/** `x` float32 [batch] → `y` the same values in another element type, by Cast: int4, float8, bfloat16, … */
export function castOutput(to: ElementType): Uint8Array {
  return model({
    inputs: [value('x', 'float32', ['batch'])],
    outputs: [value('y', to, ['batch'])],
    nodes: [node('Cast', ['x'], ['y'], { to: elementTypes[to].code })],
    opset: 21,
    irVersion: 10,
  });
}

/** `x` [batch] of an element type → `y` float32, by Cast. */
export function castInput(from: ElementType): Uint8Array {
  return model({
    inputs: [value('x', from, ['batch'])],
    outputs: [value('y', 'float32', ['batch'])],
    nodes: [node('Cast', ['x'], ['y'], { to: 1 })],
    opset: 21,
    irVersion: 10,
  });
}

/** `x` bfloat16 [batch] → `y` bfloat16 = 2 · x, computed in float32. */
export function bfloat16Doubling(): Uint8Array {
  return model({
    inputs: [value('x', 'bfloat16', ['batch'])],
    outputs: [value('y', 'bfloat16', ['batch'])],
    nodes: [
      node('Cast', ['x'], ['wide'], { to: 1 }),
      node('Add', ['wide', 'wide'], ['doubled']),
      node('Cast', ['doubled'], ['y'], { to: 16 }),
    ],
  });
}

/** `seq` sequence of float32 → `y`, its first tensor. */
export function sequenceInput(): Uint8Array {
  return model({
    inputs: [{ name: 'seq', type: { sequence: tensorOf('float32') } }],
    outputs: [value('y', 'float32')],
    nodes: [node('SequenceAt', ['seq', 'first'], ['y'])],
    initializers: [constant('first', 'int64', [], [0])],
  });
}

/** `counts` map of int64 to float32 → `y` float32 [1, 3]. */
export function mapInput(): Uint8Array {
  return model({
    inputs: [{ name: 'counts', type: { map: { key: 'int64', value: tensorOf('float32') } } }],
    outputs: [value('y', 'float32', [1, 3])],
    nodes: [
      node(
        'CastMap',
        ['counts'],
        ['y'],
        { cast_to: 'TO_FLOAT', map_form: 'SPARSE', max_map: 3 },
        'ai.onnx.ml',
      ),
    ],
    domains: { 'ai.onnx.ml': 1 },
  });
}

/** `maybe` optional float32 [batch] → `present` bool []. */
export function optionalInput(): Uint8Array {
  return model({
    inputs: [{ name: 'maybe', type: { optional: { tensor: 'float32', shape: ['batch'] } } }],
    outputs: [value('present', 'bool', [])],
    nodes: [node('OptionalHasElement', ['maybe'], ['present'])],
    opset: 18,
  });
}

function tensorOf(tensor: ElementType): ValueType {
  return { tensor };
}
