import { createRequire } from 'node:module';
import type { Root, Type } from 'protobufjs';
import { configSchema } from './config-schema.js';

type Light = typeof import('protobufjs/light.js');
type TextFormat = typeof import('protobufjs/ext/textformat.js');
type ProtoJson = typeof import('protobufjs/ext/protojson.js');

/** @internal A message that a config file as a whole may be, by its name in package tensorflow.serving. */
export type ConfigMessage = 'ModelServerConfig' | 'BatchingParameters' | 'SSLConfig' | 'MonitoringConfig';

// Loaded on first use: a program without config files should not pay the 25 ms.
const require = createRequire(import.meta.url);
const types = new Map<ConfigMessage, Type>();
let root: Root | undefined;

/** @internal A message of the config files, reflected. */
export function typeOf(name: ConfigMessage): Type {
  const known = types.get(name);
  if (known !== undefined) return known;
  const { Message, Root } = require('protobufjs/light.js') as Light;
  root ??= Root.fromJSON(configSchema);
  const type = root.lookupType(`tensorflow.serving.${name}`);
  // Without a class of its own a type compiles one, which `--disallow-code-generation-from-strings` forbids.
  type.ctor = class extends Message {};
  types.set(name, type);
  return type;
}

/** @internal Reads a message in text format. Throws what protobufjs throws. */
export function fromText(type: Type, text: string): object {
  return (require('protobufjs/ext/textformat.js') as TextFormat).fromText(type, text);
}

/** @internal Reads a message in JSON. Throws what protobufjs throws, and a SyntaxError where the text is no JSON. */
export function fromJson(type: Type, text: string): object {
  JSON.parse(text); // first, since protobufjs looks for repeated keys before, and tells positions within them
  return (require('protobufjs/ext/protojson.js') as ProtoJson).fromJsonString(type, text);
}
