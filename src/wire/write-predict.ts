// Hot path: once for each predict request that is answered over a wire. Guarded by bench/transport/grpc/predict.mjs.
import type { TensorMap } from '../core/tensor.js';
import type { ByteSink } from './byte-sink.js';
import { type EncodeTensorOptions, writeTensor } from './encode-tensor.js';

// The numbers of fields are TF Serving's: apis/model.proto and apis/predict.proto.

/** A ModelSpec to write; what is not set is left out. */
export interface WrittenSpec {
  readonly model: string;
  readonly version?: number;
  readonly label?: string;
  readonly signature: string;
}

/** What a ModelSpec consists of. */
export function writeSpec(sink: ByteSink, { model, version, label = '', signature }: WrittenSpec): void {
  sink.text(1, model);
  if (version !== undefined) sink.message(2, (wrapper) => version > 0 && wrapper.number(1, version));
  sink.text(3, signature);
  sink.text(4, label);
}

/** A map of tensors by alias. Their data are read when the message is put together. */
export function writeTensors(
  sink: ByteSink,
  field: number,
  tensors: TensorMap,
  options: EncodeTensorOptions = {},
): void {
  for (const [alias, tensor] of Object.entries(tensors)) {
    sink.message(field, (entry) => entry.text(1, alias).message(2, (to) => writeTensor(to, tensor, options)));
  }
}
