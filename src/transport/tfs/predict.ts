// Hot path: once for each predict request over gRPC. Guarded by bench/transport/grpc/predict.mjs.
import { checkAliases } from '../../core/signature-check.js';
import type { TensorMap } from '../../core/tensor.js';
import { ByteSink } from '../../wire/byte-sink.js';
import { decodeInputs, rawTensors } from '../../wire/decode-inputs.js';
import type { EncodeTensorOptions } from '../../wire/encode-tensor.js';
import { decodeMessage, tensorflow } from '../../wire/messages.js';
import { type WrittenSpec, writeSpec, writeTensors } from '../../wire/write-predict.js';
import type { Method, MethodParts } from './method.js';
import { signatureName, specOf } from './model-spec.js';

/**
 * Predict. Tensors are decoded once it is known that somebody will answer them.
 *
 * Source: TF Serving, servables/tensorflow/predict_util.cc.
 */
export function predictMethod({ server, asTensorContent }: MethodParts): Method {
  return async (bytes, { patience, takeBytes }) => {
    const {
      model_spec,
      inputs: raw,
      output_filter: outputs,
    } = decodeMessage('PredictRequest', tensorflow.serving.PredictRequest, bytes);
    const spec = specOf(model_spec, patience);
    const answer = await server.predict(
      spec,
      (signature, id) => {
        checkAliases(id, signature, raw);
        return decodeInputs(rawTensors(raw), { takeBytes });
      },
      { ...patience, outputs },
    );
    const written = { ...answer.id, signature: signatureName(spec) };
    return encodeResponse(answer.outputs, written, { asTensorContent });
  };
}

function encodeResponse(outputs: TensorMap, spec: WrittenSpec, options: EncodeTensorOptions): Uint8Array {
  const sink = new ByteSink();
  writeTensors(sink, 1, outputs, options);
  sink.message(2, (to) => writeSpec(to, spec));
  return sink.written;
}
