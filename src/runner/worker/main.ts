import { isMainThread, parentPort, type Transferable, workerData } from 'node:worker_threads';
import koffi from 'koffi';
import { ServingError } from '../../core/errors.js';
import type { Tensor } from '../../core/tensor.js';
import { visibleGpus } from '../devices/nvidia/visible-gpus.js';
import { tensorRtVersion } from '../devices/tensorrt/tensorrt-version.js';
import { assertWebGpuDevice } from '../devices/vulkan.js';
import { readModelHeader } from '../files/model-header.js';
import { cudaMemory } from '../graphs/cuda-memory.js';
import { closeArena, openArena, shrinkArena } from '../ort/arena.js';
import { BoundRuns } from '../ort/bound-runs.js';
import { bindOrtApi, OrtError } from '../ort/c-api.js';
import { openCappedSession } from '../ort/capped-session.js';
import { nodesByProvider } from '../ort/graph-assignment.js';
import { SessionRunner } from '../ort/run.js';
import { closeSession, openSession } from '../ort/session.js';
import { createSessionOptions } from '../ort/session-options.js';
import { isArenaFull } from '../ort/status.js';
import { tryProviders } from '../ort/try-providers.js';
import { giveWay } from './give-way.js';
import type { ThreadMessage, ThreadRequest, ThreadSetup } from './messages.js';
import { ThreadBarrier } from './thread-barrier.js';

if (isMainThread || parentPort === null) {
  throw new Error('runner/worker/main.js is the entry of a thread; it is not imported');
}
const port = parentPort;
const { libraryFile, environment, place, givesWay } = workerData as ThreadSetup;
if (givesWay) giveWay();
const barrier = new ThreadBarrier(place);
const api = bindOrtApi(libraryFile);
const runner = new SessionRunner(api);
/** Recorded runs by CUDA device. */
const boundRuns = new Map<number, BoundRuns>();
const trim = bindTrim();

port.on('message', (request: ThreadRequest) => {
  if (!barrier.enter()) return; // the process is exiting
  try {
    handle(request);
  } catch (error) {
    send(describeFailure(error));
  } finally {
    barrier.leave();
  }
});
barrier.leave(); // a thread begins inside
send({ kind: 'ready' });

function handle(request: ThreadRequest): void {
  switch (request.kind) {
    case 'run':
      run(request);
      break;
    case 'open-session': {
      const { file, memory, countsNodes } = request;
      assertWebGpuDevice(request.options.providers ?? []);
      const options = createSessionOptions(api, request.options, environment);
      send({ kind: 'opening', options });
      const open =
        memory === undefined
          ? openSession(api, environment, file, options)
          : openCappedSession(api, runner, { environment, file, options, memory });
      send({ kind: 'opened', open, nodes: countsNodes ? nodesByProvider(api, open.session) : undefined });
      break;
    }
    case 'release-graphs':
      for (const runs of boundRuns.values()) runs.release(request.session);
      send({ kind: 'done' });
      break;
    case 'open-arena':
      send({ kind: 'arena', arena: openArena(api, environment, request.config) });
      break;
    case 'close-arena':
      closeArena(api, environment, request.arena);
      send({ kind: 'done' });
      break;
    case 'shrink-arena':
      shrinkArena(api, runner, request.arena);
      send({ kind: 'done' });
      break;
    case 'list-gpus':
      send({ kind: 'gpus', found: visibleGpus(request.libraries) });
      break;
    case 'tensorrt-version':
      send({ kind: 'version', version: tensorRtVersion() });
      break;
    case 'try-providers':
      assertWebGpuDevice(request.providers);
      tryProviders(api, environment, request.providers);
      send({ kind: 'done' });
      break;
    case 'read-header':
      send({ kind: 'header', header: readModelHeader(request.file) });
      break;
    case 'close-session':
      closeSession(api, request.open);
      send({ kind: 'done' });
      break;
    case 'trim':
      trim();
      send({ kind: 'done' });
      break;
    case 'exit':
      for (const runs of boundRuns.values()) runs.close();
      runner.close();
      port.close(); // nothing else holds this thread's event loop
      break;
    default:
      request satisfies never;
  }
}

function run(request: Extract<ThreadRequest, { kind: 'run' }>): void {
  const { session, runOptions, inputs, outputs, graph } = request;
  try {
    const started = performance.now();
    const tensors =
      graph === undefined
        ? runner.run(session, runOptions, inputs, outputs)
        : boundRunsOf(graph.deviceIndex).run({ ...request, shapeId: graph.id });
    const micros = (performance.now() - started) * 1000;
    send({ kind: 'ran', outputs: tensors, micros }, transferables(tensors));
  } catch (error) {
    if (!isArenaFull(error)) throw error;
    // With the inputs: they were moved here, and are wanted for another try.
    const moved = transferables(inputs.map(({ tensor }) => tensor));
    send({ kind: 'failed', message: error.message, ortCode: error.ortCode, inputs }, moved);
  }
}

function boundRunsOf(deviceIndex: number): BoundRuns {
  const runs = boundRuns.get(deviceIndex) ?? new BoundRuns(api, cudaMemory(api, deviceIndex));
  boundRuns.set(deviceIndex, runs);
  return runs;
}

function send(message: ThreadMessage, transfer?: Transferable[]): void {
  port.postMessage(message, transfer);
}

function transferables(tensors: readonly Tensor[]): ArrayBuffer[] {
  return tensors.flatMap(({ data }) => (ArrayBuffer.isView(data) ? [data.buffer as ArrayBuffer] : []));
}

function describeFailure(error: unknown): ThreadMessage {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof OrtError) return { kind: 'failed', message, ortCode: error.ortCode };
  if (error instanceof ServingError) return { kind: 'failed', message, code: error.code, facts: error.facts };
  return { kind: 'failed', message };
}

/**
 * glibc keeps what is freed; without this, the memory of an unloaded model stays with the process (onnxruntime issue
 * 25325). Other C libraries have no such call and need none.
 */
function bindTrim(): () => void {
  if (process.platform !== 'linux') return () => {};
  try {
    const mallocTrim = koffi.load(null).func('malloc_trim', 'int', ['size_t']);
    return () => mallocTrim(0);
  } catch {
    return () => {}; // musl
  }
}
