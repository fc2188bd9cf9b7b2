import { ModelServer, ServingError, tensor } from 'servable';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as authored from '../support/onnx/authored-models.js';
import { temporaryFolder, writeModel } from '../support/onnx/model-folder.js';
import { settled } from '../support/server.js';

/** Models that onnxruntime loads, but of which an input or output has a type that we have no tensor for. */
const withoutTensor = [
  { name: 'int4-output', bytes: authored.castOutput('int4'), field: 'output', fault: 'y', type: 'int4' },
  { name: 'uint4-output', bytes: authored.castOutput('uint4'), field: 'output', fault: 'y', type: 'uint4' },
  {
    name: 'float8-output',
    bytes: authored.castOutput('float8e4m3fn'),
    field: 'output',
    fault: 'y',
    type: 'float8e4m3fn',
  },
  { name: 'int4-input', bytes: authored.castInput('int4'), field: 'input', fault: 'x', type: 'int4' },
  {
    name: 'float8-input',
    bytes: authored.castInput('float8e5m2'),
    field: 'input',
    fault: 'x',
    type: 'float8e5m2',
  },
  { name: 'sequence-input', bytes: authored.sequenceInput(), field: 'input', fault: 'seq', type: 'seq' },
  { name: 'map-input', bytes: authored.mapInput(), field: 'input', fault: 'counts', type: 'map' },
  {
    name: 'optional-input',
    bytes: authored.optionalInput(),
    field: 'input',
    fault: 'maybe',
    type: 'optional',
  },
] as const;

/** Models that onnxruntime itself refuses, and the stable part of its reason. */
const refusedByEngine = [
  {
    name: 'complex',
    bytes: authored.unrankedIdentity('complex64'),
    reason: 'tensor(complex64) is not currently',
  },
  {
    name: 'too-deep',
    bytes: authored.nestedIf(authored.deepestNesting + 1),
    reason: 'Protobuf parsing failed',
  },
  {
    name: 'no-data',
    bytes: authored.heavy(1, { isExternal: true }).model,
    reason: 'External data path does not exist',
  },
  {
    name: 'no-name',
    bytes: authored.oddlyNamed(['']),
    reason: 'input 0 is marked single but has an empty string',
  },
  { name: 'half-a-file', bytes: authored.linear().subarray(0, 100), reason: 'Protobuf parsing failed' },
] as const;

describe('a version that cannot be served', () => {
  const folder = temporaryFolder();
  let server: ModelServer;

  beforeAll(async () => {
    const models = [...withoutTensor, ...refusedByEngine, { name: 'good', bytes: authored.linear() }];
    server = await new ModelServer({
      models: models.map(({ name, bytes }) => ({ name, basePath: writeModel(folder, name, 1, bytes) })),
    }).start();
    await Promise.all(models.map(({ name }) => settled(server, { model: name, version: 1 })));
  });
  afterAll(() => server?.close());

  for (const { name, field, fault, type } of withoutTensor) {
    it(`ends with an error that names its ${field} "${fault}" and the type: ${name}`, async () => {
      const { state, error } = await settled(server, { model: name, version: 1 });
      expect(state).toBe('END');
      expect(error).toBeInstanceOf(ServingError);
      expect(error?.[field]).toBe(fault);
      expect(error?.message).toContain(`"${fault}"`);
      expect(error?.message).toContain(type);
    });
  }

  for (const { name, reason } of refusedByEngine) {
    it(`ends with the reason of onnxruntime: ${name}`, async () => {
      const { state, error } = await settled(server, { model: name, version: 1 });
      expect(state).toBe('END');
      expect(error).toBeInstanceOf(ServingError);
      expect(error?.message).toContain(reason);
    });
  }

  it('leaves a good model serving beside it', async () => {
    const { outputs } = await server.predict('good', { x: tensor('float32', [1], Float32Array.of(4)) });
    expect(outputs.y?.data).toEqual(Float32Array.of(4));
  });
});
