import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, it } from 'vitest';
import { configSchema } from '#dist/config/config-schema.js';
import { describeShared, sharedFolder } from '../support/shared-folder.js';

interface Node {
  readonly nested?: Readonly<Record<string, Node>>;
  readonly fields?: Readonly<Record<string, object>>;
  readonly values?: Readonly<Record<string, number>>;
  readonly oneofs?: object;
}

/** The messages and enums below a node, by their full names. */
function flatten(node: Node, name = ''): [string, Node][] {
  const below = Object.entries(node.nested ?? {}).flatMap(([key, each]) => flatten(each, `${name}.${key}`));
  return node.fields || node.values ? [[name, node], ...below] : below;
}

const withoutOptions = (field: object) => ({ ...field, options: undefined });
const facts = 'api/tensorflow-serving.json';

describeShared('the messages of the config files', [facts], () => {
  const known = new Map(flatten(JSON.parse(readFileSync(resolve(sharedFolder, facts), 'utf8'))));
  // Fields of these can stand in no config file.
  const partial = ['.tensorflow.serving.FileSystemStoragePathSourceConfig'];

  it.each(flatten(configSchema))('%s has the fields, numbers and types of TF Serving', (name, ours) => {
    const theirs = known.get(name);
    expect(theirs).toBeDefined();
    expect(ours.values).toEqual(theirs?.values);
    if (partial.includes(name)) return;
    const fields = Object.entries(theirs?.fields ?? {}).map(([key, field]) => [key, withoutOptions(field)]);
    const own = Object.entries(ours.fields ?? {}).map(([key, field]) => [key, withoutOptions(field)]);
    expect(Object.fromEntries(own)).toEqual(Object.fromEntries(fields));
    // An optional field of proto3 is in a oneof of its own, which says nothing to a reader of text.
    if (name !== '.tensorflow.serving.PerTaskSamplingConfig') expect(ours.oneofs).toEqual(theirs?.oneofs);
  });
});
