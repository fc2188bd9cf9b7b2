import { model, node, value } from './model.js';
import { constant } from './tensor-proto.js';

/**
 * `x` float32 [batch, width], `shift` float32 [] = 0 where it is left out → what signatures may call scores, classes and
 * outputs: `same` = x + shift, `wide`, the same as float64, `whole` int64, `cube` [batch, 1, width], `names` string [batch,
 * width], a to d for whole numbers modulo 4, `name` string [batch, 1], that of the first column; `mean` [batch] and `column` [batch, 1],
 * the mean of each row, `half` the same as float16; `first` [1, width], the first row, and `total` [].
 */
export function manySidedModel(): Uint8Array {
  const rows = (dtype: 'float32' | 'float64' | 'int64' | 'string', name: string) =>
    value(name, dtype, ['batch', 'width']);
  return model({
    inputs: [rows('float32', 'x'), value('shift', 'float32', [])],
    outputs: [
      rows('float32', 'same'),
      rows('float64', 'wide'),
      rows('int64', 'whole'),
      value('cube', 'float32', ['batch', 1, 'width']),
      rows('string', 'names'),
      value('name', 'string', ['batch', 1]),
      value('mean', 'float32', ['batch']),
      value('column', 'float32', ['batch', 1]),
      value('half', 'float16', ['batch', 1]),
      value('first', 'float32', [1, 'width']),
      value('total', 'float32', []),
    ],
    nodes: [
      node('Add', ['x', 'shift'], ['same']),
      node('Cast', ['same'], ['wide'], { to: 11 }),
      node('Cast', ['same'], ['whole'], { to: 7 }),
      node('Unsqueeze', ['same', 'one'], ['cube']),
      node('Mod', ['whole', 'four'], ['place']),
      node('Gather', ['table', 'place'], ['names'], { axis: 0 }),
      node('Gather', ['names', 'zero'], ['name'], { axis: 1 }),
      node('ReduceMean', ['same'], ['mean'], { axes: [1], keepdims: 0 }),
      node('ReduceMean', ['same'], ['column'], { axes: [1], keepdims: 1 }),
      node('Cast', ['column'], ['half'], { to: 10 }),
      node('Gather', ['same', 'zero'], ['first'], { axis: 0 }),
      node('ReduceSum', ['same'], ['total'], { keepdims: 0 }),
    ],
    initializers: [
      constant('shift', 'float32', [], [0]),
      constant('one', 'int64', [1], [1]),
      constant('zero', 'int64', [1], [0]),
      constant('four', 'int64', [], [4]),
      constant('table', 'string', [4], ['a', 'b', 'c', 'd']),
    ],
  });
}

const signature = (outputs: Readonly<Record<string, string>>, more = {}) => ({ outputs, ...more });

/** Signatures of {@link manySidedModel}, for its signatures.json. */
export const manySidedSignatures = {
  scores: signature({ scores: 'same' }, { method: 'classify' }),
  classes: signature({ classes: 'names' }),
  both: signature({ classes: 'names', scores: 'same' }),
  listed: signature({ scores: 'same' }, { classes: ['no', 'yes'] }),
  wide_scores: signature({ scores: 'wide' }),
  one_class: signature({ scores: 'mean' }),
  whole_scores: signature({ scores: 'whole' }),
  float_classes: signature({ classes: 'same' }),
  cube: signature({ scores: 'cube' }),
  uneven: signature({ classes: 'name', scores: 'same' }),
  first_scores: signature({ scores: 'first' }),
  first_classes: signature({ classes: 'names', scores: 'first' }),
  three: signature({ classes: 'names', scores: 'same', more: 'mean' }),
  misnamed: signature({ y: 'same' }, { method: 'classify' }),
  scores_and_total: signature({ scores: 'same', total: 'total' }),
  outputs: signature({ outputs: 'mean' }, { method: 'regress' }),
  column: signature({ outputs: 'column' }),
  half: signature({ outputs: 'half' }),
  wide_outputs: signature({ outputs: 'wide' }),
  cube_outputs: signature({ outputs: 'cube' }),
  first_outputs: signature({ outputs: 'first' }),
  other_inputs: signature({ outputs: 'mean' }, { inputs: { y: 'x' } }),
} as const;
