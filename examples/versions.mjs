// A model changes while it serves: a new version appears and takes over, and is rolled back when it turns out bad.
import { cp, mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ModelServer, tensor } from 'servable';

const examples = fileURLToPath(new URL('models/digits', import.meta.url));
const basePath = await mkdtemp(join(tmpdir(), 'digits-'));
await cp(join(examples, '2'), join(basePath, '2'), { recursive: true });

const server = await new ModelServer({ models: [{ name: 'digits', basePath }], pollIntervalMs: 20 }).start();
server.on('state', ({ id, state }) => console.error(`${id.model}@${id.version} ${state}`));
server.on('failure', ({ error }) => console.error(error.message));
const pixels = tensor('float32', [1, 64], new Float32Array(64));
console.log((await server.predict('digits', { pixels })).id.version); // 2

// Deploy: copy beside, then rename, so that nobody sees half of it.
await cp(join(examples, '3'), join(basePath, 'incoming'), { recursive: true });
await rename(join(basePath, 'incoming'), join(basePath, '3'));
await server.waitFor({ model: 'digits', version: 3 }, 'AVAILABLE');
console.log((await server.predict('digits', { pixels })).id.version); // 3

// Roll back: take the directory away. Version 2 is loaded again before 3 goes.
await rm(join(basePath, '3'), { recursive: true });
await server.waitFor({ model: 'digits', version: 3 }, 'END');
console.log((await server.predict('digits', { pixels })).id.version); // 2

await server.close();
await rm(basePath, { recursive: true });
