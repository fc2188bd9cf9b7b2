// A canary: a new version answers those who ask for it by label, and becomes the stable one, or is taken back.
import { ModelServer, tensor } from 'servable';

const digits = {
  name: 'digits',
  basePath: 'examples/models/digits',
  versionPolicy: { specific: [1, 2] },
  labels: { stable: 1, canary: 2 },
};
const server = await new ModelServer({ models: [digits] }).start();
server.on('label', ({ label, from, to }) => console.error(`${label}: ${from ?? 'none'} → ${to ?? 'none'}`));

const pixels = tensor('float32', [1, 64], new Float32Array(64));
const versionOf = async (/** @type {string} */ label) =>
  (await server.predict({ model: 'digits', label }, { pixels })).id.version;
console.log(await versionOf('stable'), await versionOf('canary')); // 1 2

// Promote it. One change loads version 3, labels it, and lets go of version 1: a label moves when its version is there.
await server.reconfigure([
  { ...digits, versionPolicy: { specific: [2, 3] }, labels: { stable: 2, canary: 3 } },
]);
console.log(await versionOf('stable'), await versionOf('canary')); // 2 3

// Version 3 is bad. Take it back: nobody who asks for `canary` is left without an answer meanwhile.
await server.reconfigure([{ ...digits, labels: { stable: 2, canary: 2 } }]);
console.log(await versionOf('stable'), await versionOf('canary')); // 2 2
await server.waitFor({ model: 'digits', version: 3 }, 'END'); // it ends the requests that it has first
const { reason } = server.explain({ model: 'digits', version: 3 });
console.log(reason); // digits@3 is not served: its version policy {"specific":[1,2]} chooses 2, 1 of 3, 2, 1

await server.close();
