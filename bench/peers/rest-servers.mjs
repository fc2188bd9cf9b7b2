// What answers the same requests without us. Each takes the model's file and resolves to its port.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { Tensor } from 'onnxruntime-node';
import { flatten } from '../support/flatten.mjs';
import { openOfficial } from '../support/official.mjs';

/**
 * What a team would write: JSON.parse, a run of onnxruntime-node for each request, JSON.stringify.
 *
 * @param {string} file
 * @param {readonly number[]} rowShape
 */
export async function serveOfficial(file, rowShape) {
  const session = await openOfficial(file);
  return await listen(async (body) => {
    const { instances } = JSON.parse(body);
    const shape = [instances.length, ...rowShape];
    const size = shape.reduce((product, dim) => product * dim, 1);
    const x = new Tensor('float32', flatten(instances, size), shape);
    const { y } = await session.run({ x });
    const { data, dims = [] } = /** @type {Tensor} */ (y);
    const width = data.length / instances.length;
    const values = Array.from(/** @type {Float32Array} */ (data));
    const rows = Array.from(instances, (_row, row) => values.slice(row * width, (row + 1) * width));
    return { predictions: dims.length > 1 ? rows : values };
  });
}

/**
 * What node:http and its JSON take by themselves: no model is asked.
 *
 * @param {readonly number[]} answer a row
 */
export async function serveEcho(answer) {
  return await listen(async (body) => {
    const { instances } = JSON.parse(body);
    return { predictions: Array.from(instances, () => answer) };
  });
}

/** @param {(body: string) => Promise<unknown>} answer */
async function listen(answer) {
  const server = createServer((request, response) => {
    /** @type {Buffer[]} */
    const pieces = [];
    request.on('data', (piece) => pieces.push(piece));
    request.on('end', async () => {
      const text = JSON.stringify(await answer(Buffer.concat(pieces).toString()));
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': text.length });
      response.end(text);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return /** @type {import('node:net').AddressInfo} */ (server.address()).port;
}
