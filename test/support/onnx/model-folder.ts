import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';

/** An empty directory of this test file's own; removed, with what is in it, when the file's tests are done. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'servable-test-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/**
 * Writes `<folder>/<name>/<version>/model.onnx` and, by their names, the files beside it.
 *
 * @returns the model's base path: `<folder>/<name>`
 */
export function writeModel(
  folder: string,
  name: string,
  version: number,
  bytes: Uint8Array,
  beside: Readonly<Record<string, Uint8Array | string>> = {},
): string {
  const directory = join(folder, name, String(version));
  mkdirSync(directory, { recursive: true });
  // The model last: a poll between two writes would find a model without its data.
  for (const [file, contents] of Object.entries(beside)) writeFileSync(join(directory, file), contents);
  writeFileSync(join(directory, 'model.onnx'), bytes);
  return join(folder, name);
}
