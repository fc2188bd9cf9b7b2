import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { bindOrtApi, OrtError, OutWord } from '#dist/runner/ort/c-api.js';
import { findLibrary } from '#dist/runner/ort/library.js';
import { caught } from '../../support/caught.js';
import { temporaryFolder } from '../../support/onnx/model-folder.js';

const folder = temporaryFolder();

describe('bindOrtApi', () => {
  it('binds the library of onnxruntime-node, once in a thread', () => {
    const api = bindOrtApi(findLibrary());
    expect(api.version).toBe('1.30.0');
    expect(bindOrtApi(findLibrary())).toBe(api);
  });

  it('says so where the file is not there, or is no library', () => {
    const text = join(folder, 'text.so');
    writeFileSync(text, 'not a library');
    for (const file of [join(folder, 'missing.so'), text]) {
      const error = caught(() => bindOrtApi(file));
      expect(error).toMatchObject({ code: 'FAILED_PRECONDITION' });
      expect(error.message).toContain(`Cannot start the engine: cannot load ${file}`);
    }
  });

  it('throws what onnxruntime says, with its code', () => {
    const api = bindOrtApi(findLibrary());
    const out = new OutWord();
    api.CreateSessionOptions(out.memory);
    const options = out.pointer;
    try {
      expect(() => api.SetSessionGraphOptimizationLevel(options, 12345)).toThrow(OrtError);
      expect(() => api.AddSessionConfigEntry(options, '', 'value')).toThrow(
        expect.objectContaining({ ortCode: 2 }),
      );
    } finally {
      api.ReleaseSessionOptions(options);
    }
  });
});
