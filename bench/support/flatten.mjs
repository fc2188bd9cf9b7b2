/**
 * Nested lists of numbers as one typed array: as fast as a program can do it that does not know their shape.
 *
 * @param {unknown[]} list
 * @param {number} length elements in all
 */
export function flatten(list, length) {
  const flat = new Float32Array(length);
  fill(list, flat, 0);
  return flat;
}

/**
 * @param {unknown[]} list
 * @param {Float32Array} flat
 * @param {number} start
 * @returns {number} where it ends
 */
function fill(list, flat, start) {
  let at = start;
  if (Array.isArray(list[0])) {
    for (const inner of list) at = fill(/** @type {unknown[]} */ (inner), flat, at);
  } else {
    for (const value of list) flat[at++] = /** @type {number} */ (value);
  }
  return at;
}
