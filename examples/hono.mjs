// TF Serving's REST API in a Hono app, by the Fetch standard: it needs no port to be asked.
import { serve } from '@hono/node-server';
import { Hono } from 'hono';
import { ModelServer } from 'servable';
import { createHttpHandler } from 'servable/http';

const server = await new ModelServer({
  models: [{ name: 'digits', basePath: 'examples/models/digits' }],
}).start();
const models = createHttpHandler(server);

const app = new Hono();
app.get('/hello', (context) => context.text('hello'));
app.all('/v1/*', (context) => models.fetch(context.req.raw));

const question = {
  method: 'POST',
  body: JSON.stringify({ signature_name: 'serving_default', instances: [Array(64).fill(0)] }),
};
const direct = await app.request('/v1/models/digits:predict', question);
const { predictions } = /** @type {any} */ (await direct.json());
console.log(direct.status, predictions.length); // 200 1

const listener = serve({ fetch: app.fetch, hostname: '127.0.0.1', port: 0 });
const port = await new Promise((resolve) => {
  listener.on('listening', () => resolve(/** @type {any} */ (listener.address()).port));
});
const asked = await fetch(`http://127.0.0.1:${port}/v1/models/digits/versions/3:predict`, question);
console.log(asked.status, asked.headers.get('x-model-version')); // 200 3

await new Promise((resolve) => listener.close(resolve));
await models.close();
await server.close();
