import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { ModelServer, tensor, type WarmupReport } from 'servable';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../support/onnx/model-folder.js';
import { missingModule, runPython } from '../support/python-export.js';

const scripts = resolve(import.meta.dirname, '../../examples/export');
const documentation = readFileSync(resolve(import.meta.dirname, '../../docs/export.md'), 'utf8');
const folder = temporaryFolder();

/** Each script, what it needs, its input, and how the model itself answers rows of it. */
const exporters = [
  {
    script: 'export_pytorch',
    modules: ['numpy', 'torch'],
    input: 'pixels',
    shape: [64],
    ask: 'model(torch.from_numpy(rows)).detach().numpy()',
  },
  {
    script: 'export_sklearn',
    modules: ['numpy', 'sklearn', 'skl2onnx'],
    input: 'pixels',
    shape: [64],
    ask: 'model.predict_proba(rows)',
  },
  {
    script: 'export_keras',
    modules: ['numpy', 'tensorflow', 'keras', 'tf2onnx'],
    input: 'images',
    shape: [28, 28],
    ask: 'model.predict(rows, verbose=0)',
  },
] as const;

describe.each(exporters)('$script of examples/export', ({ script, modules, input, shape, ask }) => {
  const missing = missingModule(...modules);
  const skipped = missing === undefined ? '' : ` (skipped: there is no ${missing})`;

  it.skipIf(missing !== undefined)(`writes a version that answers as the model does${skipped}`, async () => {
    const basePath = join(folder, script);
    const { rows, answers } = (await runPython(
      `
import json, sys
import numpy as np
import ${script}
from ${script} import *
model = make_model()
rows = np.random.default_rng(7).uniform(0, 16, (5, ${shape.join(', ')})).astype("float32")
${script}.export(model, sys.argv[1])
print(json.dumps({"rows": rows.ravel().tolist(), "answers": np.asarray(${ask}).ravel().tolist()}))`,
      basePath,
    )) as { rows: number[]; answers: number[] };
    expect(readdirSync(basePath)).toEqual(['1']);

    const reports: WarmupReport[] = [];
    await using server = await new ModelServer({
      models: [{ name: 'm', basePath, batching: { maxBatchSize: 32 } }],
      pollIntervalMs: 0,
      lifecycleObserver: { onWarmup: (report) => reports.push(report) },
    }).start();
    expect(server.status('m')).toMatchObject([{ state: 'AVAILABLE', batching: { isOn: true } }]);
    expect(reports).toMatchObject([{ requests: 3 }]);
    const { outputs } = await server.predict(
      'm',
      { [input]: tensor('float32', [5, ...shape], rows) },
      { outputs: ['probabilities'] },
    );
    const served = Array.from(outputs.probabilities?.data ?? [], Number);
    expect(served).toHaveLength(50);
    for (const [index, value] of served.entries()) expect(value).toBeCloseTo(answers[index] as number, 4);
    if (shape.length > 1) return; // an example has flat features
    const { results } = await server.classify({ model: 'm', signature: 'digits' }, [
      { image: rows.slice(0, 64) },
    ]);
    expect(results[0]?.map(({ label }) => label)).toEqual(['0', '1', '2', '3', '4', '5', '6', '7', '8', '9']);
  });

  it.skipIf(missingModule() !== undefined)(
    'is Python, and calls what the writer of versions has',
    async () => {
      const program = `
import ast, json, sys
tree = ast.parse(open(sys.argv[1]).read())
writer = ast.parse(open(sys.argv[2]).read())
defined = {node.name for node in ast.walk(writer) if isinstance(node, (ast.FunctionDef, ast.ClassDef))} | {"path", "number"}
imported = {name.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module == "version_writer" for name in node.names}
used = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute) and getattr(node.value, "id", "") == "version"}
print(json.dumps([sorted((imported | used) - defined), sorted(imported), sorted(node.name for node in tree.body if isinstance(node, ast.FunctionDef))]))`;
      const writer = join(scripts, 'version_writer.py');
      expect(await runPython(program, join(scripts, `${script}.py`), writer)).toEqual([
        [],
        ['new_version'],
        ['export', 'make_model'],
      ]);
    },
  );

  it('is told of in the documentation', () => {
    expect(documentation).toContain(`../examples/export/${script}.py`);
  });
});

it('every script of examples/export is tested here', () => {
  mkdirSync(folder, { recursive: true });
  const all = readdirSync(scripts).filter((file) => file.startsWith('export_'));
  expect(all).toEqual(exporters.map(({ script }) => `${script}.py`).sort());
});
