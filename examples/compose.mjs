// The parts of a ModelServer, put together by hand: a source that says what is wanted, a manager that loads it, a
// resolver and a lease for each request. A program that has an idea of its own about any of them replaces it here.
import { fileURLToPath } from 'node:url';
import {
  FileSystemSource,
  OnnxLoader,
  OrtEngine,
  Resolver,
  runServable,
  ServableManager,
  StateMonitor,
  tensor,
  withLease,
} from 'servable';

const basePath = fileURLToPath(new URL('models/digits', import.meta.url));

const engine = new OrtEngine({ numBatchThreads: 1 });
engine.start();
const monitor = new StateMonitor();
const manager = new ServableManager({ loader: new OnnxLoader({ engine }), monitor });
const source = new FileSystemSource({
  models: [{ name: 'digits', basePath, versionPolicy: { specific: [1, 3] } }],
  pollIntervalMs: 0,
});
await source.start(manager);
await manager.settled();
console.log(monitor.status('digits').map(({ id, state }) => `${id.version} ${state}`)); // [ '3 AVAILABLE', '1 AVAILABLE' ]

const id = new Resolver(manager).resolve({ model: 'digits' });
const lease = manager.acquire(id);
if (lease === undefined) throw new Error('gone between two lines of one turn, which cannot be');
const pixels = tensor('float32', [2, 64], new Float32Array(128));
const outputs = await withLease(lease, (servable) => runServable(servable, { pixels }));
console.log(id.version, outputs.label?.shape, outputs.probabilities?.shape); // 3 [ 2 ] [ 2, 10 ]

source.close();
await manager.close({ graceMs: 1000, onGraceOver: () => {} });
await engine.close();
