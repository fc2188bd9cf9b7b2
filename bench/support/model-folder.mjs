import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A folder for models, which goes when the process ends. */
export class ModelFolder {
  #path = mkdtempSync(join(tmpdir(), 'servable-bench-'));

  constructor() {
    process.once('exit', () => rmSync(this.#path, { recursive: true, force: true }));
  }

  /**
   * Writes `<folder>/<name>/1/model.onnx`.
   *
   * @param {string} name
   * @param {Uint8Array} bytes
   * @param {Readonly<Record<string, Uint8Array>>} [beside] other files, by name
   * @returns what each kind of loader asks for
   */
  write(name, bytes, beside = {}) {
    const basePath = join(this.#path, name);
    const versionPath = join(basePath, '1');
    mkdirSync(versionPath, { recursive: true });
    const file = join(versionPath, 'model.onnx');
    writeFileSync(file, bytes);
    for (const [other, contents] of Object.entries(beside)) writeFileSync(join(versionPath, other), contents);
    return { name, basePath, versionPath, file };
  }
}
