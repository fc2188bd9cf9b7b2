import { type Tensor, tensor } from 'servable';
import { describe, expect, it } from 'vitest';
import { graphEntries, RunGraphs } from '#dist/runner/graphs/run-graphs.js';

const fed = (given: Tensor) => [{ nativeName: 1n, tensor: given }];
const rows = (count: number) => fed(tensor('float32', [count, 2], new Float32Array(2 * count)));
const y = [{ nativeName: 9n, kind: 'tensor' as const }];

describe('recorded runs', () => {
  it('have a number for each shape and choice of outputs', () => {
    const graphs = new RunGraphs(0);
    expect([rows(1), rows(2), rows(1), rows(4), rows(2)].map((inputs) => graphs.idOf(inputs, y))).toEqual([
      0, 1, 0, 2, 1,
    ]);
    expect(graphs.idOf(rows(1), [...y, { nativeName: 8n, kind: 'tensor' }])).toBe(3);
  });

  it('are so many and no more: the memory of each stays taken', () => {
    const graphs = new RunGraphs(0);
    const ids = Array.from({ length: 70 }, (_, index) => graphs.idOf(rows(index + 1), y));
    expect(ids.slice(0, 64)).toEqual(Array.from({ length: 64 }, (_, index) => index));
    expect(ids.slice(64)).toEqual(new Array(6).fill(undefined));
    expect(graphs.idOf(rows(1), y)).toBe(0);
  });

  it('are not of strings, of nothing, or of what is no tensor', () => {
    const graphs = new RunGraphs(0);
    expect(graphs.idOf(fed(tensor('string', [1], ['a'])), y)).toBeUndefined();
    expect(graphs.idOf(rows(0), y)).toBeUndefined();
    expect(graphs.idOf(rows(1), [{ nativeName: 9n, kind: 'map-rows' }])).toBeUndefined();
  });

  it('are told to CUDA by their number; the others not to be recorded', () => {
    expect(graphEntries(3)).toEqual({ gpu_graph_id: '3' });
    expect(graphEntries(undefined)).toEqual({ gpu_graph_id: '-1' });
  });
});
