// TF Serving's REST API beside a program's own routes: node:http asks the handler for what is not its own.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { ModelServer } from 'servable';
import { createHttpHandler } from 'servable/http';

const server = new ModelServer({ models: [{ name: 'digits', basePath: 'examples/models/digits' }] });
const models = createHttpHandler(server);

const program = createServer((request, response) => {
  if (request.url === '/hello') response.end('hello');
  else models(request, response);
}).listen(0, '127.0.0.1');
await once(program, 'listening');
const { port } = /** @type {import('node:net').AddressInfo} */ (program.address());
const base = `http://127.0.0.1:${port}`;

console.log((await fetch(`${base}/readyz`)).status); // 503
await server.start();
console.log((await fetch(`${base}/readyz`)).status); // 200
console.log(await (await fetch(`${base}/hello`)).text()); // hello

/** @param {unknown} body */
const predict = (body) =>
  fetch(`${base}/v1/models/digits:predict`, { method: 'POST', body: JSON.stringify(body) });

const rows = await predict({ instances: [Array(64).fill(0), Array(64).fill(16)] });
const { predictions } = /** @type {any} */ (await rows.json());
console.log(predictions.length, Object.keys(predictions[0])); // 2 [ 'label', 'probabilities' ]
console.log(rows.headers.get('x-model-version')); // 3

const columns = await predict({ inputs: { pixels: [Array(64).fill(0)] } });
const { outputs } = /** @type {any} */ (await columns.json());
console.log(outputs.label.length, outputs.probabilities[0].length); // 1 10

const wrong = await predict({ instances: [['a']] });
console.log(wrong.status, /** @type {any} */ (await wrong.json()).error.slice(0, 55)); // 400 Failed to process element: 0 of 'instances' list. Error

program.close();
await models.close();
await server.close();
