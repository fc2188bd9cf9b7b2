import { describe, expect, it } from 'vitest';
import type { Signature, TensorSpec } from '#dist/core/signature.js';
import { parseSignatures } from '#dist/core/signature-json.js';
import { caught } from '../support/caught.js';

const image: TensorSpec = { name: 'image', dtype: 'float32', shape: [null, 784] };
const gain: TensorSpec = { name: 'gain', dtype: 'float32', shape: [], isOptional: true };
const label: TensorSpec = { name: 'label', dtype: 'int64', shape: [null] };
const scores: TensorSpec = { name: 'scores', dtype: 'float32', shape: [null, 10] };
const graph: Signature = {
  name: 'serving_default',
  method: 'predict',
  inputs: { image, gain },
  outputs: { label, scores },
  unrepresentableOutputs: { extra: 'an optional' },
};

const parse = (value: unknown) => parseSignatures(JSON.stringify(value), graph, 'signatures.json');

describe('parseSignatures', () => {
  it('gives the graph as serving_default where nothing is defined', () => {
    expect([...parse({})]).toEqual([['serving_default', graph]]);
  });

  it('reads method, aliases and classes', () => {
    const signatures = parse({
      digit: {
        method: 'classify',
        inputs: { pixels: 'image' },
        outputs: { p: 'scores' },
        classes: ['0', '1'],
      },
    });
    expect([...signatures.keys()]).toEqual(['serving_default', 'digit']);
    expect(signatures.get('digit')).toEqual({
      name: 'digit',
      method: 'classify',
      inputs: { pixels: image },
      outputs: { p: scores },
      classes: ['0', '1'],
    });
  });

  it('takes method, inputs and outputs from the graph where they are left out', () => {
    expect(parse({ same: {} }).get('same')).toEqual({ ...graph, name: 'same' });
  });

  it('lets a definition replace serving_default', () => {
    const signatures = parse({ serving_default: { outputs: { y: 'label' } } });
    expect(signatures.size).toBe(1);
    expect(signatures.get('serving_default')?.outputs).toEqual({ y: label });
  });

  it('lists an output that is no tensor under its alias', () => {
    expect(parse({ s: { outputs: { o: 'extra', y: 'label' } } }).get('s')).toMatchObject({
      outputs: { y: label },
      unrepresentableOutputs: { o: 'an optional' },
    });
  });

  it.each(['__proto__', 'constructor', '1', 'a/b:0', '', 'ü "x"'])('takes %j for an alias', (alias) => {
    const json = `{"s":{"inputs":{${JSON.stringify(alias)}:"image"},"outputs":{${JSON.stringify(alias)}:"label"}}}`;
    const signed = parseSignatures(json, graph, 'signatures.json').get('s') as Signature;
    expect(Object.entries(signed.inputs)).toEqual([[alias, image]]);
    expect(Object.entries(signed.outputs)).toEqual([[alias, label]]);
  });

  it('takes __proto__ for a name', () => {
    expect([...parseSignatures('{"__proto__":{}}', graph, 'f').keys()]).toEqual([
      'serving_default',
      '__proto__',
    ]);
  });

  it('passes over a byte order mark', () => {
    expect(parseSignatures('\uFEFF{}', graph, 'f').size).toBe(1);
  });

  const inputNames = 'the name of a graph input: "image", "gain"';
  const outputNames = 'the name of a graph output: "extra", "label", "scores"';
  it.each<[string, unknown, string, string, string]>([
    ['a list', [], 'it', 'an array', 'an object'],
    ['null', null, 'it', 'null', 'an object'],
    [
      'an empty name',
      { '': {} },
      '[""]',
      'an empty name',
      'a name, as an empty one stands for serving_default',
    ],
    ['a signature in words', { s: 'x' }, 's', '"x"', 'an object'],
    ['an unknown key', { s: { input: {} } }, 's.input', 'unknown', 'one of method, inputs, outputs, classes'],
    ['an unknown method', { s: { method: 'run' } }, 's.method', '"run"', 'one of predict, classify, regress'],
    ['null for a method', { s: { method: null } }, 's.method', 'null', 'one of predict, classify, regress'],
    ['inputs in a list', { s: { inputs: ['image'] } }, 's.inputs', 'an array', 'an object'],
    ['an unknown input', { s: { inputs: { x: 'img' } } }, 's.inputs.x', '"img"', inputNames],
    ['an input that is a number', { s: { inputs: { x: 1 } } }, 's.inputs.x', '1', inputNames],
    ['an output for an input', { s: { inputs: { x: 'label' } } }, 's.inputs.x', '"label"', inputNames],
    [
      'an input twice',
      { s: { inputs: { x: 'image', 'y z': 'image' } } },
      's.inputs["y z"]',
      '"image"',
      'another graph input, as "x" stands for this one',
    ],
    [
      'a required input left out',
      { s: { inputs: { k: 'gain' } } },
      's.inputs',
      'without "image"',
      'every graph input that has no default',
    ],
    ['an unknown output', { s: { outputs: { y: 'toString' } } }, 's.outputs.y', '"toString"', outputNames],
    [
      'an output twice',
      { s: { outputs: { y: 'label', z: 'label' } } },
      's.outputs.z',
      '"label"',
      'another graph output, as "y" stands for this one',
    ],
    ['no outputs', { s: { outputs: {} } }, 's.outputs', 'empty', 'at least one graph output'],
    ['classes in words', { 'a-b': { classes: 'x' } }, '["a-b"].classes', '"x"', 'an array of strings'],
    ['a class that is a number', { s: { classes: ['a', 1] } }, 's.classes[1]', '1', 'a string'],
  ])('refuses %s', (_reason, value, path, actual, expected) => {
    const error = caught(() => parse(value));
    expect(error).toMatchObject({ code: 'FAILED_PRECONDITION', actual, expected });
    expect(error.message).toBe(
      `Cannot read signatures from signatures.json: ${path} is ${actual}, expected ${expected}`,
    );
  });

  it('refuses what is not JSON, and says where it broke off', () => {
    const error = caught(() => parseSignatures('{"s": ', graph, '/models/digits/1/signatures.json'));
    expect(error.code).toBe('FAILED_PRECONDITION');
    expect(error.message).toMatch(
      /^Cannot read signatures from \/models\/digits\/1\/signatures\.json: it is no JSON \(.+\), expected an object of signatures by name$/,
    );
    expect(error.cause).toBeInstanceOf(SyntaxError);
  });
});
