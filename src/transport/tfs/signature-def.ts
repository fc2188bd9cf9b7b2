import type { DType } from '../../core/dtype.js';
import type { Signature, SignatureMethod, TensorSpec } from '../../core/signature.js';
import { dataTypes, dtypeOf, nameOf } from '../../wire/data-type.js';
import type { tensorflow } from '../../wire/messages.js';

/** What a signature says of itself, in TensorFlow's words; an open axis has the size -1. */
export function signatureDef({ method, inputs, outputs }: Signature): tensorflow.SignatureDef.$Properties {
  return {
    inputs: tensorInfos(inputs),
    outputs: tensorInfos(outputs),
    method_name: `tensorflow/serving/${method}`,
  };
}

function tensorInfos(specs: Signature['inputs']): Record<string, tensorflow.TensorInfo.$Properties> {
  return Object.fromEntries(Object.entries(specs).map(([alias, spec]) => [alias, tensorInfo(spec)]));
}

function tensorInfo({ name, dtype, shape }: TensorSpec): tensorflow.TensorInfo.$Properties {
  return { name, dtype: dataTypes[dtype] as number, tensor_shape: tensorShape(shape) };
}

/** A tensor without axes may be one of which the model states no rank: onnxruntime does not tell them apart. */
function tensorShape(shape: TensorSpec['shape']): tensorflow.TensorShapeProto.$Properties {
  if (shape.length === 0) return { unknown_rank: true };
  return { dim: shape.map((dim) => ({ size: (typeof dim === 'number' ? dim : -1) as never })) };
}

const methods: ReadonlyMap<string, SignatureMethod> = new Map([
  ['tensorflow/serving/classify', 'classify'],
  ['tensorflow/serving/regress', 'regress'],
]);

/**
 * The signature that a server told of. Outputs of types that no tensor of ours has are unrepresentable, inputs of such types
 * are left out. The names of axes do not travel: what is open is null.
 */
export function signatureOf(name: string, def: tensorflow.SignatureDef.$Properties): Signature {
  const [inputs, outputs] = [Object.entries(def.inputs ?? {}), Object.entries(def.outputs ?? {})];
  const others = outputs.filter(([, { dtype }]) => dtypeOf(dtype ?? 0) === undefined);
  return {
    name,
    method: methods.get(def.method_name ?? '') ?? 'predict',
    inputs: specsOf(inputs),
    outputs: specsOf(outputs),
    ...(others.length > 0 && {
      unrepresentableOutputs: Object.fromEntries(
        others.map(([alias, { dtype }]) => [alias, nameOf(dtype ?? 0) ?? `DataType ${dtype ?? 0}`]),
      ),
    }),
  };
}

function specsOf(
  infos: readonly (readonly [string, tensorflow.TensorInfo.$Properties])[],
): Signature['inputs'] {
  const entries = infos.map(([alias, info]) => [alias, specOf(info, dtypeOf(info.dtype ?? 0))] as const);
  return Object.fromEntries(entries.filter((entry): entry is [string, TensorSpec] => entry[1] !== undefined));
}

function specOf(
  { name, tensor_shape: shape }: tensorflow.TensorInfo.$Properties,
  dtype: DType | undefined,
): TensorSpec | undefined {
  if (dtype === undefined) return undefined;
  const dims = shape?.unknown_rank ? [] : (shape?.dim ?? []);
  const sizes = dims.map(({ size }) => Number(size ?? 0));
  return { name: name ?? '', dtype, shape: sizes.map((size) => (size < 0 ? null : size)) };
}
