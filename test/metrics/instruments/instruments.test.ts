import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { counter, type Instrument } from '#dist/metrics/instruments/instrument.js';
import { instruments } from '#dist/metrics/instruments/instruments.js';
import { Family } from '#dist/metrics/series/family.js';

const all = Object.values<Instrument>(instruments);

/** Source: TF Serving's own names, labels and buckets: `[labels, type, first bound, factor, bounds]`. */
const ofTensorFlow: Readonly<Record<string, readonly [string, string, string?]>> = {
  ':tensorflow:serving:request_count': ['model_name,status', 'counter'],
  ':tensorflow:serving:request_latency': ['model_name,API,entrypoint', 'histogram', '10 1.8 33'],
  ':tensorflow:serving:runtime_latency': ['model_name,API,runtime', 'histogram', '10 1.8 33'],
  ':tensorflow:serving:request_example_counts': ['model', 'histogram', '1 2 15'],
  ':tensorflow:serving:request_example_count_total': ['model', 'counter'],
  ':tensorflow:serving:model_warmup_latency': ['model_path,status', 'histogram', '10 1.8 33'],
  ':tensorflow:serving:model_warmup_records_read': ['model_path,status', 'counter'],
  ':tensorflow:serving:request_log_count': ['model_name,status_code', 'counter'],
  ':tensorflow:serving:mlmd_map': ['model_name,version', 'gauge'],
  ':tensorflow:serving:batching_session:queuing_latency': ['thread_pool_name', 'histogram', '100 1.2 52'],
  ':tensorflow:serving:batching_session:wrapped_run_count': ['', 'counter'],
  ':tensorflow:serving:batching_session:padding_size': ['execution_batch_size', 'histogram', '1 2 14'],
  ':tensorflow:serving:batching_session:input_batch_size': ['', 'histogram', '1 2 14'],
  ':tensorflow:serving:batching_session:processed_batch_size': ['', 'histogram', '1 2 14'],
  ':tensorflow:core:graph_runs': ['', 'counter'],
  ':tensorflow:core:graph_run_time_usecs': ['', 'counter'],
  ':tensorflow:core:graph_run_time_usecs_histogram': ['', 'histogram', '1000 2 20'],
  ':tensorflow:cc:saved_model:load_attempt_count': ['model_path,status', 'counter'],
  ':tensorflow:cc:saved_model:load_latency': ['model_path', 'counter'],
};

describe('the table of instruments', () => {
  it.each(Object.entries(ofTensorFlow))('has %s as TF Serving has it', (name, [labels, type, buckets]) => {
    const found = all.find((instrument) => instrument.name === name);
    expect(found?.labels.join()).toBe(labels);
    expect(found?.type).toBe(type);
    const [first = 0, second = 0] = found?.buckets?.bounds ?? [];
    const growth =
      buckets && `${first} ${Number((second / first).toFixed(3))} ${found?.buckets?.bounds.length}`;
    expect(growth).toBe(buckets);
  });

  it('names every instrument once, and says what it is', () => {
    expect(new Set(all.map(({ name }) => name)).size).toBe(all.length);
    for (const { name, help } of all) expect(help, name).toMatch(/\.$/);
  });

  it('names its own as Prometheus advises: a prefix, a base unit, `_total` on counters alone', () => {
    for (const { name, type, unit } of all.filter((each) => !each.name.startsWith(':tensorflow:'))) {
      expect(name).toMatch(/^servable_[a-z_]+$/);
      expect(name.endsWith('_total')).toBe(type === 'counter');
      if (['seconds', 'bytes'].includes(unit)) expect(name).toContain(unit);
    }
  });

  it('is what the documentation says', () => {
    const text = readFileSync(new URL('../../../docs/metrics.md', import.meta.url), 'utf8');
    const rows = [...text.matchAll(/^\| `([:\w]+)` *\| (\w+) *\| ([^|]*)\| ([^|]*)\| ([^|]*)\|$/gm)];
    const documented = rows.map((row) => row.slice(1).map((cell) => cell.trim()));
    const wanted = all.map(({ name, type, labels, unit, help }) => [
      name,
      type,
      labels.map((label) => `\`${label}\``).join(', '),
      unit,
      help.replace(/\.$/, ''),
    ]);
    expect(documented).toEqual(wanted);
  });
});

describe('a family', () => {
  it('counts what is one series too many as one', () => {
    const family = new Family(counter('c', ['a', 'b'], { help: 'h', maxSeries: 2 }));
    for (const value of ['1', '2', '3', '4']) family.cell(value, 'x').value++;
    family.cell('1', 'x').value++;
    expect([...family.series].map(({ labels, cell }) => [labels, cell.value])).toEqual([
      [{ a: '1', b: 'x' }, 2],
      [{ a: '2', b: 'x' }, 1],
      [{ a: '(other)', b: '(other)' }, 2],
    ]);
  });

  it('forgets what is gone', () => {
    const family = new Family(counter('c', ['model'], { help: 'h' }));
    family.cell('old').value++;
    family.cell('new').value++;
    family.forget(({ model }) => model === 'old');
    expect([...family.series].map(({ labels }) => labels)).toEqual([{ model: 'new' }]);
  });
});
