import { OnnxLoader, OrtEngine } from 'servable';
import { RunTimes } from '#dist/runner/inline/run-times.js';
import { bindOrtApi } from '#dist/runner/ort/c-api.js';
import { findLibrary } from '#dist/runner/ort/library.js';
import { SessionRunner } from '#dist/runner/ort/run.js';
import { createRunOptions } from '#dist/runner/ort/run-options.js';

/**
 * An engine and a loader over it.
 *
 * @param {import('servable').EngineOptions} [options]
 */
export function openEngine(options) {
  const engine = new OrtEngine({ numBatchThreads: 2, ...options });
  engine.start();
  const loader = new OnnxLoader({ engine });
  return {
    engine,
    /** @param {{ name: string, versionPath: string }} model */
    load: ({ name, versionPath }) => loader.load({ model: name, version: 1 }, versionPath),
  };
}

/** The C API in this thread, without an engine: what a run costs at the least. */
export function bindRunner() {
  const api = bindOrtApi(findLibrary());
  return { runner: new SessionRunner(api), runOptions: createRunOptions(api) };
}

/**
 * A run in native terms, of all outputs.
 *
 * @param {import('#dist/runner/ort/session.js').OpenSession} open
 * @param {import('servable').TensorMap} tensors
 * @returns {import('#dist/runner/engine-run.js').EngineRun}
 */
export function nativeRun(open, tensors) {
  return {
    session: open.session,
    inputs: open.inputs.map(({ name, nativeName }) => ({
      nativeName,
      tensor: /** @type {import('servable').Tensor} */ (tensors[name]),
    })),
    outputs: open.outputs.map(({ nativeName }) => ({ nativeName, kind: 'tensor' })),
    times: new RunTimes(),
  };
}

/**
 * Runs a servable by the signature of its graph, for its output `y`.
 *
 * @param {import('servable').Servable} servable
 * @param {import('servable').TensorMap} inputs
 * @returns {Promise<import('servable').TensorMap>}
 */
export function runServable(servable, inputs) {
  const signature = servable.signatures.get('serving_default');
  if (signature === undefined) throw new Error('A servable has the signature of its graph');
  return servable.run({ signature, inputs, outputs: ['y'] });
}
