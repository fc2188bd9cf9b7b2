import { isMainThread, parentPort, type Transferable, workerData } from 'node:worker_threads';
import koffi from 'koffi';
import { ServingError } from '../../core/errors.js';
import type { Tensor } from '../../core/tensor.js';
import { externalLocations } from '../files/external-locations.js';
import { bindOrtApi, OrtError } from '../ort/c-api.js';
import { SessionRunner } from '../ort/run.js';
import { closeSession, openSession } from '../ort/session.js';
import { createSessionOptions } from '../ort/session-options.js';
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
    case 'run': {
      const started = performance.now();
      const outputs = runner.run(request.session, request.runOptions, request.inputs, request.outputs);
      const micros = (performance.now() - started) * 1000;
      send({ kind: 'ran', outputs, micros }, transferables(outputs));
      break;
    }
    case 'open-session': {
      const options = createSessionOptions(api, request.options);
      send({ kind: 'opening', options });
      send({ kind: 'opened', open: openSession(api, environment, request.file, options) });
      break;
    }
    case 'list-external-data':
      send({ kind: 'listed', locations: externalLocations(request.file) });
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
      runner.close();
      port.close(); // nothing else holds this thread's event loop
      break;
    default:
      request satisfies never;
  }
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
