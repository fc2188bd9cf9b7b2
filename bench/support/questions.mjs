// What the callers of the batching benches ask, and what they must be answered.

import { tensor } from 'servable';
import { concatRows } from '#dist/core/rows.js';
import { mlpWidth } from './model.mjs';
import { officialFeeds, openOfficial } from './official.mjs';
import { randomSource } from './random.mjs';

/**
 * A request, and the elements of `y` that answer it.
 *
 * @typedef {{ readonly inputs: { readonly x: import('servable').Tensor }, readonly expected: Float32Array }} Question
 */

/**
 * Rows for the multi-layer perceptron, no two alike, with what onnxruntime's own binding answers to each of them alone.
 *
 * @param {string} file
 * @param {number} count
 * @returns {Promise<Question[]>}
 */
export async function mlpQuestions(file, count) {
  const random = randomSource(1);
  const session = await openOfficial(file);
  /** @type {Question[]} */
  const questions = [];
  for (let index = 0; index < count; index++) {
    const pixels = Float32Array.from({ length: mlpWidth }, () => Math.floor(random() * 4));
    const inputs = { x: tensor('float32', [1, mlpWidth], pixels) };
    const { y } = await session.run(officialFeeds(inputs));
    questions.push({ inputs, expected: Float32Array.from(/** @type {Float32Array} */ (y?.data ?? [])) });
  }
  await session.release();
  return questions;
}

/**
 * Questions as one: what a caller asks who makes his batches himself.
 *
 * @param {readonly Question[]} questions
 * @returns {Question}
 */
export function stack(questions) {
  const expected = questions.flatMap((question) => [...question.expected]);
  return {
    inputs: { x: concatRows(questions.map(({ inputs }) => inputs.x)) },
    expected: Float32Array.from(expected),
  };
}

/**
 * Throws where an answer is not the expected one. Cheaper than `assertAnswer`: it is called for every answer under load.
 *
 * @param {Record<string, { readonly data: unknown }>} outputs
 * @param {Question} question
 */
export function checkAnswer({ y }, { expected }) {
  const data = /** @type {Float32Array} */ (y?.data);
  let isRight = data.length === expected.length;
  for (let index = 0; index < expected.length; index++) isRight &&= data[index] === expected[index];
  if (!isRight) throw new Error(`A caller got another answer than his own: ${data} for ${expected}`);
}
