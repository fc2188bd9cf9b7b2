/**
 * Metrics of a server beside the host's own: in one registry, on one path.
 */
import { Counter, Registry } from 'prom-client';
import { ModelServer, tensor } from 'servable';
import { createHttpHandler } from 'servable/http';

const registry = new Registry();
const orders = new Counter({ name: 'shop_orders_total', help: 'Orders.', registers: [registry] });

const server = new ModelServer({
  models: [{ name: 'digits', basePath: 'examples/models/digits' }],
  metrics: { registry, labels: { server: 'main' } }, // labels where several servers share a registry
});
await server.start();
const handler = createHttpHandler(server, { metrics: { source: registry, path: '/metrics' } });
const { address } = await handler.listen('127.0.0.1:0');

await server.predict('digits', { pixels: tensor('float32', [2, 64], new Float32Array(128)) });
orders.inc();
const answer = await fetch(`http://${address}/metrics`);
const lines = (await answer.text()).split('\n');
/** @param {string} name */
const find = (name) => lines.find((line) => line.startsWith(name));
console.log(find('shop_orders_total')); // shop_orders_total 1
console.log(find('servable_request_rows_total')); // servable_request_rows_total{server="main",model="digits",version="3"} 2
console.log(find('# TYPE :tensorflow:serving:request_count')); // # TYPE :tensorflow:serving:request_count counter

await handler.close();
await server.close();
console.log((await registry.metrics()).includes('servable')); // false
