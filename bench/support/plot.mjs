// Line charts as SVG, for the documentation. By hand: the libraries that draw without a browser bring 75 packages.

/**
 * Lines over the same x values, in one panel.
 *
 * @typedef {object} Panel
 * @property {string} title
 * @property {string} x what the x values are
 * @property {readonly (number | string)[]} xs evenly spaced, whatever they are
 * @property {boolean} [isLogarithmic]
 * @property {readonly { readonly name: string, readonly values: readonly number[] }[]} lines NaN: no point
 */

const size = { width: 420, height: 300, left: 58, right: 14, top: 34, bottom: 44 };
/** Told apart by those who see colours otherwise, too. Source: Okabe and Ito, "Color Universal Design", 2008. */
const colours = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#56b4e9', '#e69f00'];
const markers = [circle, square, triangle, diamond];

/**
 * Panels side by side, with one legend below.
 *
 * @param {string} title for those who cannot see it
 * @param {readonly Panel[]} panels
 */
export function drawPanels(title, panels) {
  const width = size.width * panels.length;
  const height = size.height + 26;
  const drawn = panels.map(
    (panel, index) => `<g transform="translate(${index * size.width} 0)">\n${drawPanel(panel)}\n</g>`,
  );
  const names = panels[0]?.lines.map(({ name }) => name) ?? [];
  const legend = names.map((name, index) => {
    const x = size.left + index * ((width - size.left) / names.length);
    const text = `<text x="${x + 12}" y="${height - 10}">${escapeXml(name)}</text>`;
    return `${marker(index)(x, height - 14)}${text}`;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" font-family="sans-serif" font-size="11">`,
    `<title>${escapeXml(title)}</title>`,
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    ...drawn,
    ...legend,
    '</svg>\n',
  ].join('\n');
}

/** @param {Panel} panel */
function drawPanel({ title, x, xs, isLogarithmic = false, lines }) {
  const values = lines.flatMap((line) => line.values.filter(Number.isFinite));
  const ticks = isLogarithmic ? logarithmicTicks(values) : linearTicks(Math.max(...values));
  const scale = (/** @type {number} */ value) => (isLogarithmic ? Math.log(value) : value);
  const [low, high] = [scale(ticks[0] ?? 0), scale(ticks.at(-1) ?? 1)];
  const { width, height, left, right, top, bottom } = size;
  const atX = (/** @type {number} */ index) =>
    left + 8 + (index * (width - left - right - 16)) / (xs.length - 1);
  const atY = (/** @type {number} */ value) =>
    height - bottom - ((scale(value) - low) / (high - low)) * (height - top - bottom);
  const grid = ticks.map(
    (tick) =>
      `<line x1="${left}" x2="${width - right}" y1="${round(atY(tick))}" y2="${round(atY(tick))}" stroke="#ddd"/>` +
      `<text x="${left - 6}" y="${round(atY(tick) + 4)}" text-anchor="end">${tick.toLocaleString('en')}</text>`,
  );
  const labels = xs.map(
    (label, index) =>
      `<text x="${round(atX(index))}" y="${height - bottom + 16}" text-anchor="middle">${label}</text>`,
  );
  const drawn = lines.map((line, index) => {
    const points = line.values.flatMap((value, at) =>
      Number.isFinite(value) ? [[round(atX(at)), round(atY(value))]] : [],
    );
    const path = points.map((point) => point.join(',')).join(' ');
    const dots = points.map(([px = 0, py = 0]) => marker(index)(px, py)).join('');
    return `<polyline points="${path}" fill="none" stroke="${colour(index)}" stroke-width="1.5"/>${dots}`;
  });
  return [
    `<text x="${left}" y="18" font-size="13" font-weight="bold">${escapeXml(title)}</text>`,
    ...grid,
    ...labels,
    `<text x="${(left + width - right) / 2}" y="${height - 8}" text-anchor="middle">${escapeXml(x)}</text>`,
    ...drawn,
  ].join('\n');
}

/** @param {number} greatest */
function linearTicks(greatest) {
  const magnitude = 10 ** Math.floor(Math.log10(greatest / 4));
  const step = [1, 2, 2.5, 5, 10].map((it) => it * magnitude).find((it) => it * 4 >= greatest) ?? greatest;
  return [0, 1, 2, 3, 4].map((count) => count * step);
}

/** @param {readonly number[]} values */
function logarithmicTicks(values) {
  const all = [-3, -2, -1, 0, 1, 2, 3, 4, 5].flatMap((power) =>
    [1, 2, 5].map((it) => Number(`${it}e${power}`)),
  );
  const from = all.findLastIndex((tick) => tick <= Math.min(...values));
  const to = all.findIndex((tick) => tick >= Math.max(...values));
  return all.slice(from, to + 1);
}

/** @param {number} index */
function colour(index) {
  return colours[index % colours.length];
}

/** @param {number} index */
function marker(index) {
  const draw = /** @type {typeof circle} */ (markers[index % markers.length]);
  return (/** @type {number} */ x, /** @type {number} */ y) => draw(x, y, `fill="${colour(index)}"`);
}

/** @param {number} x @param {number} y @param {string} fill */
function circle(x, y, fill) {
  return `<circle cx="${x}" cy="${y}" r="3.5" ${fill}/>`;
}

/** @param {number} x @param {number} y @param {string} fill */
function square(x, y, fill) {
  return `<rect x="${x - 3}" y="${y - 3}" width="6" height="6" ${fill}/>`;
}

/** @param {number} x @param {number} y @param {string} fill */
function triangle(x, y, fill) {
  return `<path d="M${x} ${y - 4}l4 7h-8z" ${fill}/>`;
}

/** @param {number} x @param {number} y @param {string} fill */
function diamond(x, y, fill) {
  return `<path d="M${x} ${y - 4.5}l4.5 4.5l-4.5 4.5l-4.5 -4.5z" ${fill}/>`;
}

/** @param {number} value */
function round(value) {
  return Math.round(value * 10) / 10;
}

/** @param {string} text */
function escapeXml(text) {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
