/**
 * A log of the host's: pino here, or whatever has its four methods. Without one the library writes nothing.
 */
import pino from 'pino';
import { ModelServer, tensor } from 'servable';

/** @type {Record<string, any>[]} */
const lines = [];
const logger = pino({ level: 'info' }, { write: (line) => lines.push(JSON.parse(line)) });

const server = await new ModelServer({
  models: [{ name: 'digits', basePath: 'examples/models/digits' }],
  logger,
  slowRequestMs: 0, // all of them, to show one; 500, say, in production
}).start();
await server.predict('digits', { pixels: tensor('float32', [1, 64], new Float32Array(64)) });
await server.close();

const [available = {}] = lines.filter(({ state }) => state === 'AVAILABLE');
console.log(available.msg, available.durationMs > 0); // digits@3 is AVAILABLE true
const [slow = {}] = lines.filter(({ event }) => event === 'slow request');
console.log(slow.model, slow.version, slow.code); // digits 3 OK
console.log(Object.keys(slow.stages).join()); // receiveMs,prepareMs,queueMs,runMs,answerMs
