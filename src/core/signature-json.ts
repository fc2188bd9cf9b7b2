import { describeValue, quote } from './describe.js';
import { ServingError } from './errors.js';
import type { Signature, SignatureMethod, TensorSpec } from './signature.js';

const methods: readonly SignatureMethod[] = ['predict', 'classify', 'regress'];
const keys = ['method', 'inputs', 'outputs', 'classes'] as const;

/**
 * The signatures that a model's author wrote down, beside the one of its graph.
 *
 * ```json
 * { "<signature>": {
 *     "method": "predict" | "classify" | "regress",
 *     "inputs": { "<alias>": "<graph input>" },
 *     "outputs": { "<alias>": "<graph output>" },
 *     "classes": ["<label>"] } }
 * ```
 *
 * Every key may be left out: `method` is then `predict`, and inputs and outputs are those of the graph under their
 * own names. Inputs must take in every graph input without a default, as the model could not run otherwise; outputs
 * may be some of the graph's. The result holds `graph` under its own name, `serving_default`, unless the JSON
 * defines one of that name.
 *
 * @param json - the text of `signatures.json`, or of the metadata key `servable.signatures`
 * @param where - what to call the text in messages: its path
 * @throws ServingError FAILED_PRECONDITION, naming `where` and the path inside, for anything else than the above.
 */
export function parseSignatures(json: string, graph: Signature, where: string): Map<string, Signature> {
  const signatures = new Map([[graph.name, graph]]);
  for (const [name, value] of entriesOf(parse(json, where), new Place(where))) {
    const place = new Place(where).at(name);
    if (name === '')
      throw place.refuse('an empty name', 'a name, as an empty one stands for serving_default');
    signatures.set(name, readSignature(name, value, graph, place));
  }
  return signatures;
}

/** Where in the text the reader is; writes the errors. */
class Place {
  readonly #where: string;
  readonly #path: string;

  constructor(where: string, path = '') {
    this.#where = where;
    this.#path = path;
  }

  at(key: string | number): Place {
    const isWord = typeof key === 'string' && /^[A-Za-z_]\w*$/.test(key);
    const step = isWord ? `${this.#path && '.'}${key}` : `[${JSON.stringify(key)}]`;
    return new Place(this.#where, this.#path + step);
  }

  refuse(actual: string, expected: string, cause?: unknown): ServingError {
    const subject = this.#path === '' ? 'it' : this.#path;
    const message = `Cannot read signatures from ${this.#where}: ${subject} is ${actual}, expected ${expected}`;
    return new ServingError('FAILED_PRECONDITION', message, { expected, actual, cause });
  }
}

function parse(json: string, where: string): unknown {
  try {
    // Editors on Windows put a byte order mark in front, which JSON.parse takes for an error.
    return JSON.parse(json.replace(/^\uFEFF/, ''));
  } catch (cause) {
    const reason = cause instanceof Error ? ` (${cause.message})` : '';
    throw new Place(where).refuse(`no JSON${reason}`, 'an object of signatures by name', cause);
  }
}

function readSignature(name: string, value: unknown, graph: Signature, place: Place): Signature {
  const given = new Map(entriesOf(value, place));
  for (const key of given.keys()) {
    if (!(keys as readonly string[]).includes(key))
      throw place.at(key).refuse('unknown', `one of ${keys.join(', ')}`);
  }
  const method = given.has('method') ? readMethod(given.get('method'), place.at('method')) : 'predict';
  const inputs = given.has('inputs')
    ? readInputs(given.get('inputs'), graph, place.at('inputs'))
    : { inputs: graph.inputs };
  const outputs = given.has('outputs')
    ? readOutputs(given.get('outputs'), graph, place.at('outputs'))
    : pickOutputs(graph);
  const classes = given.has('classes')
    ? { classes: readClasses(given.get('classes'), place.at('classes')) }
    : {};
  return { name, method, ...inputs, ...outputs, ...classes };
}

function readMethod(value: unknown, place: Place): SignatureMethod {
  const method = methods.find((known) => known === value);
  if (method === undefined) throw place.refuse(describeValue(value), `one of ${methods.join(', ')}`);
  return method;
}

function readInputs(value: unknown, graph: Signature, place: Place): Pick<Signature, 'inputs'> {
  const specs = new Map(Object.values(graph.inputs).map((spec) => [spec.name, spec]));
  const aliases = readAliases(value, specs, 'graph input', place);
  const mapped = new Set(aliases.map(([, spec]) => spec.name));
  const absent = [...specs.values()].filter(({ name, isOptional }) => !isOptional && !mapped.has(name));
  if (absent.length > 0) {
    throw place.refuse(
      `without ${listNames(absent.map(({ name }) => name))}`,
      'every graph input that has no default',
    );
  }
  return { inputs: Object.fromEntries(aliases) };
}

type Outputs = Pick<Signature, 'outputs' | 'unrepresentableOutputs'>;

function readOutputs(value: unknown, graph: Signature, place: Place): Outputs {
  const known = new Map<string, TensorSpec | string>(Object.entries(graph.unrepresentableOutputs ?? {}));
  for (const spec of Object.values(graph.outputs)) known.set(spec.name, spec);
  const aliases = readAliases(value, known, 'graph output', place);
  if (aliases.length === 0 && known.size > 0) throw place.refuse('empty', 'at least one graph output');
  const tensors = aliases.filter((entry): entry is [string, TensorSpec] => typeof entry[1] !== 'string');
  const others = aliases.filter((entry): entry is [string, string] => typeof entry[1] === 'string');
  // fromEntries, not assignment: `__proto__` is an alias like any other.
  const outputs = Object.fromEntries(tensors);
  return others.length === 0 ? { outputs } : { outputs, unrepresentableOutputs: Object.fromEntries(others) };
}

function pickOutputs({ outputs, unrepresentableOutputs }: Signature): Outputs {
  return unrepresentableOutputs === undefined ? { outputs } : { outputs, unrepresentableOutputs };
}

/** Aliases with what the graph has under the name that each stands for; no name stands there twice. */
function readAliases<T>(
  value: unknown,
  known: ReadonlyMap<string, T>,
  kind: string,
  place: Place,
): [string, T][] {
  const users = new Map<string, string>();
  return entriesOf(value, place).map(([alias, name]) => {
    const found = typeof name === 'string' ? known.get(name) : undefined;
    if (typeof name !== 'string' || found === undefined) {
      throw place
        .at(alias)
        .refuse(describeValue(name), `the name of a ${kind}: ${listNames([...known.keys()])}`);
    }
    const user = users.get(name);
    if (user !== undefined) {
      throw place.at(alias).refuse(quote(name), `another ${kind}, as ${quote(user)} stands for this one`);
    }
    users.set(name, alias);
    return [alias, found];
  });
}

function readClasses(value: unknown, place: Place): readonly string[] {
  if (!Array.isArray(value)) throw place.refuse(describeValue(value), 'an array of strings');
  return value.map((label: unknown, index) => {
    if (typeof label !== 'string') throw place.at(index).refuse(describeValue(label), 'a string');
    return label;
  });
}

function entriesOf(value: unknown, place: Place): [string, unknown][] {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return Object.entries(value);
  throw place.refuse(describeValue(value), 'an object');
}

function listNames(names: readonly string[]): string {
  return names.length === 0 ? '(there is none)' : names.map(quote).join(', ');
}
