import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Registry } from 'prom-client';
import { expect, it } from 'vitest';
import { counter, gauge, histogram, type Instrument } from '#dist/metrics/instruments/instrument.js';
import { printedName } from '#dist/metrics/instruments/tensorflow-instruments.js';
import { MetricView } from '#dist/metrics/registry/metric-view.js';
import { Family } from '#dist/metrics/series/family.js';
import { samplesOf, typesOf } from '../support/metrics.js';
import { describeShared, sharedFolder } from '../support/shared-folder.js';

interface Case {
  readonly name: string;
  readonly kind: string;
  readonly request: {
    readonly type: Instrument['type'];
    readonly name: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly value?: number;
    readonly buckets?: { readonly exponential: readonly [number, number, number] };
    readonly observations?: readonly number[];
  };
  readonly expect: { readonly text: string };
}

const file = 'cases/tf-serving.json';

describeShared('metrics as TF Serving prints them', [file], () => {
  const all: readonly Case[] = JSON.parse(readFileSync(join(sharedFolder, file), 'utf8'));
  const cases = all.filter(({ kind }) => kind === 'prometheus-encode');

  it.each(cases)('$name', async ({ request, expect: { text } }) => {
    const printed = await print(request);
    expect(samplesOf(printed)).toEqual(samplesOf(text));
    expect(typesOf(printed)).toEqual(typesOf(text));
  });
});

async function print({ type, name, labels, value, buckets, observations = [] }: Case['request']) {
  const names = Object.keys(labels);
  const values = Object.values(labels);
  const registry = new Registry();
  const register = (family: Family) => {
    const view = new MetricView(family.instrument, () => false);
    view.add({ family, labels: {}, refresh: () => {} });
    registry.registerMetric(view as never);
  };
  if (type === 'histogram') {
    const [first, factor, count] = buckets?.exponential ?? [1, 2, 10];
    const options = { first, factor, count, isExclusive: true };
    const family = new Family(histogram(printedName(name), names, { help: 'h', buckets: options }));
    for (const each of observations) family.cell(...values).observe(each);
    register(family);
  } else {
    const family = new Family(
      (type === 'counter' ? counter : gauge)(printedName(name), names, { help: 'h' }),
    );
    family.cell(...values).value += value ?? 0;
    register(family);
  }
  return await registry.metrics();
}
