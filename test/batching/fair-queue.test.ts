import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FairQueue, type QueueEntry } from '#dist/batching/fair-queue.js';
import { Flow } from '#dist/batching/flow.js';

interface Batch extends QueueEntry {
  readonly name: string;
}

/** A queue, and what comes out of it, by name, each batch taking so long. */
function bench(runMicros: (batch: Batch) => number = () => 100) {
  const queue = new FairQueue();
  const order: string[] = [];
  const put = (flow: Flow, name: string, priority = 0): Batch => {
    const entry: Batch = { flow, name, priority, abandon: () => {} };
    queue.enqueue(
      async () => {
        const charge = flow.start();
        order.push(name);
        flow.finish(runMicros(entry), charge);
      },
      { entry },
    );
    return entry;
  };
  const take = (count = queue.size) => {
    for (let taken = 0; taken < count; taken++) void queue.dequeue()?.();
    return order.splice(0);
  };
  return { queue, put, take };
}

describe('FairQueue', () => {
  it('gives out the batches of one flow in the order of their coming', () => {
    const { put, take } = bench();
    const flow = new Flow('a');
    for (const name of ['1', '2', '3']) put(flow, name);
    expect(take()).toEqual(['1', '2', '3']);
  });

  it('lets a quiet flow go before the rest of a busy one', () => {
    const { put, take } = bench();
    const [busy, quiet] = [new Flow('busy'), new Flow('quiet')];
    for (let batch = 0; batch < 5; batch++) put(busy, `busy ${batch}`);
    expect(take(2)).toEqual(['busy 0', 'busy 1']);
    put(quiet, 'quiet');
    expect(take(2)).toEqual(['quiet', 'busy 2']);
  });

  it('shares time, not turns, between flows whose batches take unequally long', () => {
    const { put, take } = bench(({ name }) => (name === 'slow' ? 1000 : 100));
    const [slow, fast] = [new Flow('slow'), new Flow('fast')];
    for (let batch = 0; batch < 100; batch++) {
      put(slow, 'slow');
      put(fast, 'fast');
    }
    const order = take(66);
    const count = (name: string) => order.filter((it) => it === name).length;
    expect(count('fast') / count('slow')).toBeGreaterThan(8);
    expect(count('fast') / count('slow')).toBeLessThan(12);
  });

  it('does not let a flow that had nothing to do save up its share', () => {
    const { put, take } = bench();
    const [busy, idle] = [new Flow('busy'), new Flow('idle')];
    put(idle, 'idle');
    for (let batch = 0; batch < 50; batch++) put(busy, 'busy');
    take(40);
    for (let batch = 0; batch < 10; batch++) put(idle, 'idle');
    expect(take(8).filter((name) => name === 'idle').length).toBeLessThanOrEqual(5);
  });

  it('gives out higher priorities first', () => {
    const { put, take } = bench();
    const flow = new Flow('a');
    for (const priority of [0, 5, -3, 5, 1]) put(flow, String(priority), priority);
    expect(take()).toEqual(['5', '5', '1', '0', '-3']);
  });

  it('lets a lower priority go when it was passed over 16 times', () => {
    const { put, take } = bench();
    const flow = new Flow('a');
    put(flow, 'low', -1);
    put(flow, 'middle', 0);
    for (let batch = 0; batch < 40; batch++) put(flow, 'high', 1);
    const order = take();
    expect(order.indexOf('middle')).toBe(16);
    expect(order.indexOf('low')).toBe(17);
  });

  it('forgets a batch that is discarded, and only that one', () => {
    const { queue, put, take } = bench();
    const [a, b] = [new Flow('a'), new Flow('b')];
    const gone = put(a, 'gone', 1);
    put(b, 'stays', 1);
    put(a, 'stays too');
    queue.discard(gone);
    queue.discard(gone);
    expect(queue.size).toBe(2);
    expect(queue.entries().length).toBe(2);
    expect(take()).toEqual(['stays', 'stays too']);
    expect(queue.dequeue()).toBeUndefined();
  });

  it('loses nothing, gives out nothing twice, and passes nobody over for ever', () => {
    const action = fc.record({
      take: fc.boolean(),
      flow: fc.nat(3),
      priority: fc.integer({ min: -2, max: 2 }),
      micros: fc.nat(1000),
    });
    fc.assert(
      fc.property(fc.array(action, { maxLength: 300 }), (actions) => {
        const micros = new Map<string, number>();
        const { queue, put, take } = bench(({ name }) => micros.get(name) ?? 0);
        const flows = [0, 1, 2, 3].map((name) => new Flow(String(name)));
        const [came, went]: [string[], string[]] = [[], []];
        for (const [index, it] of actions.entries()) {
          if (it.take && queue.size > 0) went.push(...take(1));
          else {
            micros.set(String(index), it.micros);
            put(flows[it.flow] as Flow, String(index), it.priority);
            came.push(String(index));
          }
        }
        went.push(...take());
        expect(went.sort()).toEqual(came.sort());
        expect(queue.size).toBe(0);
      }),
    );
  });
});
