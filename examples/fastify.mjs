// TF Serving's REST API in a Fastify service: a scope without body parsers hands requests over as they are.
import fastify from 'fastify';
import { ModelServer } from 'servable';
import { createHttpHandler } from 'servable/http';

const server = await new ModelServer({
  models: [{ name: 'digits', basePath: 'examples/models/digits' }],
}).start();
const models = createHttpHandler(server);

const app = fastify();
app.get('/hello', () => 'hello');
app.register(async (scope) => {
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser('*', (_request, _payload, done) => done(null)); // the handler reads the body
  scope.all('/v1/*', (request, reply) => {
    reply.hijack();
    models(request.raw, reply.raw);
  });
});
const address = await app.listen({ host: '127.0.0.1', port: 0 });

const answer = await fetch(`${address}/v1/models/digits:predict`, {
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ instances: [Array(64).fill(0)] }),
});
const { predictions } = /** @type {any} */ (await answer.json());
console.log(answer.status, predictions.length); // 200 1
console.log(await (await fetch(`${address}/hello`)).text()); // hello

await app.close();
await models.close();
await server.close();
