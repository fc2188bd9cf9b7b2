import { createRequire } from 'node:module';
import { cpus, loadavg } from 'node:os';
import { bindOrtApi } from '#dist/runner/ort/c-api.js';
import { findLibrary } from '#dist/runner/ort/library.js';

const { version: officialVersion } = createRequire(import.meta.url)('onnxruntime-node/package.json');

/**
 * Says what is measured, and where.
 *
 * @param {string} title
 * @param {readonly string[]} facts input shapes, settings, aims
 */
export function printHead(title, facts) {
  const processors = cpus();
  console.log(`# ${title}\n`);
  console.log(
    `- ${processors[0]?.model.trim()}, ${processors.length} cores, ${process.platform}, load before ${loadavg()[0]?.toFixed(1)}`,
  );
  console.log(
    `- node ${process.versions.node}, onnxruntime ${bindOrtApi(findLibrary()).version}, onnxruntime-node ${officialVersion}`,
  );
  for (const fact of facts) console.log(`- ${fact}`);
  console.log();
}

/**
 * Prints rows under their keys, as a Markdown table.
 *
 * @param {readonly Readonly<Record<string, string | number>>[]} rows all with the same keys
 */
export function printTable(rows) {
  const columns = Object.keys(rows[0] ?? {});
  const cells = rows.map((row) => columns.map((column) => format(row[column] ?? '')));
  const widths = columns.map((column, index) =>
    Math.max(column.length, ...cells.map((line) => line[index]?.length ?? 0)),
  );
  /** @param {readonly string[]} line */
  const print = (line) =>
    console.log(`| ${line.map((cell, index) => cell.padEnd(widths[index] ?? 0)).join(' | ')} |`);
  print(columns);
  print(widths.map((columnWidth) => '-'.repeat(columnWidth)));
  for (const line of cells) print(line);
  console.log();
}

/** @param {string | number} cell */
function format(cell) {
  if (typeof cell === 'string' || Number.isInteger(cell)) return String(cell);
  return cell.toFixed(Math.abs(cell) < 10 ? 2 : 1);
}
