// onnxruntime's own binding for Node, set as ours is: the CPU, one thread for an operator, no spinning, no telemetry.
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';

process.env.ORT_DISABLE_TELEMETRY ??= '1';

/** @param {string} file */
export function openOfficial(file) {
  return InferenceSession.create(file, {
    executionProviders: ['cpu'],
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    logSeverityLevel: 4,
    extra: { session: { intra_op: { allow_spinning: '0' } } },
  });
}

/**
 * @param {import('servable').TensorMap} tensors
 * @returns {Record<string, OrtTensor>}
 */
export function officialFeeds(tensors) {
  return Object.fromEntries(
    Object.entries(tensors).map(([name, { dtype, data, shape }]) => [
      name,
      new OrtTensor(/** @type {'float32'} */ (dtype), /** @type {Float32Array} */ (data), [...shape]),
    ]),
  );
}
