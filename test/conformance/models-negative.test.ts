import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { ModelServer, ServingError, tensor } from 'servable';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isLocaleInstalled } from '../support/locale.js';
import { linear } from '../support/onnx/authored-models.js';
import { temporaryFolder, writeModel } from '../support/onnx/model-folder.js';
import { type Settled, settled } from '../support/server.js';
import { describeShared, sharedFolder } from '../support/shared-folder.js';

/** The part of onnxruntime's reason that names neither a path nor a line of its source. */
const refusedByEngine: Readonly<Record<string, string | RegExp>> = {
  'bad-graph': "Node input 'nonexistent' is not a graph input, initializer, or output of a previous node.",
  'custom-op': 'ai.onnx.contrib:StringUpper(-1) is not a registered function/op',
  'dup-output': 'Duplicate definition of name (Parameter193_reshape1).',
  'empty-file': 'ModelProto does not have a graph.',
  'external-data-absolute': 'Absolute path not allowed for external data location',
  'external-data-escape': 'External data path escapes model directory.',
  garbage: 'Protobuf parsing failed.',
  'html-error-page': 'Protobuf parsing failed.',
  'lfs-pointer': 'Protobuf parsing failed.',
  'missing-external-data': 'External data path does not exist:',
  'missing-op-kernel': "Could not find an implementation for Max(13) node with name ''",
  'no-opset-import': 'Missing opset in the model.',
  'opset-1': "Could not find an implementation for Add(1) node with name 'Plus30'",
  'opset-27': 'ONNX Runtime only *guarantees* support for models stamped with offici',
  // Of several that are cut off, whichever is read first.
  'short-external-data': /External initializer: \S+ offset: \d+ size to read: \d+ given file_length:/,
  truncated: 'Protobuf parsing failed.',
  'unpadded-string-locale': 'Failed to construct locale with name:en_US.UTF-8',
  'wrong-weight-size': "Initializer 'conv1.bias': raw_data size (8 bytes) does not match",
};

/** Models that onnxruntime loads and a request cannot be served with: the input or output at fault, and its type. */
const refusedByUs = [
  { name: 'int4-input', field: 'input', fault: 'input', type: 'int4' },
  { name: 'int4-output', field: 'output', fault: 'y', type: 'int4' },
  { name: 'map-input', field: 'input', fault: 'float_input', type: 'map' },
  { name: 'sequence-input', field: 'input', fault: 'seq', type: 'seq' },
] as const;

/** The official binding refuses these; the C API carries their dtype. */
const bfloat16Models = ['bfloat16-io', 'bfloat16-output'];

describeShared('models that cannot be served', ['models-negative'], () => {
  const folder = join(sharedFolder, 'models-negative');
  const names = readdirSync(folder).filter((name) => statSync(join(folder, name)).isDirectory());
  const good = writeModel(temporaryFolder(), 'good', 1, linear(0.5, 2));
  let server: ModelServer;
  let goodAnswers = 0;
  const endings = new Map<string, Settled>();

  beforeAll(async () => {
    const models = [...names, 'good'].map((name) => ({
      name,
      basePath: name === 'good' ? good : join(folder, name),
    }));
    server = await new ModelServer({ models }).start();
    await settled(server, { model: 'good', version: 1 });
    const all = names.map(async (name) => {
      endings.set(name, await settled(server, { model: name, version: 1 }));
    });
    do {
      await predictGood();
      await setImmediate(); // A prediction may need no turn of the event loop; the loads do.
    } while (endings.size < all.length);
    await Promise.all(all);
  });
  afterAll(() => server?.close());

  async function predictGood(): Promise<void> {
    const x = tensor('float32', [2], Float32Array.of(goodAnswers, -4));
    const { outputs } = await server.predict('good', { x });
    expect(outputs.y?.data).toEqual(Float32Array.of(goodAnswers * 0.5 + 2, 0));
    goodAnswers++;
  }

  it('knows what to expect of every file there', () => {
    const known = [
      ...Object.keys(refusedByEngine),
      ...refusedByUs.map(({ name }) => name),
      ...bfloat16Models,
    ];
    expect(known.sort()).toEqual(names.sort());
  });

  it('serves a good model before, while and after all of them fail', async () => {
    expect(goodAnswers).toBeGreaterThan(0);
    await predictGood();
  });

  describe('ends a version with the reason of onnxruntime', () => {
    for (const [name, reason] of Object.entries(refusedByEngine)) {
      const needsNoLocale = name === 'unpadded-string-locale' && isLocaleInstalled();
      it.skipIf(needsNoLocale)(
        needsNoLocale ? `${name} (skipped: en_US.UTF-8 is installed here)` : name,
        () => {
          const recorded = readFileSync(join(folder, name, 'expected.json'), 'utf8');
          const says =
            typeof reason === 'string' ? expect.stringContaining(reason) : expect.stringMatching(reason);
          expect((JSON.parse(recorded) as { path: string }).path).toEqual(says);
          const { state, error } = endings.get(name) as Settled;
          expect(state).toBe('END');
          expect(error).toBeInstanceOf(ServingError);
          expect(error?.message).toEqual(says);
        },
      );
    }
  });

  it.each(refusedByUs.map((each) => [each.name, each] as const))(
    'ends %s with an error that names the fault and its type',
    (name, { field, fault, type }) => {
      const { state, error } = endings.get(name) as Settled;
      expect(state).toBe('END');
      expect(error).toBeInstanceOf(ServingError);
      expect(error?.[field]).toBe(fault);
      expect(error?.message).toContain(`"${fault}"`);
      expect(error?.message).toContain(type);
    },
  );

  it.each(refusedByUs.map((each) => [each.name, each.fault]))(
    'refuses a request to %s',
    async (name, fault) => {
      const x = tensor('float32', [1], Float32Array.of(1));
      const refusal = await server.predict(name, { [fault]: x }).catch((error: unknown) => error);
      expect(refusal).toBeInstanceOf(ServingError);
    },
  );

  it.each(bfloat16Models)('loads %s, or says that bfloat16 is the reason', (name) => {
    const { state, error } = endings.get(name) as Settled;
    if (state !== 'AVAILABLE') expect(error?.message).toMatch(/bfloat16/);
    else expect(dtypes(name)).toContain('bfloat16');
  });

  function dtypes(model: string): string[] {
    const { inputs, outputs } = server.signature({ model });
    return [...Object.values(inputs), ...Object.values(outputs)].map(({ dtype }) => dtype);
  }
});
