// What users ask today warms up tomorrow's version: a sample of the requests is logged, and the log is the next version's
// warm-up file, so that its first requests are as fast as the others.
import { cp, mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ModelServer, tensor } from 'servable';

const folder = await mkdtemp(join(tmpdir(), 'digits-'));
const basePath = join(folder, 'models');
const logs = join(folder, 'logs');
await cp('examples/models/digits/1', join(basePath, '1'), { recursive: true });

const requestLog = { filenamePrefix: join(logs, 'digits'), samplingRate: 1 }; // 0.01, say, in production
const server = await new ModelServer({ models: [{ name: 'digits', basePath, requestLog }] }).start();
for (const rows of [1, 4, 16]) {
  await server.predict('digits', { pixels: tensor('float32', [rows, 64], new Float32Array(rows * 64)) });
}
await server.close(); // or when `maxFileAgeMs` is over, or a file is full
const [log = ''] = await readdir(logs);
console.log(/^digits-.*\.tfrecord$/.test(log)); // true

// The next version, put together beside and renamed: its model, and the log as its warm-up file.
const incoming = join(basePath, 'incoming');
await cp('examples/models/digits/2', incoming, { recursive: true });
await mkdir(join(incoming, 'assets.extra'), { recursive: true });
await cp(join(logs, log), join(incoming, 'assets.extra', 'tf_serving_warmup_requests'));
await rename(incoming, join(basePath, '2'));

const next = await new ModelServer({
  models: [{ name: 'digits', basePath }],
  lifecycleObserver: {
    onWarmup({ id, requests, runs }) {
      console.log(id.version, requests, runs); // 2 3 3
    },
  },
}).start();
console.log(next.status('digits')[0]?.state); // AVAILABLE
await next.close();
await rm(folder, { recursive: true });
