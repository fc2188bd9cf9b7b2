import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ModelServer, type Tensor, tensor } from 'servable';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { argmax, elements, tensorDifference } from '../support/compare.js';
import { provideLocale } from '../support/locale.js';
import { caseNames, expectationDifference, modelVersions, readCase } from '../support/model-cases.js';
import { temporaryFolder } from '../support/onnx/model-folder.js';
import { askOracle } from '../support/oracle.js';
import { settled } from '../support/server.js';
import { describeShared, sharedFolder } from '../support/shared-folder.js';

/** Models with an operator that opens the locale en_US.UTF-8 when it loads. */
const localeModels = ['string-vectorizer', 'tfidf-20news-nozipmap'];
/**
 * Quantized models: a CPU without VNNI saturates where others add, and another class may be the best. What was recorded on
 * one CPU says nothing about another; what the oracle answers here does.
 */
const quantizedModels = ['mobilenet_v2-int8'];

describeShared('real models, all in one server', ['models'], () => {
  const folder = join(sharedFolder, 'models');
  const versions = modelVersions(folder);
  const noLocale = provideLocale(temporaryFolder());
  let server: ModelServer;

  beforeAll(async () => {
    const names = [...new Set(versions.map(({ model }) => model))];
    server = await new ModelServer({
      models: names.map((name) => ({ name, basePath: join(folder, name), versionPolicy: 'all' as const })),
    }).start();
  }, 240_000);
  afterAll(() => server?.close());

  for (const version of versions) {
    const { model } = version;
    const isMissing = noLocale !== undefined && localeModels.includes(model);
    const title = `${model}@${version.version}`;
    describe.skipIf(isMissing)(isMissing ? `${title} (skipped: ${noLocale})` : title, () => {
      it('becomes available', async () => {
        expect(await settled(server, { model, version: version.version })).toMatchObject({
          state: 'AVAILABLE',
        });
      });

      for (const name of caseNames(version)) {
        it(`answers ${name.replace('.json', '')} as recorded`, async () => {
          const { inputs, expected, tolerance } = readCase(version, name);
          const outputs = Object.keys(expected);

          const answer = await server.predict({ model, version: version.version }, inputs, { outputs });

          expect(Object.keys(answer.outputs).sort()).toEqual(outputs.sort());
          const byOracle = quantizedModels.includes(model)
            ? await askOracle(join(folder, model, `${version.version}`, 'model.onnx'), inputs)
            : undefined;
          for (const [output, expectation] of Object.entries(expected)) {
            const oracle = byOracle?.[output];
            const difference =
              oracle === undefined
                ? expectationDifference(answer.outputs[output], expectation, tolerance)
                : tensorDifference(answer.outputs[output], oracle);
            expect(difference, output).toBeUndefined();
          }
        });
      }
    });
  }

  it('passes every dtype of passthrough through unchanged', async () => {
    const values = [0, 1, 1, 0, 1, 0];
    const bytes: Record<string, Tensor['data']> = {
      float32: Float32Array.from(values),
      float64: Float64Array.from(values),
      float16: Uint16Array.from(values),
      int8: Int8Array.from(values),
      uint8: Uint8Array.from(values),
      int16: Int16Array.from(values),
      uint16: Uint16Array.from(values),
      int32: Int32Array.from(values),
      uint32: Uint32Array.from(values),
      int64: BigInt64Array.from(values.map(BigInt)),
      uint64: BigUint64Array.from(values.map(BigInt)),
      bool: Uint8Array.from(values),
      string: values.map((value) => `größe ${value}`),
    };
    const inputs = Object.fromEntries(
      Object.entries(bytes).map(([dtype, data]) => [`in_${dtype}`, { dtype, shape: [2, 3], data } as Tensor]),
    );

    const { outputs } = await server.predict('passthrough', inputs);

    expect(Object.keys(outputs)).toHaveLength(Object.keys(bytes).length);
    for (const dtype of Object.keys(bytes)) {
      expect(
        tensorDifference(outputs[`out_${dtype}`], inputs[`in_${dtype}`] as Tensor),
        dtype,
      ).toBeUndefined();
    }
  });

  it.each([1, 2])('answers signature_change@%i as the oracle does', async (version) => {
    const x = Float64Array.of(1, -2.5, 8);
    const inputs =
      version === 1
        ? { x: tensor('float32', [3], Float32Array.from(x)) }
        : { inputs: tensor('float64', [3], x), bias: tensor('float64', [], Float64Array.of(4)) };

    const { outputs } = await server.predict({ model: 'signature_change', version }, inputs);

    const path = join(folder, `signature_change/${version}/model.onnx`);
    for (const [name, expected] of Object.entries(await askOracle(path, inputs))) {
      expect(tensorDifference(outputs[name], expected), name).toBeUndefined();
    }
  });

  it.each([
    { version: 1, accuracy: 0.967 },
    { version: 2, accuracy: 0.989 },
    { version: 3, accuracy: 0.575 },
  ])('reads handwritten digits with digits@$version as well as it was trained to', async (trained) => {
    const { pixels, label } = readJson<{ pixels: number[][]; label: number[] }>('digits/test-set.json');
    const images = tensor('float32', [pixels.length, 64], Float32Array.from(pixels.flat()));

    const { outputs } = await server.predict(
      { model: 'digits', version: trained.version },
      { pixels: images },
    );

    const right = elements(outputs.label as Tensor).filter((digit, row) => Number(digit) === label[row]);
    expect(right.length / label.length).toBeCloseTo(trained.accuracy, 3);
  });

  it('reads every MNIST digit with mnist-cnn', async () => {
    const { pixels, labels } = readJson<{ pixels: number[][]; labels: number[] }>(
      'mnist-cnn/1/mnist_digits.json',
    );
    const images = tensor('float32', [labels.length, 1, 28, 28], Float32Array.from(pixels.flat()));

    const { outputs } = await server.predict('mnist-cnn', { input_image: images });

    expect(argmax(outputs.output_probs as Tensor)).toEqual(labels);
  });

  it.each([
    { model: 'silero_vad', version: 4 },
    { model: 'silero_vad', version: 6 },
    { model: 'silero_vad-half', version: 1 },
  ])(
    'follows a recording of speech when $model@$version is fed its own state',
    async ({ model, version }) => {
      const recording = readJson<Recording>(`${model}/${version}/sequence.json`);
      const found = await speechProbabilities(server, { model, version }, recording);
      const [actual, expected] = [found, recording.expected_probability].map((values) =>
        tensor('float32', [values.length], Float32Array.from(values)),
      );
      const difference = tensorDifference(actual, expected as Tensor, { rtol: 0, atol: recording.atol });
      expect(difference).toBeUndefined();
    },
  );

  it.each([32, 33])('tells files apart with magika@%i as its authors recorded', async (version) => {
    const { features, labels, examples } = readJson<MagikaReference>(
      `magika/${version}/reference_predictions.json`,
    );
    const rows = examples.map(({ content_base64 }) =>
      magikaFeatures(Buffer.from(content_base64, 'base64'), features),
    );
    const bytes = tensor('int32', [rows.length, 2048], Int32Array.from(rows.flat()));

    const { outputs } = await server.predict({ model: 'magika', version }, { bytes });

    const found = argmax(outputs.target_label as Tensor).map((index) => labels[index]);
    expect(found).toEqual(examples.map(({ index }) => labels[index]));
  });

  it('gives the scores of a ZipMap output as a tensor with its keys as classes', async () => {
    const flowers = Float32Array.of(5.1, 3.5, 1.4, 0.2, 6.3, 3.3, 6, 2.5);
    const inputs = { float_input: tensor('float32', [2, 4], flowers) };

    const { outputs } = await server.predict('iris-rf-zipmap', inputs);

    const plain = await server.predict({ model: 'iris-rf', version: 1 }, inputs);
    const scores = outputs.output_probability;
    expect(scores?.classes).toEqual(['0', '1', '2']);
    expect(tensorDifference(scores, plain.outputs.output_probability as Tensor)).toBeUndefined();
  });

  it('leaves out a sequence output that no tensor can hold, and refuses a request that names it', async () => {
    const inputs = { x: tensor('float32', [1, 2], Float32Array.of(1, 2)) };
    const { outputs } = await server.predict('sequence_output', inputs);
    expect(Object.keys(outputs)).toEqual(['y']);
    await expect(server.predict('sequence_output', inputs, { outputs: ['seq'] })).rejects.toThrow(/"seq"/);
  });

  function readJson<T>(path: string): T {
    return JSON.parse(readFileSync(join(folder, path), 'utf8')) as T;
  }
});

interface Recording {
  /** Samples a frame, and how many of those before it are heard with it; the recording starts with so many. */
  readonly frame: number;
  readonly context: number;
  readonly sr: number;
  readonly pcm16: readonly number[];
  readonly expected_probability: readonly number[];
  readonly atol: number;
}

/** Runs a recording frame by frame; the state that one frame returns is the next one's input. */
async function speechProbabilities(
  server: ModelServer,
  spec: { readonly model: string; readonly version: number },
  { frame, context, sr, pcm16, expected_probability }: Recording,
): Promise<number[]> {
  const samples = Float32Array.from(pcm16, (sample) => sample / 32_768);
  const { inputs } = server.signature(spec);
  const size = spec.version === 4 ? 64 : 128;
  const stateNames = ['h', 'c', 'state'].filter((name) => name in inputs);
  let state = stateNames.map((): Tensor => tensor('float32', [2, 1, size], new Float32Array(2 * size)));
  const found: number[] = [];
  for (let index = 0; index < expected_probability.length; index++) {
    const heard = samples.slice(index * frame, (index + 1) * frame + context);
    const answer = await server.predict(spec, {
      input: tensor('float32', [1, heard.length], heard),
      ...('sr' in inputs ? { sr: tensor('int64', [], BigInt64Array.of(BigInt(sr))) } : {}),
      ...Object.fromEntries(stateNames.map((name, place) => [name, state[place] as Tensor])),
    });
    found.push(Number(answer.outputs.output?.data[0]));
    state = stateNames.map((name) => answer.outputs[`${name}${name === 'state' ? 'N' : 'n'}`] as Tensor);
  }
  return found;
}

interface MagikaReference {
  readonly features: {
    readonly beg_size: number;
    readonly end_size: number;
    readonly block_size: number;
    readonly padding_token: number;
  };
  readonly labels: readonly string[];
  readonly examples: readonly { readonly content_base64: string; readonly index: number }[];
}

/** A file as Magika sees it: its first and last bytes without the white space around it, padded in the middle. */
function magikaFeatures(content: Buffer, features: MagikaReference['features']): number[] {
  const { beg_size, end_size, block_size, padding_token } = features;
  const text = content.toString('latin1');
  const start = text
    .slice(0, block_size)
    .replace(/^[ \t\n\r\v\f]+/, '')
    .slice(0, beg_size);
  const end = text
    .slice(-block_size)
    .replace(/[ \t\n\r\v\f]+$/, '')
    .slice(-end_size);
  const padding = new Array<number>(beg_size + end_size - start.length - end.length).fill(padding_token);
  return [...Buffer.from(start, 'latin1'), ...padding, ...Buffer.from(end, 'latin1')];
}
