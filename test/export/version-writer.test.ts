import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ModelServer, type WarmupReport } from 'servable';
import { describe, expect, it } from 'vitest';
import { decodeRequest } from '#dist/wire/decode-request.js';
import { readRecords } from '#dist/wire/tfrecord.js';
import * as authored from '../support/onnx/authored-models.js';
import { temporaryFolder } from '../support/onnx/model-folder.js';
import { missingModule, runPython } from '../support/python-export.js';

const folder = temporaryFolder();
const missing = missingModule('numpy');
let count = 0;
const newBasePath = () => join(folder, `m${count++}`);

/** Writes a version whose model is that of a file, with what the block does beside. */
function write(basePath: string, model: Uint8Array, block: string): Promise<unknown> {
  const file = join(folder, `model-${count++}.onnx`);
  writeFileSync(file, model);
  const program = `
import json, shutil, sys
import numpy as np
from version_writer import new_version
with new_version(sys.argv[1]) as version:
    shutil.copy(sys.argv[2], version.path / "model.onnx")
${block.replace(/^/gm, '    ')}
print(version.number)`;
  return runPython(program, basePath, file);
}

async function recordsOf(versionPath: string) {
  const requests = [];
  const bytes = readFileSync(join(versionPath, 'assets.extra/tf_serving_warmup_requests'));
  for await (const record of readRecords(bytes)) requests.push(decodeRequest(record));
  return requests;
}

describe.skipIf(missing !== undefined)(
  `a version that is written by Python${missing === undefined ? '' : ` (skipped: there is no ${missing})`}`,
  () => {
    it('is served by its signatures, and warmed up', async () => {
      const basePath = newBasePath();
      const number = await write(
        basePath,
        authored.linear(2, 1),
        `version.write_signatures({"twice": {"inputs": {"number": "x"}, "outputs": {"result": "y"}}})
version.write_warmup([{"x": np.float32([1, 2, 3])}, {"x": np.zeros((8,), "float32")}])
version.write_warmup(({"x": np.float32([n])} for n in range(5)), "serving_default")`,
      );
      expect(number).toBe(1);
      const reports: WarmupReport[] = [];
      await using server = await new ModelServer({
        models: [{ name: 'm', basePath }],
        pollIntervalMs: 0,
        lifecycleObserver: { onWarmup: (report) => reports.push(report) },
      }).start();
      expect(reports).toMatchObject([{ id: { model: 'm', version: 1 }, requests: 5, runs: 5 }]);
      const answer = await server.predict(
        { model: 'm', signature: 'twice' },
        { number: { dtype: 'float32', shape: [1], data: Float32Array.of(5) } },
      );
      expect(answer.outputs.result?.data[0]).toBe(11);
    });

    it('holds requests of every dtype and shape, to the bit', async () => {
      const basePath = newBasePath();
      await write(
        basePath,
        authored.linear(),
        `numbers = ["float32", "float64", "float16", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "bool"]
many = {name: np.arange(6).reshape(2, 3).astype(name) for name in numbers}
version.write_warmup([
    {**many, "text": np.array([["a", "ä"]]), "bytes": np.array([b"\\xff\\x00b"], dtype=object), "scalar": np.int64(-1), "none": np.zeros((0, 4), "float32")},
    {"big": np.float32([1, 2]).astype(">f4"), "column": np.arange(6, dtype="int32").reshape(2, 3).T},
], "mine")`,
      );
      const [first, second] = await recordsOf(join(basePath, '1'));
      expect(first).toMatchObject({ kind: 'predict', spec: { signature: 'mine' } });
      const { inputs } = first as Extract<typeof first, { kind: 'predict' }>;
      const dtypes = Object.entries(inputs).map(([name, { dtype }]) => [name, dtype]);
      const numbers = dtypes.slice(0, 12);
      expect(numbers.map(([name]) => name)).toEqual(numbers.map(([, dtype]) => dtype));
      expect(numbers).toHaveLength(12);
      for (const [name = ''] of numbers) {
        const halves = [0, 0x3c00, 0x4000, 0x4200, 0x4400, 0x4500];
        const whole = name === 'bool' ? [0, 1, 1, 1, 1, 1] : name === 'float16' ? halves : [0, 1, 2, 3, 4, 5];
        expect([name, inputs[name]?.shape, Array.from(inputs[name]?.data ?? [], Number)]).toEqual([
          name,
          [2, 3],
          whole,
        ]);
      }
      expect(inputs.text).toMatchObject({ dtype: 'string', shape: [1, 2], data: ['a', 'ä'] });
      expect(Buffer.from(inputs.bytes?.data[0] as Uint8Array)).toEqual(Buffer.from([0xff, 0, 0x62]));
      expect(inputs.scalar).toMatchObject({ dtype: 'int64', shape: [], data: BigInt64Array.of(-1n) });
      expect(inputs.none).toMatchObject({ dtype: 'float32', shape: [0, 4] });
      expect(second).toMatchObject({
        inputs: {
          big: { data: Float32Array.of(1, 2) },
          column: { shape: [3, 2], data: Int32Array.of(0, 3, 1, 4, 2, 5) },
        },
      });
    });

    it('has the number after the highest, or the one that is wanted', async () => {
      const basePath = newBasePath();
      mkdirSync(join(basePath, '41'), { recursive: true });
      mkdirSync(join(basePath, 'backup'));
      expect(await write(basePath, authored.linear(), 'pass')).toBe(42);
      const program = `
import sys
from version_writer import new_version
with new_version(sys.argv[1], 7) as version:
    (version.path / "model.onnx").write_bytes(b"")`;
      await runPython(program, basePath);
      expect(readdirSync(basePath).sort()).toEqual(['41', '42', '7', 'backup']);
      await expect(runPython(program, basePath)).rejects.toThrow(
        /FileExistsError: Cannot write .*7: it is there already/,
      );
    });

    it('is nowhere while it is written, nor where that fails', async () => {
      const basePath = newBasePath();
      const seen = await write(
        basePath,
        authored.linear(),
        `import os
version.number = json.dumps(os.listdir(sys.argv[1]))`,
      );
      expect(seen).toEqual([expect.stringMatching(/^incoming-1-\d+$/)]);
      await expect(
        write(basePath, authored.linear(), 'raise ValueError("no training data")'),
      ).rejects.toThrow('no training data');
      await expect(
        write(basePath, authored.linear(), '(version.path / "model.onnx").unlink()'),
      ).rejects.toThrow('no model.onnx was written into it');
      expect(readdirSync(basePath).filter((name) => name !== '1')).toEqual([]);
    });

    it.each([
      [
        'more requests than may be',
        '[{}] * 1001',
        'ValueError: Cannot write 1001 warm-up requests, expected at most 1000',
      ],
      [
        'what no tensor can be',
        '[{"x": np.zeros(1, "complex64")}]',
        'TypeError: Cannot write a tensor of complex64',
      ],
    ])('refuses to be warmed up with %s', async (_what, requests, message) => {
      const basePath = newBasePath();
      await expect(write(basePath, authored.linear(), `version.write_warmup(${requests})`)).rejects.toThrow(
        message,
      );
      expect(existsSync(join(basePath, '1'))).toBe(false);
    });

    it('has checksums as everybody else computes them', async () => {
      const program = 'import version_writer; print(version_writer.crc32c(b"123456789"))';
      expect(await runPython(program)).toBe(0xe3069283);
    });
  },
);
