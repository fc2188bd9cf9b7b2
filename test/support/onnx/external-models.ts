import { type Axis, model, node, value } from './model.js';
import { type Constant, constant } from './tensor-proto.js';

/** Where in a graph the weights of {@link externalWeights} are spoken of. */
export type WeightsPlace = 'initializer' | 'constant' | 'branch initializer' | 'branch constant';

/** All places. */
export const weightsPlaces: readonly WeightsPlace[] = [
  'initializer',
  'constant',
  'branch initializer',
  'branch constant',
];

const width = 64;

/** The bytes of the file that {@link externalWeights} speaks of: each weight is this value. */
export function externalFile(weight = 0.5): Uint8Array {
  return new Uint8Array(new Float32Array(width * width).fill(weight).buffer);
}

/** `x` float32 [batch, 64], `go` bool [] → `y` = x · weights, each of which is in a file at that location. */
export function externalWeights(location: string, place: WeightsPlace = 'initializer'): Uint8Array {
  const row: Axis[] = ['batch', width];
  const length = width * width * Float32Array.BYTES_PER_ELEMENT;
  const weights: Constant = constant('weights', 'float32', [width, width], externalFile(), {
    external: { location, offset: 0, length },
  });
  const isConstant = place.endsWith('constant');
  const nodes = [
    ...(isConstant ? [node('Constant', [], ['weights'], { value: { ...weights, name: '' } })] : []),
    node('MatMul', ['x', 'weights'], ['product']),
  ];
  const initializers = isConstant ? [] : [weights];
  const outputs = [value('y', 'float32', row)];
  const inputs = [value('x', 'float32', row), value('go', 'bool', [])];
  if (!place.startsWith('branch')) {
    const same = (name: string) => ({
      name,
      outputs: [value(name, 'float32', row)],
      nodes: [node('Identity', ['product'], [name])],
    });
    const choice = node('If', ['go'], ['y'], { then_branch: same('yes'), else_branch: same('no') });
    return model({ inputs, outputs, nodes: [...nodes, choice], initializers });
  }
  const branch = { name: 'yes', outputs: [value('product', 'float32', row)], nodes, initializers };
  const other = {
    name: 'no',
    outputs: [value('same', 'float32', row)],
    nodes: [node('Identity', ['x'], ['same'])],
  };
  return model({
    inputs,
    outputs,
    nodes: [node('If', ['go'], ['y'], { then_branch: branch, else_branch: other })],
  });
}
