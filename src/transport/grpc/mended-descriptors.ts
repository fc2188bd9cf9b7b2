import { createRequire } from 'node:module';
import type {
  IDescriptorProto,
  IFieldDescriptorProto,
  IFileDescriptorProto,
  IMethodDescriptorProto,
} from 'protobufjs/ext/descriptor.js';

const require = createRequire(import.meta.url);

/** The file that declares each type, by the type's full name. */
type Homes = ReadonlyMap<string, IFileDescriptorProto>;

/**
 * The files of proto-loader as those must have them who link them by the rules of protobuf, such as grpcurl and Python's
 * descriptor pool: with what each file imports (grpc/grpc-node#2595), the entries of maps under their own names
 * (fullstorydev/grpcurl#519), and types by their full names.
 */
export function mendDescriptors(files: readonly Uint8Array[]): Buffer[] {
  // Loaded here, since it brings all of protobufjs along.
  const { FileDescriptorProto }: typeof import('protobufjs/ext/descriptor.js') =
    require('protobufjs/ext/descriptor.js');
  const decoded = files.map((bytes) => FileDescriptorProto.decode(bytes) as IFileDescriptorProto);
  for (const file of decoded) for (const message of file.messageType ?? []) nameMapEntries(message);
  const homes = new Map(decoded.flatMap((file) => typesOf(file).map((name) => [name, file] as const)));
  for (const file of decoded) qualify(file, homes);
  return decoded.map((file) => Buffer.from(FileDescriptorProto.encode(file).finish()));
}

/** `map<string, X> some_field` has its entries in the nested type `SomeFieldEntry`; protobufjs says `Some_field`. */
function nameMapEntries(message: IDescriptorProto): void {
  for (const nested of message.nestedType ?? []) {
    nameMapEntries(nested);
    if (!nested.options?.mapEntry) continue;
    const field = message.field?.find(({ typeName }) => typeName === nested.name);
    if (field?.name === undefined) continue;
    nested.name = field.name
      .replace(/(?:^|_)(.)/g, (_, first: string) => first.toUpperCase())
      .concat('Entry');
    field.typeName = nested.name;
  }
}

function typesOf(file: IFileDescriptorProto): string[] {
  const nestedIn = (scope: string, types: IDescriptorProto): string[] => [
    ...(types.enumType ?? []).map(({ name }) => `${scope}.${name}`),
    ...(types.nestedType ?? []).flatMap((each) => [
      `${scope}.${each.name}`,
      ...nestedIn(`${scope}.${each.name}`, each),
    ]),
  ];
  return nestedIn(scopeOf(file), { enumType: file.enumType ?? [], nestedType: file.messageType ?? [] });
}

/** Names are written with a dot before them, as full names in a descriptor are. */
function scopeOf({ package: name }: IFileDescriptorProto): string {
  return name ? `.${name}` : '';
}

/** Full names for all types that a file refers to, and the imports that this takes. */
function qualify(file: IFileDescriptorProto, homes: Homes): void {
  const imports = new Set<string>();
  const find = (scope: string, name: string): string => {
    const found = fullName(scope, name, homes);
    const home = homes.get(found);
    if (home?.name !== undefined && home !== file) imports.add(home.name);
    return found;
  };
  const qualifyFields = (scope: string, fields: readonly IFieldDescriptorProto[] = []) => {
    for (const field of fields) if (field.typeName) field.typeName = find(scope, field.typeName);
  };
  const visit = (outer: string, messages: readonly IDescriptorProto[] = []) => {
    for (const { name, field, extension, nestedType } of messages) {
      const scope = `${outer}.${name}`;
      qualifyFields(scope, field);
      qualifyFields(scope, extension);
      visit(scope, nestedType);
    }
  };
  visit(scopeOf(file), file.messageType);
  for (const { method = [] } of file.service ?? [])
    for (const each of method) qualifyMethod(each, scopeOf(file), find);
  file.dependency = [...imports];
}

function qualifyMethod(
  method: IMethodDescriptorProto,
  scope: string,
  find: (scope: string, name: string) => string,
): void {
  method.inputType = find(scope, method.inputType ?? '');
  method.outputType = find(scope, method.outputType ?? '');
}

/** From the innermost scope outwards, as in C++. */
function fullName(scope: string, name: string, homes: Homes): string {
  if (name.startsWith('.')) return name;
  for (let outer = scope; ; outer = outer.slice(0, outer.lastIndexOf('.'))) {
    if (homes.has(`${outer}.${name}`) || outer === '') return `${outer}.${name}`;
  }
}
