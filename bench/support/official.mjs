// onnxruntime's own binding for Node.
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';

process.env.ORT_DISABLE_TELEMETRY ??= '1';

/**
 * Set as ours is, unless told otherwise: the CPU, one thread for an operator, no spinning, no telemetry.
 *
 * @param {string} file
 * @param {{ intraOpNumThreads?: number, isSpinning?: boolean }} [options] threads that wait in a loop are its default
 */
export function openOfficial(file, { intraOpNumThreads = 1, isSpinning = false } = {}) {
  return InferenceSession.create(file, {
    executionProviders: ['cpu'],
    intraOpNumThreads,
    interOpNumThreads: 1,
    logSeverityLevel: 4,
    extra: { session: { intra_op: { allow_spinning: isSpinning ? '1' : '0' } } },
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
