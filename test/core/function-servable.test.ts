import {
  batched,
  FunctionServable,
  runServable,
  ServingError,
  type Tensor,
  type TensorMap,
  tensor,
} from 'servable';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { deferred } from '#dist/core/deferred.js';
import { rejection } from '../support/rejection.js';

const id = { model: 'half', version: 3 };
const x = (...values: number[]) => ({ x: tensor('float32', [values.length], values) });

/** `x` float32 [batch] → `y` float32 [batch] and `name` string [batch], by what is given. */
function servableOf(run: (inputs: TensorMap, call: { readonly signal: AbortSignal }) => unknown) {
  return new FunctionServable({
    id,
    inputs: { x: { dtype: 'float32', shape: ['batch'] } },
    outputs: { y: { dtype: 'float32', shape: ['batch'] }, name: { dtype: 'string', shape: [null] } },
    run: run as never,
  });
}
const halve = (inputs: TensorMap) => {
  const { shape, data } = inputs.x as Tensor<'float32'>;
  return {
    y: tensor(
      'float32',
      shape,
      data.map((value) => value / 2),
    ),
    name: tensor('string', shape, Array.from(data, String)),
  };
};

describe('a servable that is a function', () => {
  it('answers what is asked for, and nothing else', async () => {
    const servable = servableOf((inputs) => ({ ...halve(inputs), more: 1 }));
    expect(await runServable(servable, x(1, 2), { outputs: ['y'] })).toEqual({
      y: { dtype: 'float32', shape: [2], data: Float32Array.of(0.5, 1) },
    });
    expect(Object.keys(await runServable(servable, x(1)))).toEqual(['y', 'name']);
    expect(servable.signatures.get('serving_default')?.inputs.x).toEqual({
      name: 'x',
      dtype: 'float32',
      shape: ['batch'],
    });
    expect(servable.metadata).toMatchObject({ producer: '', modelVersion: 0n });
  });

  it('knows the types of its tensors', () => {
    new FunctionServable({
      inputs: { id: { dtype: 'int64', shape: [] } },
      outputs: { name: { dtype: 'string', shape: [] } },
      run: ({ id: given }) => {
        expectTypeOf(given.data).toEqualTypeOf<BigInt64Array>();
        return { name: tensor('string', [], ['a']) };
      },
    });
  });

  it('has read the inputs when `run` returns: the caller may change them', async () => {
    const gate = deferred<void>();
    const servable = servableOf(async (inputs) => {
      await gate.promise;
      return halve(inputs);
    });
    const inputs = x(8);
    const answer = runServable(servable, inputs, { outputs: ['y'] });
    inputs.x.data.fill(0);
    gate.resolve();
    expect((await answer).y?.data).toEqual(Float32Array.of(4));
  });

  it('copies bytes that a Buffer holds, too', async () => {
    const gate = deferred<void>();
    const servable = new FunctionServable({
      inputs: { bytes: { dtype: 'uint8', shape: ['n'] } },
      outputs: { same: { dtype: 'uint8', shape: ['n'] } },
      run: async ({ bytes }) => {
        await gate.promise;
        return { same: bytes };
      },
    });
    const data = Buffer.from([1, 2]);
    const answer = runServable(servable, { bytes: { dtype: 'uint8', shape: [2], data } });
    data.fill(9);
    gate.resolve();
    expect([...((await answer).same?.data ?? [])]).toEqual([1, 2]);
  });

  it.each<[string, unknown, string, string]>([
    ['nothing', undefined, 'undefined', 'a tensor: { dtype, shape, data }'],
    ['no such output', {}, 'undefined', 'a tensor: { dtype, shape, data }'],
    ['another dtype', { y: tensor('float64', [1], [1]) }, 'float64', 'float32 [batch]'],
    ['another rank', { y: tensor('float32', [1, 1], [1]) }, 'shape [1,1]', 'float32 [batch]'],
    [
      'too few elements',
      { y: { dtype: 'float32', shape: [2], data: new Float32Array(1) } },
      '1 element of data',
      '2 for shape [2]',
    ],
  ])('fails with INTERNAL where its function returns %s', async (_what, returned, actual, expected) => {
    const error = await rejection(
      runServable(
        servableOf(() => returned),
        x(1),
        { outputs: ['y'] },
      ),
    );
    expect(error).toMatchObject({ code: 'INTERNAL', id, output: 'y', actual, expected });
    expect(error.message).toBe(
      `Cannot run half@3: its function returned ${actual} as "y", expected ${expected}`,
    );
  });

  it('passes the errors of its function on: its own as they are, others as INTERNAL', async () => {
    const quota = new ServingError('RESOURCE_EXHAUSTED', 'No more today');
    const fails = (error: unknown) =>
      rejection(
        runServable(
          servableOf(() => {
            throw error;
          }),
          x(1),
        ),
      );
    expect(await fails(quota)).toBe(quota);
    const cause = new TypeError('x is not y');
    expect(await fails(cause)).toMatchObject({
      code: 'INTERNAL',
      message: 'Cannot run half@3: x is not y',
      cause,
      id,
    });
    expect(await fails('text')).toMatchObject({ code: 'INTERNAL', message: 'Cannot run half@3: text' });
  });

  it('rejects at once when its signal is aborted, and tells the function', async () => {
    const controller = new AbortController();
    const began = deferred<AbortSignal>();
    const servable = servableOf((_inputs, { signal }) => {
      began.resolve(signal);
      return new Promise(() => {}); // a function that does not care
    });
    const answer = rejection(runServable(servable, x(1), { signal: controller.signal }));
    const signal = await began.promise;
    expect(signal.aborted).toBe(false);
    controller.abort('enough');
    expect(await answer).toMatchObject({ code: 'CANCELLED', cause: 'enough' });
    expect(signal.aborted).toBe(true);
  });

  it('is not asked where the signal was aborted before', async () => {
    let calls = 0;
    const servable = servableOf(() => calls++);
    expect(await rejection(runServable(servable, x(1), { signal: AbortSignal.abort() }))).toMatchObject({
      code: 'CANCELLED',
    });
    expect(calls).toBe(0);
  });

  it('leaves no listener on a signal that outlives the run', async () => {
    const listeners = new Set<unknown>();
    const signal = {
      aborted: false,
      reason: undefined,
      addEventListener: (_type: 'abort', listener: unknown) => void listeners.add(listener),
      removeEventListener: (_type: 'abort', listener: unknown) => void listeners.delete(listener),
    };
    await runServable(servableOf(halve), x(1), { signal });
    expect(listeners.size).toBe(0);
  });

  it('ends its runs when it is abandoned, those that come later too', async () => {
    const servable = servableOf(() => new Promise(() => {}));
    const answers = [1, 2].map((value) => rejection(runServable(servable, x(value))));
    const reason = new ServingError('UNAVAILABLE', 'It goes');
    servable.abandon(reason);
    expect(await Promise.all(answers)).toEqual([reason, reason]);
    expect(await rejection(runServable(servable, x(1)))).toBe(reason);
  });

  it('is unloaded although its function cannot give back what it holds', async () => {
    const servable = new FunctionServable({
      inputs: {},
      outputs: {},
      run: () => ({}),
      unload: () => Promise.reject(new Error('no connection')),
    });
    await expect(servable.unload()).resolves.toBeUndefined();
  });

  it('shares runs, and its callers get their own rows', async () => {
    const runs: number[] = [];
    const servable = batched(
      servableOf((inputs) => {
        runs.push(inputs.x?.shape[0] ?? 0);
        return halve(inputs);
      }),
      { maxBatchSize: 8, numBatchThreads: 1 },
    );
    const answers = await Promise.all([x(2), x(4, 6)].map((inputs) => runServable(servable, inputs)));
    expect(answers.map(({ y }) => [...(y?.data ?? [])])).toEqual([[1], [2, 3]]);
    expect(runs).toEqual([3]);
    await servable.unload();
  });

  it.each<[string, object, string, string]>([
    ['options.run', { inputs: {}, outputs: {} }, 'undefined', 'a function'],
    ['inputs', { run: halve, outputs: {} }, 'undefined', 'an object of { dtype, shape } by name'],
    [
      'inputs.x.shape',
      { run: halve, inputs: { x: { dtype: 'bool' } }, outputs: {} },
      'undefined',
      'an array of axes',
    ],
  ])('refuses options without a good %s', (option, options, actual, expected) => {
    expect(() => new FunctionServable(options as never)).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', option, actual, expected }),
    );
  });
});

describe('runServable', () => {
  it('checks what a server checks', async () => {
    const servable = servableOf(halve);
    const fails = async (...args: [TensorMap, object?]) =>
      (await rejection(runServable(servable, ...args))).code;
    expect(await fails({})).toBe('INVALID_ARGUMENT');
    expect(await fails(x(1), { outputs: ['z'] })).toBe('INVALID_ARGUMENT');
    expect(await fails(x(1), { signature: 'other' })).toBe('FAILED_PRECONDITION');
  });
});
