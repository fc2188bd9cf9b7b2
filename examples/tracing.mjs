/**
 * Where the time of requests goes, seen through the channels of node:diagnostics_channel: no package, no configuration.
 */
import { subscribe } from 'node:diagnostics_channel';
import { ModelServer, tensor } from 'servable';

/** @type {string[]} */
const seen = [];
subscribe('tracing:servable:predict:start', (message) => {
  const { spec } = /** @type {import('servable').RequestRecord} */ (message);
  seen.push(`asked ${spec.model}`);
});
subscribe('tracing:servable:batch:asyncEnd', (message) => {
  const { requests, rows, attempt } = /** @type {import('servable').BatchRecord} */ (message);
  seen.push(`batch of ${requests.length} requests, ${rows} rows, attempt ${attempt}`);
});
subscribe('tracing:servable:predict:asyncEnd', (message) => {
  const { id, queueMicros, runMicros } = /** @type {import('servable').RequestRecord} */ (message);
  seen.push(`answered by version ${id?.version}, waited: ${queueMicros > 0}, ran: ${runMicros > 0}`);
});

const server = await new ModelServer({
  models: [{ name: 'digits', basePath: 'examples/models/digits', batching: { maxBatchSize: 8 } }],
}).start();
const pixels = tensor('float32', [1, 64], new Float32Array(64));
await Promise.all([1, 2].map(() => server.predict('digits', { pixels })));
console.log(seen[0]); // asked digits
console.log(seen[2]); // batch of 2 requests, 2 rows, attempt 0
console.log(seen.at(-1)); // answered by version 3, waited: true, ran: true
await server.close();
