import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Deployment } from 'kubernetes-models/apps/v1/Deployment';
import { HorizontalPodAutoscaler } from 'kubernetes-models/autoscaling/v2/HorizontalPodAutoscaler';
import { PodDisruptionBudget } from 'kubernetes-models/policy/v1/PodDisruptionBudget';
import { ConfigMap } from 'kubernetes-models/v1/ConfigMap';
import { Service } from 'kubernetes-models/v1/Service';
import { parseBatchingParameters, parseModelConfig, parseMonitoringConfig } from 'servable';
import { describe, expect, it, onTestFinished } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';

const repository = fileURLToPath(new URL('../..', import.meta.url));
const folder = join(repository, 'examples/kubernetes');
const kinds = { ConfigMap, Deployment, HorizontalPodAutoscaler, PodDisruptionBudget, Service };
type Kind = keyof typeof kinds;
interface Manifest {
  readonly file: string;
  readonly kind: Kind;
  // biome-ignore lint/suspicious/noExplicitAny: a document of YAML, which the schemas check
  readonly document: any;
}

const manifests: readonly Manifest[] = ['base', 'gpu'].flatMap((part) =>
  readdirSync(join(folder, part))
    .filter((file) => file !== 'kustomization.yaml')
    .flatMap((file) =>
      parseAllDocuments(readFileSync(join(folder, part, file), 'utf8')).map((each) => {
        const document = each.toJS();
        return { file: `${part}/${file}`, kind: document.kind, document };
      }),
    ),
);
const base = manifests.filter(({ file }) => file.startsWith('base/'));
const find = (kind: Kind) => base.find((each) => each.kind === kind)?.document;

/** What the compiler has to say of documents as values of Kubernetes' own types: unknown fields are errors of literals. */
function compile(documents: readonly Pick<Manifest, 'kind' | 'document'>[]): string {
  const path = mkdtempSync(join(repository, 'test/container/compiled-'));
  onTestFinished(() => rmSync(path, { recursive: true }));
  const places = {
    Deployment: 'apps',
    HorizontalPodAutoscaler: 'autoscaling',
    PodDisruptionBudget: 'policy',
  };
  const lines = documents.map(({ kind, document }, index) => {
    const group = (places as Partial<Record<Kind, string>>)[kind];
    const [, version = document.apiVersion] = String(document.apiVersion).split('/');
    const module = ['kubernetes-models', ...(group ? [group] : []), version, kind].join('/');
    return `import type { I${kind} as T${index} } from '${module}';\nexport const m${index}: T${index} = ${JSON.stringify(document)};`;
  });
  writeFileSync(join(path, 'manifests.ts'), lines.join('\n'));
  const flags = ['--noEmit', '--strict', '--skipLibCheck', '--module', 'nodenext', '--target', 'es2022'];
  try {
    execFileSync(join(repository, 'node_modules/.bin/tsc'), [
      '--ignoreConfig',
      ...flags,
      join(path, 'manifests.ts'),
    ]);
    return '';
  } catch (error) {
    return String((error as { stdout: Buffer }).stdout);
  }
}

describe('the manifests for Kubernetes', () => {
  it.each(base)('$file is a good $kind by the schemas of Kubernetes', ({ kind, document }) => {
    expect(() => new kinds[kind](document as never).validate()).not.toThrow();
  });

  it('have no field that Kubernetes does not know, where the schemas look away', () => {
    expect(compile(base)).toBe('');
    const misspelt = structuredClone(find('Deployment'));
    misspelt.spec.template.spec.containers[0].readinesProbe = {};
    expect(compile([{ kind: 'Deployment', document: misspelt }])).toContain('readinesProbe');
  });

  it('are all named by the kustomization, and the patch for GPUs fits what it patches', () => {
    const { resources } = parse(readFileSync(join(folder, 'base/kustomization.yaml'), 'utf8'));
    expect(resources.map((file: string) => `base/${file}`).sort()).toEqual(
      [...new Set(base.map(({ file }) => file))].sort(),
    );
    const patch = manifests.find(({ file }) => file === 'gpu/deployment.yaml')?.document;
    const deployment = find('Deployment');
    expect([patch.kind, patch.metadata.name]).toEqual([deployment.kind, deployment.metadata.name]);
    const [container] = patch.spec.template.spec.containers;
    expect(container).toEqual({
      name: deployment.spec.template.spec.containers[0].name,
      resources: { requests: { 'nvidia.com/gpu': '1' }, limits: { 'nvidia.com/gpu': '1' } },
    });
  });

  it('select the pods that they mean, by names of ports that there are', () => {
    const { spec } = find('Deployment');
    const { labels } = spec.template.metadata;
    expect(spec.selector.matchLabels).toEqual(labels);
    const ports = Object.fromEntries(
      spec.template.spec.containers[0].ports.map(
        ({ name, containerPort }: { name: string; containerPort: number }) => [name, containerPort],
      ),
    );
    for (const { document } of base.filter(({ kind }) => kind === 'Service')) {
      expect(document.spec.selector).toEqual(labels);
      for (const { port, targetPort } of document.spec.ports) expect(ports[targetPort]).toBe(port);
    }
    expect(find('PodDisruptionBudget').spec.selector.matchLabels).toEqual(labels);
    expect(find('HorizontalPodAutoscaler').spec.scaleTargetRef.name).toBe('servable');
  });

  it('give a pod more time to end than it takes to drain', () => {
    const { terminationGracePeriodSeconds, containers } = find('Deployment').spec.template.spec;
    const seconds = (flag: string) =>
      Number(containers[0].args.find((each: string) => each.startsWith(`--${flag}=`)).split('=')[1]);
    expect(terminationGracePeriodSeconds).toBeGreaterThan(
      seconds('lame_duck_seconds') + seconds('drain_grace_seconds'),
    );
  });

  it('mount the files that the flags name, which are good', () => {
    const { data } = find('ConfigMap');
    const { args } = find('Deployment').spec.template.spec.containers[0];
    const files = args.flatMap((each: string) => each.match(/=\/config\/(.*)$/)?.[1] ?? []);
    expect(files.sort()).toEqual(Object.keys(data).sort());
    expect(parseModelConfig(data['models.config'], { file: 'models.config' })).toMatchObject({
      models: [{ name: 'digits', basePath: '/models/digits', labels: { stable: 1, canary: 2 } }],
    });
    expect(
      parseBatchingParameters(data['batching.config'], { file: 'batching.config' }).batching.maxBatchSize,
    ).toBe(32);
    expect(parseMonitoringConfig(data['monitoring.config'], { file: 'monitoring.config' })).toBeDefined();
  });
});
