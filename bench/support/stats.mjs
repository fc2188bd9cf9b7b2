/**
 * The value below which this share of the values lies.
 *
 * @param {readonly number[]} values
 * @param {number} share 0 to 1
 */
export function percentile(values, share) {
  if (values.length === 0) return Number.NaN;
  const sorted = Float64Array.from(values).sort();
  return /** @type {number} */ (sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]);
}

/** @param {readonly number[]} values */
export function median(values) {
  return percentile(values, 0.5);
}

/** @param {readonly number[]} values */
export function mean(values) {
  return values.reduce((total, value) => total + value, 0) / values.length;
}

/**
 * The least and the greatest of some repeats, as text: how far they are to be trusted.
 *
 * @param {readonly number[]} values
 * @param {number} [digits]
 */
export function spread(values, digits = 1) {
  return `${Math.min(...values).toFixed(digits)}–${Math.max(...values).toFixed(digits)}`;
}
