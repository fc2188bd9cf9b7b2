import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ModelServer, type ServingError, tensor } from 'servable';
import { expect, it } from 'vitest';
import * as authored from '../support/onnx/authored-models.js';
import { temporaryFolder, writeModel } from '../support/onnx/model-folder.js';
import { rejection } from '../support/rejection.js';
import { describeShared, sharedFolder } from '../support/shared-folder.js';

const file = 'cases/tf-serving.json';

interface Wanted {
  readonly versions: readonly number[];
  readonly labels?: Readonly<Record<string, number>>;
}

interface LabelCase {
  readonly name: string;
  readonly kind: string;
  readonly request: {
    readonly flags: readonly string[];
    readonly steps: readonly { readonly start?: Wanted; readonly reload?: Wanted }[];
  };
  readonly expect: {
    readonly ok?: boolean;
    readonly request_by_label?: { readonly grpc_code: string; readonly message: string };
    readonly last_error?: {
      readonly code: string;
      readonly message?: string;
      readonly message_contains?: string;
    };
    readonly label_A_still?: number;
    readonly version_2?: string;
  };
}

/**
 * What is expected otherwise, by case: a label waits for its version here (see VersionLabels), so that a change that adds a
 * version and labels it reaches both.
 */
const deviations: Readonly<Record<string, LabelCase['expect']>> = {
  'one reload that adds version 2 and labels it: refused, and version 2 is not loaded': { ok: true },
};

describeShared('label scenarios of TF Serving', [file], () => {
  const folder = temporaryFolder();
  const basePath = join(folder, 'm');
  for (const version of [1, 2]) writeModel(folder, 'm', version, authored.linear(1, version));
  const x = { x: tensor('float32', [1], [1]) };
  const all: readonly LabelCase[] = JSON.parse(readFileSync(join(sharedFolder, file), 'utf8'));
  const cases = all.filter(({ kind }) => kind === 'label-scenario');
  const model = ({ versions, labels = {} }: Wanted) => ({
    name: 'm',
    basePath,
    versionPolicy: { specific: versions },
    labels,
  });

  it.each(cases.map((each) => [each.name, each] as const))(
    '%s',
    async (name, { request, expect: theirs }) => {
      const wanted = deviations[name] ?? theirs;
      const [first, ...reloads] = request.steps;
      await using server = await new ModelServer({
        models: [model(first?.start as Wanted)],
        pollIntervalMs: 0,
      }).start();
      const errors: (ServingError | undefined)[] = [undefined];
      for (const { reload } of reloads) {
        errors.push(
          await server.reconfigure([model(reload as Wanted)]).then(
            () => undefined,
            (error) => error,
          ),
        );
      }
      const labels = Object.keys((reloads.at(-1)?.reload ?? first?.start)?.labels ?? {});
      if (wanted.ok) {
        expect(errors).toEqual(errors.map(() => undefined));
        for (const label of labels) await server.predict({ model: 'm', label }, x);
      }
      if (wanted.last_error !== undefined) {
        const { code, message, message_contains: part = '' } = wanted.last_error;
        expect(errors.at(-1)).toMatchObject({ code, message: message ?? expect.stringContaining(part) });
      }
      if (wanted.label_A_still !== undefined) {
        expect((await server.predict({ model: 'm', label: 'A' }, x)).id.version).toBe(wanted.label_A_still);
      }
      if (wanted.request_by_label !== undefined) {
        const { grpc_code: code, message } = wanted.request_by_label;
        const label = message.split(': ')[1] as string;
        expect(await rejection(server.predict({ model: 'm', label }, x))).toMatchObject({ code, message });
      }
    },
  );

  it('knows its deviations by their names', () => {
    const names = cases.map(({ name }) => name);
    expect(Object.keys(deviations).filter((name) => !names.includes(name))).toEqual([]);
    expect(cases.length).toBeGreaterThan(0);
  });
});
