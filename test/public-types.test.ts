import {
  type DType,
  ModelServer,
  type Prediction,
  type ServableState,
  type ServableStatus,
  type ServingError,
  type Tensor,
  tensor,
} from 'servable';
import { expect, expectTypeOf, it } from 'vitest';

// Most of this is checked by the compiler (npm run typecheck), not by running it.
it('types say what the values are', () => {
  expectTypeOf(tensor('int64', [1], [1n])).toEqualTypeOf<Tensor<'int64'>>();
  expectTypeOf(tensor('int64', [1], [1n]).data).toEqualTypeOf<BigInt64Array>();
  expectTypeOf<Tensor['dtype']>().toEqualTypeOf<DType>();
  expectTypeOf<ModelServer['predict']>().returns.resolves.toEqualTypeOf<Prediction>();
  expectTypeOf<ModelServer['start']>().returns.resolves.toEqualTypeOf<ModelServer>();
  expectTypeOf<ServableStatus['state']>().toEqualTypeOf<ServableState>();
  expectTypeOf<ServableStatus['error']>().toEqualTypeOf<ServingError | undefined>();
  expectTypeOf<ModelServer>().toExtend<AsyncDisposable>();
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
});
