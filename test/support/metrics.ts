/** What a text of Prometheus holds: values by name and labels, `name{a="1",b="2"}`, the labels in alphabetical order. */
export type Samples = ReadonlyMap<string, number>;

/** Reads the text format, or OpenMetrics, as far as ours goes: exemplars are left out. */
export function samplesOf(text: string): Samples {
  const samples = new Map<string, number>();
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    const [, name = '', labels = '', value = ''] =
      /^([^{ ]+)(?:\{((?:[^"}]|"(?:[^"\\]|\\.)*")*)\})? (\S+)/.exec(line) ?? [];
    samples.set(keyOf(name, labels), Number(value.replace('Inf', 'Infinity')));
  }
  return samples;
}

function keyOf(name: string, labels: string): string {
  const pairs = labels.match(/[a-zA-Z_]\w*="(?:[^"\\]|\\.)*"/g) ?? [];
  return pairs.length === 0 ? name : `${name}{${pairs.sort().join(',')}}`;
}

/** The values of one metric, by what stands between the braces. */
export function valuesOf(samples: Samples, name: string): Readonly<Record<string, number>> {
  const entries = [...samples].flatMap(([key, value]) => {
    if (key === name) return [['', value] as const];
    return key.startsWith(`${name}{`) ? [[key.slice(name.length + 1, -1), value] as const] : [];
  });
  return Object.fromEntries(entries);
}

/** The types that the text gives to metrics, by their names. */
export function typesOf(text: string): ReadonlyMap<string, string> {
  return new Map(
    [...text.matchAll(/^# TYPE (\S+) (\w+)$/gm)].map((match) => [match[1] as string, match[2] as string]),
  );
}
