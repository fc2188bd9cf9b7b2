import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Instrument } from '#dist/metrics/instruments/instrument.js';
import { instruments } from '#dist/metrics/instruments/instruments.js';
import { missingForPrometheus } from './support/prometheus.js';

const folder = fileURLToPath(new URL('../examples/prometheus', import.meta.url));
const read = (file: string) => readFileSync(join(folder, file), 'utf8');

interface Panel {
  readonly id: number;
  readonly title: string;
  readonly type: string;
  readonly description?: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[];
  readonly fieldConfig?: { readonly defaults: { readonly unit?: string } };
}

interface Dashboard {
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly { readonly query: string | { readonly query: string } }[] };
  readonly annotations: { readonly list: readonly { readonly expr: string }[] };
}

const dashboard: Dashboard = JSON.parse(read('grafana-dashboard.json'));
const rules = read('rules.yml');
const namesOf = (kind: 'record' | 'alert') =>
  [...rules.matchAll(new RegExp(`^ *- ${kind}: (\\S+)$`, 'gm'))].map((match) => match[1] as string);

/** The expressions of the rules; one may go on over lines that are further in. */
const ruleExpressions = [...rules.matchAll(/^( *)expr: (?:>\n)?((?:.*\n)(?:\1 {2}.*\n)*)/gm)].map((match) =>
  (match[2] as string).replace(/\s+/g, ' ').trim(),
);

const queries = dashboard.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));
const others = [
  ...dashboard.annotations.list.map(({ expr }) => expr),
  ...dashboard.templating.list.flatMap(({ query }) => (typeof query === 'object' ? [query.query] : [])),
];
/** `label_values(<series>, <label>)`, which Grafana asks Prometheus for. */
const labelValues = others.flatMap((query) => [...query.matchAll(/^label_values\((.*), (\w+)\)$/g)]);

/** What series there are, and their labels, without those that every scrape adds. */
const labelsByMetric = new Map<string, readonly string[]>(
  namesOf('record').map((name) => [name, ['model', 'version']]),
);
for (const { name, type, labels } of Object.values<Instrument>(instruments)) {
  labelsByMetric.set(name, labels);
  if (type !== 'histogram') continue;
  labelsByMetric.set(`${name}_bucket`, [...labels, 'le']);
  for (const suffix of ['sum', 'count']) labelsByMetric.set(`${name}_${suffix}`, labels);
}
const ofEveryScrape = ['job', 'instance'];

/** The metrics of an expression, each with the labels that it is selected by. */
function selectorsOf(
  expression: string,
): readonly { readonly metric: string; readonly labels: readonly string[] }[] {
  const metric = /(?<![\w:"])((?:model_version|):?(?:servable_|tensorflow:)[\w:]+)(?:\{([^}]*)\})?/g;
  return [...expression.matchAll(metric)].map(([, name = '', selected = '']) => ({
    metric: name,
    labels: [...selected.matchAll(/(\w+) *(?:=~|!~|!=|=)/g)].map((match) => match[1] as string),
  }));
}

/** The labels that an expression keeps or joins by. */
function groupingsOf(expression: string): readonly string[] {
  return [...expression.matchAll(/\b(?:by|on) \(([^)]*)\)/g)].flatMap((match) =>
    (match[1] as string).split(',').map((label) => label.trim()),
  );
}

describe('rules and dashboard for Prometheus', () => {
  it('have expressions that this test can find', () => {
    expect(ruleExpressions).toHaveLength(namesOf('record').length + namesOf('alert').length);
    expect(namesOf('alert').length).toBeGreaterThan(10);
    expect(queries.length).toBeGreaterThan(30);
    for (const expression of [...ruleExpressions, ...queries]) {
      expect(selectorsOf(expression), expression).not.toEqual([]);
    }
  });

  it.each([...ruleExpressions, ...queries, ...others])('ask for what there is: %s', (expression) => {
    const selectors = selectorsOf(expression);
    for (const { metric, labels } of selectors) {
      const known = labelsByMetric.get(metric);
      expect(known, metric).toBeDefined();
      for (const label of labels) expect([...(known ?? []), ...ofEveryScrape], metric).toContain(label);
    }
    const made = [...expression.matchAll(/count_values by \([^)]*\) \("(\w+)"/g)].map((match) => match[1]);
    const all = selectors.flatMap(({ metric }) => labelsByMetric.get(metric) ?? []);
    for (const label of groupingsOf(expression)) expect([...all, ...made, ...ofEveryScrape]).toContain(label);
  });

  it('offer values of labels that there are', () => {
    expect(labelValues.length).toBeGreaterThan(2);
    for (const [query, series = '', label] of labelValues) {
      const [{ metric } = { metric: '' }] = selectorsOf(series);
      expect([...(labelsByMetric.get(metric) ?? []), ...ofEveryScrape], query).toContain(label);
    }
  });

  it('speak of no series that nobody makes', () => {
    const keywords = /^(?:and|or|unless|on|by|bool|group_left|offset|Inf)$/;
    for (const expression of [...ruleExpressions, ...queries]) {
      const bare = expression.replace(/"[^"]*"|\{[^}]*\}|\[[^\]]*\]|\b(?:by|on|group_left) \([^)]*\)/g, ' ');
      for (const [word] of bare.matchAll(/(?<![\w:.$])[a-zA-Z_:][\w:]*(?! *\()(?![\w:])/g)) {
        if (!keywords.test(word)) expect([...labelsByMetric.keys()], expression).toContain(word);
      }
    }
  });

  it('are tested, each of them', () => {
    const tests = read('rules.test.yml');
    for (const name of namesOf('record')) expect(tests).toContain(`expr: ${name}\n`);
    for (const name of namesOf('alert')) {
      const cases = [...tests.matchAll(new RegExp(`alertname: ${name}\\b[^-]*?exp_alerts:( \\[\\])?`, 'g'))];
      expect(
        cases.some(([, isEmpty]) => isEmpty === undefined),
        `${name} is seen to fire`,
      ).toBe(true);
      expect(cases.length, `${name} is seen not to`).toBeGreaterThan(1);
    }
  });

  it('say what to do', () => {
    const alerts = rules.split(/^ *- alert: /m).slice(1);
    for (const alert of alerts) {
      for (const part of ['severity:', 'summary:', 'description:', 'action:']) expect(alert).toContain(part);
    }
  });

  it('show each panel in a place of its own, with a title, a description and legends', () => {
    const { panels } = dashboard;
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    const cells = new Set<string>();
    for (const { title, type, description, gridPos, fieldConfig, targets = [] } of panels) {
      expect(title).not.toBe('');
      if (type !== 'row') expect(description, title).toMatch(/\.$/);
      if (type !== 'row') expect(fieldConfig?.defaults.unit, title).toMatch(/^[a-zµ]+$/);
      for (const { legendFormat } of targets) expect(legendFormat, title).toMatch(/\{\{/);
      expect(gridPos.x + gridPos.w, title).toBeLessThanOrEqual(24);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          expect(cells.has(`${x},${y}`), title).toBe(false);
          cells.add(`${x},${y}`);
        }
      }
    }
  });
});

if (missingForPrometheus.includes('promtool')) {
  it.skipIf(true)('promtool (skipped: this machine has no promtool)', () => {});
} else {
  describe('promtool', () => {
    const promtool = (args: readonly string[], cwd = folder) => {
      const { status, stdout, stderr } = spawnSync('promtool', [...args], { cwd, encoding: 'utf8' });
      return { status, output: `${stdout}${stderr}` };
    };

    it.each([
      ['takes the scrape config', ['check', 'config', 'prometheus.yml']],
      ['takes the rules', ['check', 'rules', 'rules.yml']],
      ['sees the rules pass their tests', ['test', 'rules', 'rules.test.yml']],
    ])('%s', (_title, args) => {
      const { status, output } = promtool(args);
      expect(status, output).toBe(0);
      expect(output).toContain('SUCCESS');
    });

    it('takes all queries of the dashboard', () => {
      const temporary = mkdtempSync(join(tmpdir(), 'servable-rules-'));
      onTestFinished(() => rmSync(temporary, { recursive: true }));
      const filledIn = queries.map((query) =>
        query.replaceAll(/\$__rate_interval|\$__range/g, '5m').replaceAll(/\$\w+/g, '.*'),
      );
      const written = filledIn.map((expr, index) => ({ record: `query:${index}`, expr }));
      const file = join(temporary, 'rules.yml');
      writeFileSync(file, JSON.stringify({ groups: [{ name: 'dashboard', rules: written }] }));
      const { status, output } = promtool(['check', 'rules', file]);
      expect(status, output).toBe(0);
      expect(output).toContain(`${queries.length} rules found`);
    });
  });
}
