import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const source = fileURLToPath(new URL('../src', import.meta.url));

const parts = [
  'core',
  'wire',
  'storage',
  'config',
  'control',
  'routing',
  'batching',
  'runner',
  'warmup',
  'request-log',
  'metrics',
  'tracing',
  'logging',
];

/** Who may import whom, beside itself; the table of the README. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  core: [],
  wire: ['core'],
  json: ['core'],
  storage: ['core'],
  config: ['core'],
  control: ['core', 'storage'],
  routing: ['core'],
  batching: ['core'],
  runner: ['core'],
  warmup: ['core', 'wire'],
  'request-log': ['core', 'wire'],
  metrics: ['core', 'control', 'routing', 'batching', 'runner', 'warmup', 'request-log'],
  tracing: ['core', 'control', 'batching', 'runner'],
  logging: ['core', 'control', 'routing', 'warmup'],
  transport: ['core', 'wire', 'json', 'config'],
  options: [
    'core',
    'storage',
    'control',
    'batching',
    'runner',
    'warmup',
    'request-log',
    'metrics',
    'logging',
  ],
  server: [...parts, 'options'],
  index: [...parts, 'options', 'server'],
  grpc: ['transport'],
  http: ['transport'],
  client: ['core', 'wire', 'json', 'transport'],
  opentelemetry: ['tracing'],
  cli: [
    'core',
    'wire',
    'json',
    'config',
    'batching',
    'runner',
    'warmup',
    'server',
    'index',
    'grpc',
    'http',
    'client',
  ],
};

interface Import {
  readonly file: string;
  readonly target: string;
}

const files = readdirSync(source, { recursive: true, encoding: 'utf8' }).filter((file) =>
  file.endsWith('.ts'),
);

/** Every import of one of our files by another; types count. */
const imports: readonly Import[] = files.flatMap((file) => {
  const text = readFileSync(join(source, file), 'utf8');
  const specifiers = [...text.matchAll(/(?:from|import\()\s*'(\.[^']+)'/g)].map(
    (match) => match[1] as string,
  );
  return specifiers.map((specifier) => ({
    file,
    target: relative(source, resolve(source, dirname(file), specifier)),
  }));
});

/** The folder of a file, or its name where it lies at the top. */
function partOf(file: string): string {
  return (file.split(sep)[0] as string).replace(/\.[jt]s$/, '');
}

describe('the layout', () => {
  it.each(Object.keys(allowed))('%s imports only what the table allows', (part) => {
    const outside = imports.filter(({ file, target }) => partOf(file) === part && partOf(target) !== part);
    const forbidden = outside.filter(({ target }) => !allowed[part]?.includes(partOf(target)));
    expect(forbidden.map(({ file, target }) => `${file} → ${target}`)).toEqual([]);
  });

  it('has no part that the table does not know', () => {
    expect([...new Set(files.map(partOf))].sort()).toEqual(Object.keys(allowed).sort());
  });

  it('does no input or output in the core', () => {
    const core = files.filter((file) => partOf(file) === 'core');
    const impure = core.filter((file) =>
      /from '(node:(?!events')|koffi|onnxruntime)/.test(readFileSync(join(source, file), 'utf8')),
    );
    expect(impure).toEqual([]);
  });

  it('knows the native library in runner/ort and in the threads alone', () => {
    const native = files.filter((file) => /from 'koffi'/.test(readFileSync(join(source, file), 'utf8')));
    const places = native.filter((file) => !/^runner[\\/](ort|worker)[\\/]/.test(file));
    expect(places).toEqual([]);
  });

  it('shares with the client what the wire is made of, and nothing that serves', () => {
    const shared = ['status', 'tfs/signature-def', 'rest/rest-error', 'grpc/load-grpc'];
    const used = imports.filter(
      ({ file, target }) => partOf(file) === 'client' && partOf(target) === 'transport',
    );
    const others = used.filter(
      ({ target }) => !shared.some((part) => target.endsWith(join('transport', `${part}.js`))),
    );
    expect(others.map(({ file, target }) => `${file} → ${target}`)).toEqual([]);
  });

  it('keeps the server a composition: 250 lines at most', () => {
    expect(readFileSync(join(source, 'server.ts'), 'utf8').split('\n').length).toBeLessThanOrEqual(250);
  });

  it('has no circle of files', () => {
    const targets = new Map<string, string[]>();
    for (const { file, target } of imports) {
      targets.set(file, [...(targets.get(file) ?? []), target.replace(/\.js$/, '.ts')]);
    }
    expect(findCircle(targets)).toEqual([]);
  });
});

function findCircle(graph: ReadonlyMap<string, readonly string[]>): string[] {
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]): string[] => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
    if (done.has(file)) return [];
    for (const next of graph.get(file) ?? []) {
      const circle = visit(next, [...path, file]);
      if (circle.length > 0) return circle;
    }
    done.add(file);
    return [];
  };
  for (const file of graph.keys()) {
    const circle = visit(file, []);
    if (circle.length > 0) return circle;
  }
  return [];
}
