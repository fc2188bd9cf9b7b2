import type { Signature, TensorSpec } from '../../core/signature.js';
import { dataTypes } from '../../wire/data-type.js';
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
