import fc from 'fast-check';
import { tensor } from 'servable';
import { describe, expect, it } from 'vitest';
import { ServingError } from '#dist/core/errors.js';
import { ByteSink } from '#dist/wire/byte-sink.js';
import { decodeRequest } from '#dist/wire/decode-request.js';
import { decodeExample } from '#dist/wire/example.js';
import { encodePredictLog } from '#dist/wire/predict-log.js';
import { caught } from '../support/caught.js';
import { describeShared } from '../support/shared-folder.js';
import { descriptorFile, wireDescriptor } from '../support/wire-descriptor.js';

const spec = { model: 'm', version: 7, signature: 'serving_default' };
const inputs = { x: tensor('float32', [1, 2], [1, 2]), ['__proto__']: tensor('int64', [1], [3n]) };

describe('a predict log', () => {
  it('comes back as it went', () => {
    const bytes = encodePredictLog({
      spec,
      inputs,
      outputFilter: ['y'],
      outputs: inputs,
      samplingRate: 0.5,
      timestampSecs: 1e9,
    });
    expect(decodeRequest(bytes)).toEqual({ kind: 'predict', spec, inputs, outputFilter: ['y'] });
  });

  it('may say little', () => {
    const little = { spec: { model: '', signature: '' }, inputs: {} };
    expect(decodeRequest(encodePredictLog(little))).toEqual({ kind: 'predict', ...little, outputFilter: [] });
    expect(decodeRequest(encodePredictLog({ ...little, spec: { ...spec, version: 0 } }))).toMatchObject({
      spec: { version: 0 },
    });
    expect(decodeRequest(new Uint8Array())).toEqual({ kind: 'none' });
  });

  it('is a typed error or a request, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        try {
          decodeRequest(bytes, { maxTensorBytes: 2 ** 20 });
        } catch (error) {
          expect(error).toBeInstanceOf(ServingError);
        }
      }),
      { numRuns: 3000 },
    );
  });
});

describe('a predict log with', () => {
  const number = (dataType: number) => new ByteSink().number(1, dataType).written;
  /** A log of a predict request with these inputs, and with what `more` adds at the end. */
  const log = (entries: readonly (readonly [string, Uint8Array])[], more = (sink: ByteSink) => sink) =>
    more(
      new ByteSink().message(6, (it) =>
        it.message(1, (request) => {
          for (const [alias, bytes] of entries)
            request.message(2, (entry) => entry.text(1, alias).field(2, bytes));
        }),
      ),
    ).written;

  it('fields of a later TF Serving is read all the same', () => {
    expect(decodeRequest(log([], (sink) => sink.text(9, 'new')))).toMatchObject({ kind: 'predict' });
    expect(decodeRequest(new ByteSink().text(9, 'new').written)).toEqual({ kind: 'none' });
  });

  it('a request in two pieces is read as one', () => {
    const pieces = Buffer.concat([log([['a', number(1)]]), log([['b', number(3)]])]);
    expect(decodeRequest(pieces)).toMatchObject({
      inputs: { a: { dtype: 'float32' }, b: { dtype: 'int32' } },
    });
  });

  it.each(['x', '__proto__'])('the alias %s twice has the last of them', (alias) => {
    const request = decodeRequest(
      log([
        [alias, number(1)],
        [alias, number(3)],
      ]),
    );
    const found = 'inputs' in request && Object.entries(request.inputs).map(([name, it]) => [name, it.dtype]);
    expect(found).toEqual([[alias, 'int32']]);
  });

  it('a tensor that is none names its alias', () => {
    expect(caught(() => decodeRequest(log([['pixels', number(8)]])))).toMatchObject({
      code: 'UNIMPLEMENTED',
      input: 'pixels',
      message: expect.stringMatching(/^tensor parsing error: pixels: .*DT_COMPLEX64/),
    });
  });
});

describeShared('prediction logs as protobufjs reads and writes them', [descriptorFile], () => {
  const root = wireDescriptor();
  const type = root.lookupType('tensorflow.serving.PredictionLog');
  const encode = (message: object) => type.encode(type.fromObject(message)).finish();
  const float = (...value: number[]) => ({ float_list: { value } });
  const examples = [{ features: { feature: { x: float(1, 2) } } }];
  const modelSpec = { name: 'm', version: { value: 7 }, signature_name: 'sig' };

  it('a predict log', () => {
    const bytes = encodePredictLog({
      spec,
      inputs: { x: inputs.x },
      outputs: { y: inputs.x },
      outputFilter: ['y'],
      samplingRate: 0.25,
      timestampSecs: 1_700_000_000,
    });
    expect(type.toObject(type.decode(bytes), { longs: Number, enums: String })).toMatchObject({
      log_metadata: {
        model_spec: { name: 'm', version: { value: 7 }, signature_name: 'serving_default' },
        sampling_config: { sampling_rate: 0.25 },
        timestamp_secs: 1_700_000_000,
      },
      predict_log: {
        request: {
          model_spec: { name: 'm', version: { value: 7 } },
          inputs: {
            x: { dtype: 'DT_FLOAT', tensor_shape: { dim: [{ size: 1 }, { size: 2 }] }, float_val: [1, 2] },
          },
          output_filter: ['y'],
        },
        response: { outputs: { y: { float_val: [1, 2] } }, model_spec: { name: 'm' } },
      },
    });
  });

  it('labels, and versions that are not named', () => {
    const of = (model_spec: object) => decodeRequest(encode({ predict_log: { request: { model_spec } } }));
    expect(of({ name: 'm', version_label: 'stable' })).toMatchObject({
      spec: { model: 'm', label: 'stable', signature: '' },
    });
    expect(of({ name: 'm' })).not.toHaveProperty('spec.version');
  });

  it.each([
    ['classify', 'classify_log'],
    ['regress', 'regress_log'],
  ])('a %s log', (kind, field) => {
    const request = { model_spec: modelSpec, input: { example_list: { examples } } };
    expect(decodeRequest(encode({ [field]: { request } }))).toEqual({
      kind,
      spec: { model: 'm', version: 7, signature: 'sig' },
      examples: [new Map([['x', { kind: 'float', values: [1, 2] }]])],
    });
  });

  it('a context, of which the example has the last word', () => {
    const context = {
      features: {
        feature: {
          x: float(9),
          c: { int64_list: { value: [-1] } },
          b: { bytes_list: { value: [Buffer.from('hi')] } },
        },
      },
    };
    const request = {
      input: { example_list_with_context: { examples: [...examples, { features: {} }], context } },
    };
    const decoded = decodeRequest(encode({ classify_log: { request } }));
    expect('examples' in decoded && decoded.examples.map((each) => Object.fromEntries(each))).toEqual([
      {
        x: { kind: 'float', values: [1, 2] },
        c: { kind: 'int64', values: [-1n] },
        b: { kind: 'bytes', values: [Uint8Array.from(Buffer.from('hi'))] },
      },
      {
        x: { kind: 'float', values: [9] },
        c: { kind: 'int64', values: [-1n] },
        b: { kind: 'bytes', values: [Uint8Array.from(Buffer.from('hi'))] },
      },
    ]);
  });

  it('an example that says nothing of a feature, where its context does', () => {
    const context = { features: { feature: { x: float(9) } } };
    const [empty] = [{ features: { feature: { x: {} } } }];
    const request = { input: { example_list_with_context: { examples: [empty], context } } };
    expect(decodeRequest(encode({ regress_log: { request } }))).toMatchObject({ examples: [new Map()] });
  });

  it('numbers of another wire type are not there', () => {
    const list = new ByteSink()
      .number(1, 5)
      .varint(13)
      .bytes(new Uint8Array(Float32Array.of(2).buffer)).written;
    const feature = new ByteSink().field(2, list).written;
    const bytes = new ByteSink().message(1, (it) =>
      it.message(1, (entry) => entry.text(1, 'x').field(2, feature)),
    ).written;
    const { features } = root.lookupType('tensorflow.Example').decode(bytes) as unknown as {
      features: { feature: { x: { float_list: { value: number[] } } } };
    };
    expect([...decodeExample(bytes)]).toEqual([['x', { kind: 'float', values: [2] }]]);
    expect(features.feature.x.float_list.value).toEqual([2]);
  });

  it('a multi-inference log', () => {
    const tasks = [{ model_spec: modelSpec }, { model_spec: { ...modelSpec, signature_name: 'other' } }];
    expect(
      decodeRequest(
        encode({ multi_inference_log: { request: { tasks, input: { example_list: { examples } } } } }),
      ),
    ).toMatchObject({
      kind: 'multi-inference',
      specs: [{ signature: 'sig' }, { signature: 'other' }],
      examples: [expect.any(Map)],
    });
  });

  it.each([
    ['session_run_log', 5],
    ['predict_streamed_log', 7],
  ])('a %s, which is none of ours', (field, logType) => {
    expect(decodeRequest(encode({ [field]: {} }))).toEqual({ kind: 'unsupported', logType });
  });
});
