import { afterAll, describe, expect, it } from 'vitest';
import { tensor } from '#dist/core/tensor.js';
import { defaultSignature, openEngine, run } from '../support/engine.js';
import * as authored from '../support/onnx/authored-models.js';
import { rejection } from '../support/rejection.js';

describe.each(['off', 'on'] as const)('OnnxServable with inline runs %s', (inlineRuns) => {
  const bench = openEngine({ inlineRuns });
  afterAll(() => bench.close());
  const floats = (...values: number[]) => tensor('float32', [values.length], values);

  it('answers with the outputs that were asked for, by alias', async () => {
    const servable = await bench.load(authored.linear(0.5, 2));
    expect(await run(servable, { x: floats(1, 2, 3) })).toEqual({ y: floats(2.5, 3, 3.5) });
  });

  it('leaves out an optional input and takes it when it is given', async () => {
    const servable = await bench.load(authored.overridableScale());
    const x = tensor('float32', [1, 3], [1, 2, 3]);
    expect(defaultSignature(servable).inputs.scale).toMatchObject({ isOptional: true });
    expect((await run(servable, { x })).y?.data).toEqual(Float32Array.of(2, 4, 6));
    expect((await run(servable, { x, scale: tensor('float32', [], [10]) })).y?.data).toEqual(
      Float32Array.of(10, 20, 30),
    );
  });

  it('keeps strings as they are: empty, with a NUL, beyond ASCII', async () => {
    const servable = await bench.load(authored.strings());
    const [input, output] = [
      Object.keys(defaultSignature(servable).inputs),
      Object.keys(defaultSignature(servable).outputs),
    ];
    const text = tensor('string', [4], ['', 'a\0b', 'ü → 数', '👩‍🚀']);
    expect((await run(servable, { [input[0] as string]: text }))[output[0] as string]?.data).toEqual(
      text.data,
    );
  });

  it('answers bytes that are not UTF-8 as bytes', async () => {
    const servable = await bench.load(authored.passthrough(['string']));
    const bytes = [Uint8Array.of(0xff, 0x00), Uint8Array.of(0x61)];
    const { out_string } = await run(servable, { in_string: tensor('string', [1, 2], bytes) });
    expect(out_string?.data).toEqual(bytes);
  });

  it('reads a ZipMap as scores, with the keys as classes', async () => {
    for (const keys of [
      [7, 8, 9],
      ['cat', 'dog', 'eel'],
    ] as const) {
      const servable = await bench.load(authored.zipMap(keys));
      const scores = tensor('float32', [2, 3], [0.1, 0.2, 0.7, 0.5, 0.3, 0.2]);
      const { probabilities } = await run(servable, { scores });
      expect(probabilities).toEqual({ ...scores, classes: keys.map(String) });
    }
  });

  it('reads a ZipMap of no rows as no scores', async () => {
    const servable = await bench.load(authored.zipMap());
    const { label, probabilities } = await run(servable, { scores: tensor('float32', [0, 3], []) });
    expect([label?.shape, probabilities?.shape]).toEqual([[0], [0, 0]]);
  });

  it('sets a sequence output aside and answers the tensor beside it', async () => {
    const servable = await bench.load(authored.sequenceOutput());
    const { unrepresentableOutputs, outputs, inputs } = defaultSignature(servable);
    expect(Object.values(unrepresentableOutputs ?? {})).toEqual(['sequence(tensor(float32))']);
    expect(Object.keys(outputs)).toHaveLength(1);
    const x = tensor('float32', [1, 2], [1, 2]);
    expect(await run(servable, { [Object.keys(inputs)[0] as string]: x })).toHaveProperty(
      Object.keys(outputs)[0] as string,
    );
  });

  it('reads the inputs before it returns: the caller may change them', async () => {
    const servable = await bench.load(authored.passthrough(['float32', 'string']));
    const numbers = Float32Array.of(1, 2);
    const words = ['a', 'b'];
    const answers = Array.from({ length: 4 }, () =>
      run(servable, {
        in_float32: tensor('float32', [1, 2], numbers),
        in_string: tensor('string', [1, 2], words),
      }),
    );
    numbers.fill(0);
    words.fill('changed');
    for (const { out_float32, out_string } of await Promise.all(answers)) {
      expect(out_float32?.data).toEqual(Float32Array.of(1, 2));
      expect(out_string?.data).toEqual(['a', 'b']);
    }
  });

  it('takes inputs in shared, resizable and pooled memory and leaves them as they are', async () => {
    const servable = await bench.load(authored.passthrough(['uint8']));
    // Resizable buffers are newer than the types that we compile against.
    const resizable = new Uint8Array(Reflect.construct(ArrayBuffer, [2, { maxByteLength: 16 }])).fill(7);
    const shared = new Uint8Array(new SharedArrayBuffer(2)).fill(7);
    const pooled = Buffer.from([7, 7]);
    for (const data of [resizable, shared, pooled]) {
      const { out_uint8 } = await run(servable, { in_uint8: tensor('uint8', [1, 2], data) });
      expect(out_uint8?.data).toEqual(Uint8Array.of(7, 7));
      expect([...data]).toEqual([7, 7]);
    }
  });

  it('answers with memory that belongs to nobody else', async () => {
    const servable = await bench.load(authored.passthrough(['float32']));
    const x = tensor('float32', [1, 2], [1, 2]);
    const [first, second] = await Promise.all([
      run(servable, { in_float32: x }),
      run(servable, { in_float32: x }),
    ]);
    const { out_float32 } = first;
    if (out_float32?.data instanceof Float32Array) out_float32.data.fill(0);
    expect(second.out_float32?.data).toEqual(Float32Array.of(1, 2));
    expect(x.data).toEqual(Float32Array.of(1, 2));
  });

  it('refuses what onnxruntime refuses with its reason, and goes on', async () => {
    const servable = await bench.load(authored.gatherTable());
    const ids = (id: bigint) => ({ ids: tensor('int64', [1], [id]) });
    const error = await rejection(run(servable, ids(99n)));
    expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', id: servable.id });
    expect(error.message).toMatch(/^Cannot run model-\d+@1: .*indices element out of data bounds, idx=99/s);
    expect(await run(servable, ids(0n))).toHaveProperty(
      Object.keys(defaultSignature(servable).outputs)[0] as string,
    );
  });

  it('answers only the outputs that are asked for', async () => {
    const servable = await bench.load(authored.passthrough(['int8', 'bool']));
    const inputs = { in_int8: tensor('int8', [1, 1], [-1]), in_bool: tensor('bool', [1, 1], [true]) };
    expect(await run(servable, inputs, { outputs: ['out_bool'] })).toEqual({ out_bool: inputs.in_bool });
  });

  it('rejects with CANCELLED when the signal is aborted before, whatever its reason is', async () => {
    const servable = await bench.load(authored.linear());
    const signal = AbortSignal.abort('changed my mind');
    expect(await rejection(run(servable, { x: floats(1) }, { signal }))).toMatchObject({ code: 'CANCELLED' });
  });
});
