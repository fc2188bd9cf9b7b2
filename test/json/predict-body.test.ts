import fc from 'fast-check';
import { type DType, ServingError, type Signature, type TensorMap } from 'servable';
import { describe, expect, it } from 'vitest';
import { decodeInputs } from '#dist/json/decode-inputs.js';
import { JsonDocument } from '#dist/json/json-document.js';
import { PredictBody } from '#dist/json/predict-body.js';
import { scanInputs } from '#dist/json/scan-inputs.js';
import { caught } from '../support/caught.js';

/** Seeds that ever failed, of whichever property. */
const failedSeeds: readonly number[] = [878520664];
/** More of them for a long night: SERVABLE_RANDOM_RUNS=100. */
const runs = Number(process.env.SERVABLE_RANDOM_RUNS ?? 1);
const newSeeds = Array.from({ length: runs }, () => Math.floor(Math.random() * 2 ** 31));
const seeds = [...failedSeeds, ...newSeeds];

const noBudget = () => {};
const messageOf = (action: () => unknown) => caught(action).message;

function signature(inputs: Readonly<Record<string, DType>>, optional: readonly string[] = []): Signature {
  const specs = Object.entries(inputs).map(([name, dtype]) => [
    name,
    { name, dtype, shape: [], ...(optional.includes(name) && { isOptional: true }) },
  ]);
  return { name: 'serving_default', method: 'predict', inputs: Object.fromEntries(specs), outputs: {} };
}

function read(text: string | Uint8Array, of: Signature) {
  const body = new PredictBody(Buffer.from(text as string), noBudget);
  const inputs = body.inputs(of);
  return { form: body.form, inputs };
}

/** The quick way and the slow one; the quick one may not know what to do. */
function bothWays(text: string, of: Signature): { quick: TensorMap | undefined; slow: TensorMap } {
  const bytes = Buffer.from(text);
  return {
    quick: scanInputs(bytes, of, noBudget)?.inputs,
    slow: decodeInputs(new JsonDocument(bytes), of, noBudget).inputs,
  };
}

describe('numbers', () => {
  const numbers = fc.oneof(
    fc.double({ noDefaultInfinity: true, noNaN: true }),
    fc.float({ noDefaultInfinity: true, noNaN: true }).map((value) => Number(value.toPrecision(7))),
    fc.integer(),
    fc.maxSafeInteger(),
    fc.double({ min: -1, max: 1, noNaN: true }),
  );
  /** A number in one of the forms that JSON has for it. */
  const literals = fc.tuple(numbers, fc.nat(20)).map(([value, form]) => {
    if (form < 10) return JSON.stringify(value);
    if (form < 14) return value.toExponential().toUpperCase();
    return Number.isInteger(value) && Math.abs(value) < 1e15 ? `${value}.000` : value.toExponential(20);
  });
  const space = fc.constantFrom('', '', '', ' ', '\n', '\t ', '\r\n');

  it.each(seeds)('are those of JSON.parse, in each dtype (seed %i)', (seed) => {
    fc.assert(
      fc.property(fc.array(literals, { minLength: 1, maxLength: 50 }), space, (list, gap) => {
        const text = `{${gap}"inputs"${gap}:${gap}[${list.join(`${gap},${gap}`)}${gap}]${gap}}`;
        const parsed: number[] = JSON.parse(text).inputs;
        const float32 = bothWays(text, signature({ x: 'float32' }));
        const float64 = bothWays(text, signature({ x: 'float64' }));
        expect(float64.slow.x?.data).toEqual(Float64Array.from(parsed));
        expect(float64.quick).toEqual(float64.slow);
        expect(float32.slow.x?.data).toEqual(Float32Array.from(parsed));
        expect(float32.quick).toEqual(float32.slow);
      }),
      { seed, numRuns: 500 },
    );
  });

  it.each(seeds)('beside a tie between two floats go to the right one (seed %i)', (seed) => {
    const ties = fc
      .tuple(
        fc.float({ noDefaultInfinity: true, noNaN: true, min: 2 ** -100, max: 2 ** 100 }),
        fc.integer({ min: -3, max: 3 }),
      )
      .map(([value, units]) => {
        const bits = new Uint32Array(Float32Array.of(value).buffer);
        const next = new Float32Array(Uint32Array.of((bits[0] as number) + 1).buffer)[0] as number;
        const middle = new Float64Array([(value + next) / 2]);
        const words = new BigInt64Array(middle.buffer);
        words[0] = (words[0] as bigint) + BigInt(units);
        return (middle[0] as number).toPrecision(21);
      });
    fc.assert(
      fc.property(ties, (literal) => {
        const { quick } = bothWays(`{"inputs":[${literal}]}`, signature({ x: 'float32' }));
        expect(quick?.x?.data).toEqual(Float32Array.of(Number(literal)));
      }),
      { seed, numRuns: 1000 },
    );
  });

  it.each<[DType, string, readonly (number | bigint)[]]>([
    [
      'int64',
      '[9223372036854775807, -9223372036854775808, 9007199254740993, -1, 4294967296]',
      [9223372036854775807n, -9223372036854775808n, 9007199254740993n, -1n, 4294967296n],
    ],
    [
      'int64',
      '[-4294967297, 0, 999999999999999, -999999999999999]',
      [-4294967297n, 0n, 999999999999999n, -999999999999999n],
    ],
    ['uint64', '[18446744073709551615, 0]', [18446744073709551615n, 0n]],
    ['uint32', '[4294967295, 0]', [4294967295, 0]],
    ['int32', '[2147483647, -2147483648]', [2147483647, -2147483648]],
    ['uint8', '[300, -1, 255]', [44, 255, 255]],
    ['int8', '[200, -129]', [-56, 127]],
    [
      'float32',
      '[1e39, -1e39, 1e-50, -1e-50, 3.4028235e38]',
      [Infinity, -Infinity, 0, -0, 3.4028234663852886e38],
    ],
    ['float32', '[NaN, Inf, -Infinity, -Inf, Infinity]', [NaN, Infinity, -Infinity, -Infinity, Infinity]],
    [
      'float64',
      '[0.1, 1e308, 5e-324, 123456789012345678, 1e-400]',
      [0.1, 1e308, 5e-324, 12345678901234568e1, 0],
    ],
    ['float16', '[1, 65504, 65520, 0.1]', [0x3c00, 0x7bff, 0x7c00, 0x2e66]],
    ['bfloat16', '[1, 3.14159]', [0x3f80, 0x4049]],
  ])('of %s: %s', (dtype, list, wanted) => {
    const { inputs } = read(`{"inputs": ${list}}`, signature({ x: dtype }));
    expect(Array.from(inputs.x?.data as ArrayLike<unknown>)).toEqual(wanted);
  });

  it.each<[DType, string]>([
    ['int32', '1.0'],
    ['int32', '1e2'],
    ['int32', '2147483648'],
    ['uint32', '-1'],
    ['int64', '9223372036854775808'],
    ['uint64', '18446744073709551616'],
    ['uint64', `1${'0'.repeat(1_000_000)}`.slice(0, 300)],
    ['float32', '"1"'],
    ['float32', 'null'],
    ['float32', 'true'],
    ['bool', '1'],
    ['string', '1'],
  ])('%s is not read from %s', (dtype, value) => {
    const error = messageOf(() => read(`{"inputs": [${value}]}`, signature({ x: dtype })));
    expect(error).toMatch(/^JSON Value: .+ Type: \w+ is not of expected type: \w+$/);
  });
});

describe('both ways of reading', () => {
  const shapes = fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 4 });
  /** Nested lists, here and there not as they should be. */
  const nested = (shape: readonly number[]): fc.Arbitrary<unknown> => {
    const [size, ...inner] = shape;
    const odd = fc.constantFrom<unknown>(null, 'a', [], [1], {}, true, [[2]], { b64: 'AA==' });
    if (size === undefined) {
      return fc.oneof(
        { weight: 60, arbitrary: fc.integer({ min: -9, max: 9 }) },
        { weight: 1, arbitrary: odd },
      );
    }
    const list = fc.array(nested(inner), { minLength: size, maxLength: size });
    return fc.oneof({ weight: 60, arbitrary: list }, { weight: 1, arbitrary: odd });
  };
  const bodies = fc.oneof(
    shapes.chain((shape) => nested(shape)).map((inputs) => ({ inputs })),
    shapes.chain((shape) => fc.array(nested(shape), { maxLength: 4 })).map((instances) => ({ instances })),
    fc
      .tuple(shapes, shapes)
      .chain(([x, y]) => fc.array(fc.record({ x: nested(x), y: nested(y) }), { minLength: 1, maxLength: 4 }))
      .map((instances) => ({ instances, signature_name: 'serving_default' })),
    fc.record({ x: shapes.chain(nested), y: shapes.chain(nested) }).map((inputs) => ({ inputs, other: 1 })),
  );

  it.each(seeds)('say the same, or the quick one says nothing (seed %i)', (seed) => {
    let quickly = 0;
    fc.assert(
      fc.property(bodies, fc.constantFrom<DType>('float32', 'int32', 'int64'), (body, dtype) => {
        const text = JSON.stringify(body);
        const of = text.includes('"y"') ? signature({ x: dtype, y: dtype }) : signature({ x: dtype });
        const bytes = Buffer.from(text);
        const quick = scanInputs(bytes, of, noBudget);
        if (quick === undefined) return;
        quickly++;
        expect(quick).toEqual(decodeInputs(new JsonDocument(bytes), of, noBudget));
      }),
      { seed, numRuns: 1000 },
    );
    expect(quickly).toBeGreaterThan(100);
  });

  it.each(seeds)('refuse what JSON.parse refuses (seed %i)', (seed) => {
    const characters = fc.constantFrom(...'[]{},:"0123456789.eE+-ntrufalse ab\\'.split(''));
    const change = fc.record({
      at: fc.nat(40),
      remove: fc.nat(2),
      insert: fc.array(characters, { maxLength: 2 }),
    });
    fc.assert(
      fc.property(bodies, fc.array(change, { minLength: 1, maxLength: 3 }), (body, changes) => {
        let text = JSON.stringify(body);
        for (const { at, remove, insert } of changes) {
          text = text.slice(0, at) + insert.join('') + text.slice(at + remove);
        }
        const of = signature({ x: 'float32' });
        if (!isRead(text, of)) return;
        expect(beginsWithJson(text)).toBe(true); // what stands behind the value is not looked at
      }),
      { seed, numRuns: 1000 },
    );
  });
});

function isRead(text: string, of: Signature): boolean {
  try {
    read(text, of);
    return true;
  } catch (error) {
    expect(error).toBeInstanceOf(ServingError);
    return false;
  }
}

/** True where the beginning of a text is JSON. */
function beginsWithJson(text: string): boolean {
  for (let end = text.length; end > 0; end--) {
    if (text[end - 1] !== '}') continue;
    try {
      JSON.parse(text.slice(0, end));
      return true;
    } catch {}
  }
  return false;
}

describe('a body', () => {
  const x = signature({ x: 'float32' });

  it.each([
    ['behind a byte-order mark', Buffer.concat([Buffer.of(0xef, 0xbb, 0xbf), Buffer.from('{"inputs":1}')])],
    ['with text behind it', '{"inputs":1} and more }'],
    ['with a name before', '{"signature_name":"a","inputs":1}'],
    ['with what nobody asked for', '{"a":{"b":[{}]},"inputs":1,"c":null}'],
    ['with its key in escapes', '{"\\u0069nputs":1}'],
    ['with its key twice', '{"inputs":1,"inputs":"two"}'],
  ])('%s is read', (_what, text) => {
    expect(read(text, x).inputs.x).toEqual({ dtype: 'float32', shape: [], data: Float32Array.of(1) });
  });

  it.each([
    ['{"signature_name":"a b","inputs":1}', 'a b'],
    [' { "signature_name" : "ä","inputs":1}', 'ä'],
    ['{"inputs":1,"signature_name":"late"}', 'late'],
    ['{"inputs":1,"signature_n\\u0061me":"hidden"}', 'hidden'],
    ['{"signature_name":"one","signature_name":"two"}', 'one'],
    ['{"inputs":["signature_name"]}', undefined],
    ['{"inputs":1}', undefined],
  ])('%s names its signature', (text, name) => {
    expect(new PredictBody(Buffer.from(text), noBudget).signatureName()).toBe(name);
  });

  it('may be nested 500,000 deep where nobody looks', () => {
    const deep = '['.repeat(500_000) + ']'.repeat(500_000);
    expect(read(`{"a":${deep},"inputs":[1]}`, x).inputs.x?.shape).toEqual([1]);
  });

  it('that is nested 500,000 deep becomes a tensor of that many axes', () => {
    const deep = `${'['.repeat(500_000)}1${']'.repeat(500_000)}`;
    expect(read(`{"inputs":${deep}}`, x).inputs.x?.shape.length).toBe(500_000);
  });

  it('that is nested more than 1,000,000 deep is refused', () => {
    const deep = '['.repeat(1_000_001) + ']'.repeat(1_000_001);
    expect(messageOf(() => read(`{"inputs":${deep}}`, x))).toContain('nested more than 1000000 deep');
  });

  it('may leave out an input that has a default, in all rows or in none', () => {
    const of = signature({ x: 'float32', scale: 'float32' }, ['scale']);
    expect(read('{"instances":[1,2]}', of).inputs).toEqual(
      read('{"instances":[{"x":1},{"x":2}]}', of).inputs,
    );
    expect(Object.keys(read('{"inputs":{"x":1,"scale":2}}', of).inputs)).toEqual(['x', 'scale']);
    expect(messageOf(() => read('{"instances":[{"x":1,"scale":1},{"x":2}]}', of))).toContain(
      'keys must be equal to: x',
    );
  });

  it.each([
    ['{"inputs":["a","\\u00e4\\n\\"\\\\\\/\\b\\f\\r\\t","\\ud83d\\ude00"]}', ['a', 'ä\n"\\/\b\f\r\t', '😀']],
    ['{"inputs":["",{"b64":"AP8="}]}', [Buffer.of(), Buffer.of(0, 255)]],
    ['{"inputs":{"b64":"AP8"}}', [Buffer.of(0, 255)]],
    ['{"inputs":{"b64":" A P\\n8 = "}}', [Buffer.of(0, 255)]],
  ])('of strings: %s', (text, wanted) => {
    const { data } = read(text, signature({ x: 'string' })).inputs.x ?? {};
    expect(
      Array.from(data as readonly unknown[], (each) =>
        typeof each === 'string' ? each : Buffer.from(each as Uint8Array),
      ),
    ).toEqual(wanted);
  });

  it.each(['constructor', '__proto__', 'toString'])('may have an input called %s', (name) => {
    const of = signature({ x: 'float32', [name]: 'float32' });
    const rows = `{"instances":[{"x":1,"${name}":[2,3]},{"x":4,"${name}":[5,6]}]}`;
    const columns = `{"inputs":{"x":[1,4],"${name}":[[2,3],[5,6]]}}`;
    for (const text of [rows, columns]) {
      const { quick, slow } = bothWays(text, of);
      expect(Object.entries(slow).map(([input, { shape }]) => [input, shape])).toEqual([
        ['x', [2]],
        [name, [2, 2]],
      ]);
      expect(Object.entries(quick ?? {})).toEqual(Object.entries(slow));
    }
  });

  it('keeps the bytes of a string that is no UTF-8', () => {
    const body = Buffer.concat([Buffer.from('{"inputs":["'), Buffer.of(0xff, 0x41), Buffer.from('"]}')]);
    const { data } = read(body, signature({ x: 'string' })).inputs.x ?? {};
    expect(data).toEqual([Uint8Array.of(0xff, 0x41)]);
  });

  it.each([
    ['{"inputs":{"b64":"A"}}', 'Unable to base64 decode'],
    ['{"inputs":{"b64":"A*=="}}', 'Unable to base64 decode'],
    ['{"inputs":[{"b64":"AA==","c":1}]}', 'not formatted correctly for base64 data'],
    ['{"inputs":[["a","b"],["c"]]}', 'Encountered list at unexpected size: 1 at level: 1 expected size: 2'],
    ['{"inputs":["a",["b"]]}', 'Encountered list at unexpected level: 1 expected < 1'],
    ['{"inputs":[["a"],["b",1,"c"]]}', 'Encountered list at unexpected size: 3 at level: 1 expected size: 1'],
    ['{"instances":[{"x":"a","x":"b"}]}', 'has named input twice: x'],
    [
      '{"instances":[["a"],["b","c"]]}',
      "Failed to process element: 1 of 'instances' list. Error: INVALID_ARGUMENT: Expecting tensor size: 1 but got: 2",
    ],
    ['{"instances":[{"y":1}]}', 'JSON object: does not have named input: y'],
    ['{"instances":[{}]}', 'keys must be equal to: x'],
    ['{"instances":[]}', "No values in 'instances' array"],
    ['{"inputs":1,"instances":[1]}', "expecting only one of 'inputs' or 'instances' keys to exist "],
  ])('%s is refused', (text, why) => {
    expect(messageOf(() => read(text, signature({ x: 'string' })))).toContain(why);
  });

  it('takes memory for its elements, and gives up where there is none', () => {
    let taken = 0;
    const take = (bytes: number) => {
      taken += bytes;
      if (taken > 1000) throw new ServingError('RESOURCE_EXHAUSTED', 'too much');
    };
    const many = JSON.stringify({ inputs: Array(1000).fill(1) });
    expect(messageOf(() => new PredictBody(Buffer.from(many), take).inputs(x))).toBe('too much');
  });
});
