import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DType, Tensor, TensorMap } from 'servable';
import { elements, isClose, type Tolerance, tensorDifference } from './compare.js';
import { float16Bits } from './half.js';
import { readGraphNames } from './onnx/read-graph.js';
import { readTensorFile } from './onnx/read-tensor.js';

/** One version of a model in a folder of models. */
export interface ModelVersion {
  readonly model: string;
  readonly version: number;
  readonly directory: string;
}

/** Inputs that lie beside a model, and what it must answer. */
export interface ModelCase extends ModelVersion {
  /** `mnist@8 io_0`, for a test's title. */
  readonly title: string;
  readonly tolerance: Tolerance;
  readonly inputs: TensorMap;
  /** By name: the outputs to ask for, and to compare. */
  readonly expected: Readonly<Record<string, Expectation>>;
}

/** A whole tensor; or, of a large one, its first elements and figures of all. */
export type Expectation =
  | { readonly tensor: Tensor }
  | {
      readonly form: Pick<Tensor, 'dtype' | 'shape'>;
      readonly head: readonly number[];
      readonly stats: Stats;
    };

interface Stats {
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  readonly l2: number;
}

/** Every `<model>/<version>/model.onnx` below a folder, sorted. */
export function modelVersions(folder: string): ModelVersion[] {
  return readdirSync(folder)
    .sort()
    .flatMap((model) =>
      subfolders(join(folder, model))
        .filter((name) => existsSync(join(folder, model, name, 'model.onnx')))
        .map((name) => ({ model, version: Number(name), directory: join(folder, model, name) })),
    );
}

/** The names of a model version's cases: `io_0`, `test_data_set_0`, … Cheap: nothing of them is read. */
export function caseNames({ directory }: ModelVersion): string[] {
  const names = readdirSync(directory);
  return names.filter((name) => /^(io_\d+\.json|test_data_set_\d+)$/.test(name)).sort();
}

/** Reads a case. Twenty of them hold megabytes: read one when it is its turn. */
export function readCase(version: ModelVersion, name: string): ModelCase {
  const title = `${version.model}@${version.version} ${name.replace('.json', '')}`;
  const path = join(version.directory, name);
  return { ...version, title, ...(name.endsWith('.json') ? readJsonCase(path) : readPbCase(version, path)) };
}

/** What distinguishes an output from what the case expects, in words; undefined where nothing does. */
export function expectationDifference(
  actual: Tensor | undefined,
  expected: Expectation,
  tolerance: Tolerance,
): string | undefined {
  if ('tensor' in expected) return tensorDifference(actual, expected.tensor, tolerance);
  if (actual === undefined) return 'No tensor';
  const { head, form, stats } = expected;
  const headOnly = { ...actual, shape: [head.length], data: actual.data.slice(0, head.length) } as Tensor;
  const start: Tensor = { dtype: form.dtype, shape: [head.length], data: toData(form.dtype, head) };
  const wrongHead = tensorDifference(headOnly, start, tolerance);
  if (wrongHead) return wrongHead;
  if (String(actual.shape) !== String(form.shape))
    return `It has shape [${actual.shape}], expected [${form.shape}]`;
  const found = figures(elements(actual) as readonly number[]);
  const wrong = (['min', 'max', 'mean', 'l2'] as const).find(
    (key) => !isClose(found[key], stats[key], { rtol: 1e-3, atol: tolerance.atol }),
  );
  return wrong && `Its ${wrong} is ${found[wrong]}, expected ${stats[wrong]}`;
}

interface JsonTensor {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly data?: readonly (number | string | boolean)[];
  readonly generator?: { readonly seed: number; readonly scale: number; readonly offset: number };
  readonly head?: readonly number[];
  readonly stats?: Stats;
}

function readJsonCase(path: string): Pick<ModelCase, 'inputs' | 'expected' | 'tolerance'> {
  const { rtol, atol, inputs, outputs } = JSON.parse(readFileSync(path, 'utf8')) as Tolerance & {
    readonly inputs: readonly JsonTensor[];
    readonly outputs: readonly JsonTensor[];
  };
  return {
    tolerance: { rtol, atol },
    inputs: Object.fromEntries(inputs.map((each) => [each.name, toTensor(each)])),
    expected: Object.fromEntries(outputs.map((each) => [each.name, toExpectation(each)])),
  };
}

function toExpectation({ dtype, shape, head, stats, ...rest }: JsonTensor): Expectation {
  if (head && stats) return { form: { dtype, shape }, head, stats };
  return { tensor: toTensor({ dtype, shape, ...rest }) };
}

function toTensor({ name, dtype, shape, data, generator }: JsonTensor): Tensor {
  const size = shape.reduce((product, axis) => product * axis, 1);
  const filled = data ?? (generator && generated(size, generator));
  if (filled === undefined) throw new Error(`Cannot read "${name}": neither data nor a generator`);
  return { dtype, shape, data: toData(dtype, filled) };
}

/** The shared folder's own formula, "lcg32", stated in each file that uses it. */
function generated(size: number, { seed, scale, offset }: NonNullable<JsonTensor['generator']>): number[] {
  let state = seed;
  return Array.from({ length: size }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (Math.floor(state / 2 ** 24) / 256) * scale + offset;
  });
}

function toData(dtype: DType, plain: readonly (number | string | boolean)[]): Tensor['data'] {
  if (dtype === 'string') return plain.map(String);
  if (dtype === 'int64') return BigInt64Array.from(plain.map((each) => BigInt(each)));
  if (dtype === 'uint64') return BigUint64Array.from(plain.map((each) => BigInt(each)));
  const numbers = plain.map(Number);
  switch (dtype) {
    case 'float16':
      return Uint16Array.from(numbers, float16Bits);
    case 'float64':
      return Float64Array.from(numbers);
    case 'float32':
      return Float32Array.from(numbers);
    case 'int32':
      return Int32Array.from(numbers);
    case 'uint32':
      return Uint32Array.from(numbers);
    case 'int16':
      return Int16Array.from(numbers);
    case 'uint16':
      return Uint16Array.from(numbers);
    case 'int8':
      return Int8Array.from(numbers);
    case 'uint8':
    case 'bool':
      return Uint8Array.from(numbers);
    default:
      throw new Error(`Cannot read elements of ${dtype} from JSON`);
  }
}

function readPbCase(
  version: ModelVersion,
  path: string,
): Pick<ModelCase, 'inputs' | 'expected' | 'tolerance'> {
  const { rtol, atol, fetches } = JSON.parse(readFileSync(join(path, 'info.json'), 'utf8')) as Tolerance & {
    readonly fetches?: readonly string[];
  };
  const names = readGraphNames(join(version.directory, 'model.onnx'));
  const outputs = readTensorFiles(path, 'output', fetches ?? names.outputs);
  return {
    tolerance: { rtol, atol },
    inputs: readTensorFiles(path, 'input', names.inputs),
    expected: Object.fromEntries(Object.entries(outputs).map(([name, tensor]) => [name, { tensor }])),
  };
}

/**
 * The tensors of `input_N.pb` or `output_N.pb` in a test data set, by name: the one a file carries, else the graph's
 * N-th.
 */
export function readTensorFiles(
  folder: string,
  kind: 'input' | 'output',
  names: readonly string[],
): TensorMap {
  const files = readdirSync(folder).filter((file) => file.startsWith(`${kind}_`));
  return Object.fromEntries(
    files.map((file) => {
      const place = Number(/\d+/.exec(file));
      const { name, tensor } = readTensorFile(join(folder, file));
      return [names.includes(name) ? name : (names[place] ?? name), tensor];
    }),
  );
}

function figures(values: readonly number[]): Stats {
  let [min, max, sum, squares] = [Infinity, -Infinity, 0, 0];
  for (const each of values) {
    min = Math.min(min, each);
    max = Math.max(max, each);
    sum += each;
    squares += each * each;
  }
  return { min, max, mean: sum / values.length, l2: Math.sqrt(squares) };
}

function subfolders(folder: string): string[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && /^\d+$/.test(entry.name))
      .map((entry) => entry.name)
      .sort((left, right) => Number(left) - Number(right));
  } catch {
    return []; // A file among the models: it has no versions.
  }
}
