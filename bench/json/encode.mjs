/**
 * Tensors to the body of an answer: ours, straight from the typed array, beside JSON.stringify of the lists that it takes.
 *
 *     node bench/json/encode.mjs
 */
import { tensor } from 'servable';
import { encodeOutputs } from '#dist/json/encode-outputs.js';
import { alternate, paired, timingCells } from '../support/alternate.mjs';
import { randomSource } from '../support/random.mjs';
import { printHead, printTable } from '../support/report.mjs';
import { median } from '../support/stats.mjs';

const random = randomSource(7);

/** @param {number} size */
function probabilities(size) {
  const values = Float32Array.from({ length: size }, () => random() ** 4);
  const total = values.reduce((sum, value) => sum + value, 0);
  return values.map((value) => value / total);
}

const tensors = {
  '1,000 probabilities': tensor('float32', [1, 1000], probabilities(1000)),
  '150,528 floats': tensor('float32', [1, 150_528], probabilities(150_528)),
  '1,000 doubles': tensor('float64', [1, 1000], Float64Array.from({ length: 1000 }, random)),
  '1,000 int64': tensor(
    'int64',
    [1, 1000],
    BigInt64Array.from({ length: 1000 }, () => BigInt(Math.floor(random() * 30_000))),
  ),
  '1,000 strings': tensor(
    'string',
    [1, 1000],
    Array.from({ length: 1000 }, () => `word ${Math.floor(random() * 30_000)}`),
  ),
};

printHead('Tensors to JSON', [
  'both from the typed array to the bytes of a body, in turns; JSON.stringify writes a float with the digits of a double',
]);
for (const [name, y] of Object.entries(tensors)) await compare(name, y);

/**
 * @param {string} name
 * @param {import('servable').Tensor} y
 */
async function compare(name, y) {
  const outputs = { y };
  const ours = () => encodeOutputs(outputs, 'row');
  const theirs = () => {
    const values = Array.from(/** @type {ArrayLike<unknown>} */ (y.data), (value) =>
      typeof value === 'bigint' ? Number(value) : value,
    );
    return Buffer.from(JSON.stringify({ predictions: [values] }));
  };
  const [own, other] = [ours(), theirs()].map(
    (bytes) => JSON.parse(Buffer.from(bytes).toString()).predictions[0],
  );
  const round = y.dtype === 'float32' ? Math.fround : (/** @type {any} */ value) => value;
  if (!own.every((/** @type {any} */ value, /** @type {number} */ place) => round(value) === other[place])) {
    throw new Error(`${name}: they do not read back to the same`);
  }
  const [timing, base] = await alternate([
    { name: 'servable', call: ours },
    { name: 'JSON.stringify', call: theirs },
  ]);
  if (timing === undefined || base === undefined) throw new Error('Nothing was timed');
  printTable(
    [timing, base].map((each) => ({
      [name]: each.name,
      ...timingCells(each),
      bytes: (each === timing ? ours() : theirs()).length,
      'ns an element': Math.round((median(each.rounds) * 1000) / y.data.length),
      'times servable': paired(each, timing, (value, first) => value / first),
    })),
  );
}
