import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { ServableState } from '#dist/control/servable-state.js';
import { FileSystemSource } from '#dist/control/sources/file-system-source.js';
import { nextTransition, type TransitionPolicy } from '#dist/control/transition-policy.js';
import { chooseVersions, type VersionPolicy } from '#dist/control/version-policy.js';
import { temporaryFolder } from '../support/onnx/model-folder.js';
import { RecordingListener } from '../support/recording-listener.js';
import { describeShared, sharedFolder } from '../support/shared-folder.js';

const file = 'cases/tf-serving.json';

interface VersionCase {
  readonly name: string;
  readonly kind: 'version-policy';
  readonly request: {
    readonly children: readonly string[] | null;
    readonly policy: {
      readonly latest?: { readonly num_versions?: number };
      readonly specific?: { readonly versions: readonly number[] };
      readonly all?: object;
    };
  };
  readonly expect: {
    readonly aspired?: readonly (readonly [number, string])[];
    readonly aspired_one_of?: readonly (readonly (readonly [number, string])[])[];
    readonly error_contains?: string;
  };
}

interface TransitionCase {
  readonly name: string;
  readonly kind: 'aspired-version-policy';
  readonly request: {
    readonly policy: string;
    readonly versions: readonly {
      readonly version: number;
      readonly state: string;
      readonly aspired: boolean;
    }[];
  };
  readonly expect: { readonly action: readonly [string, number] | null };
}

/** TF Serving's states of a loader harness (core/loader_harness.h), in our words. */
const states: Readonly<Record<string, ServableState>> = {
  New: 'START',
  Loading: 'LOADING',
  Ready: 'AVAILABLE',
  UnloadRequested: 'DRAINING',
  Quiescing: 'DRAINING',
  Unloading: 'UNLOADING',
  Disabled: 'END',
  Error: 'END',
};

function toPolicy({ latest, specific, all }: VersionCase['request']['policy']): VersionPolicy {
  if (specific !== undefined) return { specific: specific.versions };
  return all === undefined ? { latest: latest?.num_versions ?? 1 } : 'all';
}

function readCases<T extends { readonly kind: string }>(kind: T['kind']): readonly (readonly [string, T])[] {
  const cases = JSON.parse(readFileSync(join(sharedFolder, file), 'utf8')) as readonly (T & VersionCase)[];
  return cases.filter((each) => each.kind === kind).map((each) => [each.name, each]);
}

describeShared("TF Serving's version policies", [file], () => {
  const folder = temporaryFolder();
  const cases = readCases<VersionCase>('version-policy');
  const withChildren = cases.filter(([, { request }]) => request.children !== null);
  const withoutBasePath = cases.filter(([, { request }]) => request.children === null);

  it('has cases', () => expect(cases).toHaveLength(8));

  it.each(withChildren)('%s', (_name, { request, expect: expected }) => {
    const { aspired } = chooseVersions(request.children ?? [], toPolicy(request.policy));
    const oneOf = expected.aspired_one_of ?? [expected.aspired];
    expect(oneOf).toContainEqual(aspired.map(({ version, name }) => [version, name]));
  });

  it.each(withoutBasePath)(
    '%s (here: nothing for this model, the others are looked at)',
    async (_name, each) => {
      mkdirSync(join(folder, 'other', '1'), { recursive: true });
      const heard = new RecordingListener();
      const versionPolicy = toPolicy(each.request.policy);
      const models = ['missing', 'other'].map((name) => ({
        name,
        basePath: join(folder, name),
        versionPolicy,
      }));
      await new FileSystemSource({ models, pollIntervalMs: 0 }).start(heard);

      expect(heard.failures.map(({ model }) => model)).toEqual(['missing']);
      expect(heard.failures[0]?.error.message).toContain(each.expect.error_contains);
      expect(heard.aspirations.map(({ model }) => model)).toEqual(['other']);
    },
  );

  it('no version: the pure function wants nothing, but the source tells a failure (deliberate deviation)', async () => {
    const basePath = join(folder, 'unversioned');
    mkdirSync(join(basePath, 'non_numerical_child'), { recursive: true });
    const heard = new RecordingListener();
    const models = [{ name: 'digits', basePath, versionPolicy: { latest: 1 } }];
    await new FileSystemSource({ models, pollIntervalMs: 0 }).start(heard);

    expect(heard.aspirations).toEqual([]);
    expect(heard.failures[0]?.error.message).toContain(
      'No versions of servable digits found under base path',
    );
  });
});

describeShared("TF Serving's aspired version policies", [file], () => {
  const cases = readCases<TransitionCase>('aspired-version-policy');

  it('has cases', () => expect(cases.length).toBeGreaterThanOrEqual(9));

  it.each(cases)('%s', (_name, { request, expect: { action } }) => {
    const policy = request.policy.replace('_', '-') as TransitionPolicy;
    const versions = request.versions.map(({ version, state, aspired }) => ({
      version,
      state: states[state] as ServableState,
      isAspired: aspired,
      isAspiredAnew: false,
    }));
    expect(versions.every(({ state }) => state !== undefined)).toBe(true);
    const step = nextTransition(policy, versions);
    expect(step === undefined ? null : [step.action, step.version]).toEqual(action);
  });
});
