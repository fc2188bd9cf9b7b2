import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import protobuf from 'protobufjs';
import { sharedFolder } from './shared-folder.js';

/** Where the facts of TF Serving's messages lie. */
export const descriptorFile = 'api/tensorflow-serving.json';

/** TF Serving's messages as protobufjs reflects them: it reads and writes them on a path of its own. */
export function wireDescriptor(): protobuf.Root {
  const { nested } = JSON.parse(readFileSync(join(sharedFolder, descriptorFile), 'utf8'));
  // Not by fromJSON, which wants every type at once: some that nobody asks for are missing.
  return new protobuf.Root().addJSON(nested) as protobuf.Root;
}
