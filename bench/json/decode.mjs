/**
 * Bodies of predict requests to typed arrays: ours, straight from the bytes, beside JSON.parse and what puts its lists into a
 * typed array.
 *
 *     node bench/json/decode.mjs
 */
import { PredictBody } from '#dist/json/predict-body.js';
import { alternate, paired, timingCells } from '../support/alternate.mjs';
import { flatten } from '../support/flatten.mjs';
import { randomSource } from '../support/random.mjs';
import { printHead, printTable } from '../support/report.mjs';
import { median } from '../support/stats.mjs';

const random = randomSource(7);
const image = [224, 224, 3];

/**
 * @param {readonly number[]} shape
 * @param {() => unknown} value
 * @returns {unknown}
 */
function nested([size, ...inner], value) {
  return size === undefined ? value() : Array.from({ length: size }, () => nested(inner, value));
}

const bodies = [
  { name: 'image, 17 digits', shape: image, value: () => random() },
  { name: 'image, 4 decimals', shape: image, value: () => Number(random().toFixed(4)) },
  { name: 'image, integers', shape: image, value: () => Math.floor(random() * 256) },
  { name: '784 numbers, 4 decimals', shape: [784], value: () => Number(random().toFixed(4)) },
  { name: '64 strings of 1 KB', shape: [64], value: () => 'word '.repeat(200), dtype: 'string' },
  { name: 'image of 600 KB in base64', shape: [], value: base64Image, dtype: 'string' },
];

function base64Image() {
  return { b64: Buffer.from(Uint8Array.from({ length: 600_000 }, () => random() * 256)).toString('base64') };
}

printHead('JSON to typed arrays', [
  'both from the bytes of a body to the typed array, in turns; aim: 3 times',
]);
const rows = [];
for (const { name, shape, value, dtype = 'float32' } of bodies) {
  const bytes = Buffer.from(JSON.stringify({ instances: [nested(shape, value)] }));
  const theirs = dtype === 'float32' ? parseFloats : parseStrings;
  rows.push(
    ...(await time(
      name,
      bytes,
      () => readX(bytes, dtype),
      () => theirs(bytes),
    )),
  );
}
printTable(rows);

/**
 * @param {Buffer} bytes
 * @param {string} dtype
 */
function readX(bytes, dtype) {
  const signature = /** @type {import('servable').Signature} */ ({
    name: 'serving_default',
    method: 'predict',
    inputs: { x: { name: 'x', dtype, shape: [null, ...(dtype === 'string' ? [] : image)] } },
    outputs: {},
  });
  return new PredictBody(bytes, () => {}).inputs(signature).x?.data;
}

/** @param {Buffer} bytes */
function parseFloats(bytes) {
  const { instances } = JSON.parse(bytes.toString());
  return flatten(instances, elementsIn(instances));
}

/**
 * As the first of each list has it.
 *
 * @param {unknown} value
 * @returns {number}
 */
function elementsIn(value) {
  return Array.isArray(value) ? value.length * elementsIn(value[0]) : 1;
}

/** @param {Buffer} bytes */
function parseStrings(bytes) {
  const read = (/** @type {any} */ value) =>
    typeof value === 'string' ? value : new Uint8Array(Buffer.from(value.b64, 'base64'));
  return JSON.parse(bytes.toString()).instances.flat().map(read);
}

/**
 * @param {string} name
 * @param {Buffer} bytes
 * @param {() => any} ours
 * @param {() => any} theirs
 */
async function time(name, bytes, ours, theirs) {
  const [own, other] = [ours(), theirs()];
  const isSame = own.length === other.length && own.every(same);
  /**
   * @param {unknown} value
   * @param {number} place
   */
  function same(value, place) {
    return Buffer.isBuffer(value) || value instanceof Uint8Array
      ? Buffer.compare(value, other[place]) === 0
      : value === other[place];
  }
  if (!isSame) throw new Error(`${name}: they do not read the same`);
  const [timing, base] = await alternate([
    { name: 'servable', call: ours },
    { name: 'JSON.parse', call: theirs },
  ]);
  if (timing === undefined || base === undefined) throw new Error('Nothing was timed');
  return [timing, base].map((each) => ({
    body: `${name}, ${Math.round(bytes.length / 1000)} KB`,
    by: each.name,
    ...timingCells(each),
    'MB/s': Math.round(bytes.length / median(each.rounds)),
    'times servable': paired(each, timing, (value, first) => value / first),
  }));
}
