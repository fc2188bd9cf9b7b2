import {
  type Classification,
  type DType,
  type Example,
  type Examples,
  ModelServer,
  type MultiInference,
  type Prediction,
  type Regression,
  type ServableState,
  type ServableStatus,
  type ServingError,
  ServingError as ServingErrorClass,
  StaticSource,
  type Tensor,
  tensor,
} from 'servable';
import * as client from 'servable/client';
import { expect, expectTypeOf, it } from 'vitest';

// Most of this is checked by the compiler (npm run typecheck), not by running it.
it('types say what the values are', () => {
  expectTypeOf(tensor('int64', [1], [1n])).toEqualTypeOf<Tensor<'int64'>>();
  expectTypeOf(tensor('int64', [1], [1n]).data).toEqualTypeOf<BigInt64Array>();
  expectTypeOf<Tensor['dtype']>().toEqualTypeOf<DType>();
  expectTypeOf<ModelServer['predict']>().returns.resolves.toEqualTypeOf<Prediction>();
  expectTypeOf<ModelServer['classify']>().returns.resolves.toEqualTypeOf<Classification>();
  expectTypeOf<Classification['results'][number][number]['label']>().toEqualTypeOf<string>();
  expectTypeOf<ModelServer['regress']>().returns.resolves.toEqualTypeOf<Regression>();
  expectTypeOf<Regression['values']>().toEqualTypeOf<readonly number[]>();
  expectTypeOf<ModelServer['multiInference']>().returns.resolves.toEqualTypeOf<MultiInference>();
  const told = (result: MultiInference['results'][number]) =>
    result.method === 'classify' ? result.results.length : result.values.length;
  expectTypeOf(told).returns.toEqualTypeOf<number>();
  expectTypeOf<ModelServer['start']>().returns.resolves.toEqualTypeOf<ModelServer>();
  expectTypeOf<ServableStatus['state']>().toEqualTypeOf<ServableState>();
  expectTypeOf<ServableStatus['error']>().toEqualTypeOf<ServingError | undefined>();
  expectTypeOf<ModelServer>().toExtend<AsyncDisposable>();
});

it('types take examples as plain objects of values, and as tf.Examples', () => {
  const plain: Examples = [
    {
      x: 1,
      y: [1, 2],
      text: 'a',
      texts: ['a', Uint8Array.of(98)],
      flags: [true, 1n],
      pixels: new Uint8Array(4),
    },
    { x: new Float32Array(2), ids: new BigInt64Array(1) },
  ];
  const example: Example = new Map([['x', { kind: 'float', values: [1] }]]);
  expect([...plain, example]).toHaveLength(3);
  // @ts-expect-error nested arrays
  expect([{ x: [[1]] }] satisfies Examples).toHaveLength(1);
  // @ts-expect-error values of several kinds
  expect([{ x: [1, 'a'] }] satisfies Examples).toHaveLength(1);
  // @ts-expect-error null
  expect([{ x: null }] satisfies Examples).toHaveLength(1);
});

it('types refuse what the checks at run time refuse', () => {
  // @ts-expect-error an array of another dtype
  expect(() => tensor('float32', [1], new Int8Array(1))).toThrow();
  // @ts-expect-error a dtype that does not exist
  expect(() => tensor('int4', [1], [1])).toThrow();
  // @ts-expect-error an option that does not exist
  expect(() => new ModelServer({ models: [], nope: 1 })).toThrow();
  const place = { name: 'a', basePath: 'b' };
  // @ts-expect-error a policy that does not exist
  expect(() => new ModelServer({ models: [{ ...place, versionPolicy: 'newest' }] })).toThrow();
  // @ts-expect-error a model without a place
  expect(() => new ModelServer({ models: [{ name: 'a' }] })).toThrow();
  const source = new StaticSource({});
  // @ts-expect-error a model with two places
  expect(() => new ModelServer({ models: [{ ...place, source }] })).toThrow();
  // @ts-expect-error a policy where the source chooses
  expect(() => new ModelServer({ models: [{ name: 'a', source, versionPolicy: { latest: 1 } }] })).toThrow();
});

it('a client answers as a server does, but that it may not know the version', () => {
  type Answer<T> = Omit<T, 'id'>;
  expectTypeOf<Answer<client.Prediction>>().toEqualTypeOf<Answer<Prediction>>();
  expectTypeOf<Answer<client.Classification>>().toEqualTypeOf<Answer<Classification>>();
  expectTypeOf<Answer<client.Regression>>().toEqualTypeOf<Answer<Regression>>();
  expectTypeOf<Answer<client.MultiInference>>().toEqualTypeOf<Answer<MultiInference>>();
  expectTypeOf<client.Prediction['id']>().toEqualTypeOf<client.AnsweringVersion>();
  expectTypeOf<client.Tensor<'int64'>>().toEqualTypeOf<Tensor<'int64'>>();
  expectTypeOf<client.ServableClient['signature']>().returns.resolves.toEqualTypeOf<client.Signature>();
  expect(client.ServingError).toBe(ServingErrorClass);
});
