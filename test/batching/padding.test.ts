import { batched, type PadValue, type Tensor, type TensorMap, tensor } from 'servable';
import { afterAll, describe, expect, it } from 'vitest';
import { newData } from '#dist/core/dtype.js';
import { openEngine, run } from '../support/engine.js';
import * as authored from '../support/onnx/authored-models.js';
import { passthroughDtypes } from '../support/onnx/authored-models.js';

const bench = openEngine();
afterAll(() => bench.close());

/** `in_<dtype>` [1, width] for each dtype, all elements of which are one and the same. */
function row(width: number, element: number): TensorMap {
  return Object.fromEntries(
    passthroughDtypes.map((dtype): [string, Tensor] => {
      if (dtype === 'string')
        return ['in_string', tensor('string', [1, width], Array(width).fill(`${element}`))];
      const data = newData(dtype, width) as Float64Array;
      return [
        `in_${dtype}`,
        tensor(dtype, [1, width], data.fill((is64(dtype) ? BigInt(element) : element) as number) as never),
      ];
    }),
  );
}

function is64(dtype: string): boolean {
  return dtype === 'int64' || dtype === 'uint64';
}

describe('rows of unequal length, in a real engine', () => {
  it('share a run and come back as they were, whatever their dtype', async () => {
    const rows: number[] = [];
    const servable = batched(await bench.load(authored.passthrough()), {
      padVariableLengthInputs: true,
      numBatchThreads: 1,
      observer: { onRun: (batch) => rows.push(batch.rows) },
    });
    const requests = [row(1, 1), row(3, 0), row(2, 1)];
    const answers = await Promise.all(requests.map((inputs) => run(servable, inputs)));
    for (const [index, answer] of answers.entries()) {
      const asked = Object.entries(requests[index] as TensorMap);
      expect(answer).toEqual(Object.fromEntries(asked.map(([alias, x]) => [alias.replace('in', 'out'), x])));
    }
    expect(rows).toEqual([3]);
  });

  it.each<[string, PadValue, unknown]>([
    ['int64', 7, 7n],
    ['uint64', 7n, 7n],
    ['int8', -1, -1],
    ['bool', true, 1],
    ['float16', 1, 0x3c00],
    ['bfloat16', 1, 0x3f80],
    ['string', '<pad>', '<pad>'],
  ])('are filled up with a %s that was written as %s', async (dtype, padValue, element) => {
    const seen: Tensor[] = [];
    const inner = await bench.load(authored.passthrough([dtype as 'int8']));
    const recording = {
      id: inner.id,
      metadata: inner.metadata,
      signatures: inner.signatures,
      run: (request: Parameters<typeof inner.run>[0]) => {
        const x = request.inputs[`in_${dtype}`] as Tensor;
        seen.push({ ...x, data: x.data.slice() as never });
        return inner.run(request);
      },
      unload: () => inner.unload(),
    };
    const servable = batched(recording, {
      padVariableLengthInputs: true,
      padValue: { [`in_${dtype}`]: padValue },
      numBatchThreads: 1,
    });
    const only = (inputs: TensorMap) => ({ [`in_${dtype}`]: inputs[`in_${dtype}`] as Tensor });
    await Promise.all([run(servable, only(row(1, 1))), run(servable, only(row(2, 1)))]);
    expect(seen[0]?.data[1]).toEqual(element);
  });
});
