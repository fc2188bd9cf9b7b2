import { fileURLToPath } from 'node:url';
import { loadSync, type PackageDefinition } from '@grpc/proto-loader';
import {
  FileDescriptorProto,
  type IDescriptorProto,
  type IFileDescriptorProto,
} from 'protobufjs/ext/descriptor.js';
import { describe, expect, it } from 'vitest';
import { mendDescriptors } from '#dist/transport/grpc/mended-descriptors.js';

const protos = fileURLToPath(new URL('../../../protos', import.meta.url));

/** The files that proto-loader makes of ours: one for each package. */
function load(file: string): Buffer[] {
  const definition: PackageDefinition = loadSync(file, { includeDirs: [protos], keepCase: true });
  const [holder] = Object.values(definition).filter((each) => 'fileDescriptorProtos' in each);
  return holder?.fileDescriptorProtos as Buffer[];
}

function mended(file: string): ReadonlyMap<string | undefined, IFileDescriptorProto> {
  const files = mendDescriptors(load(file)).map((bytes) => FileDescriptorProto.decode(bytes));
  return new Map((files as IFileDescriptorProto[]).map((each) => [each.name, each]));
}

const find = (file: IFileDescriptorProto | undefined, name: string) =>
  file?.messageType?.find((each) => each.name === name) as IDescriptorProto;

describe('mended descriptors', () => {
  const files = mended('tensorflow_serving/apis/prediction_service.proto');
  const serving = files.get('tensorflow_serving.proto');

  it('name the files that a file needs, none of them itself', () => {
    expect([...((serving as IFileDescriptorProto).dependency as string[])].sort()).toEqual([
      'google_protobuf.proto',
      'tensorflow.proto',
    ]);
    expect(files.get('google_protobuf.proto')?.dependency).toEqual([]);
  });

  it('name the entries of a map as protobuf wants them', () => {
    const { nestedType, field } = find(serving, 'SignatureDefMap');
    expect(nestedType?.map(({ name }) => name)).toEqual(['SignatureDefEntry']);
    expect(field?.[0]?.typeName).toBe('.tensorflow.serving.SignatureDefMap.SignatureDefEntry');
    expect(nestedType?.[0]?.field?.[1]?.typeName).toBe('.tensorflow.SignatureDef');
  });

  it('name every type by its full name', () => {
    const requests = serving?.service?.flatMap(({ method = [] }) => method.map(({ inputType }) => inputType));
    expect(requests).toContain('.tensorflow.serving.PredictRequest');
    expect(find(serving, 'PredictRequest').field?.map(({ typeName }) => typeName ?? '')).toEqual(
      expect.arrayContaining(['.tensorflow.serving.ModelSpec', '.tensorflow.serving.PredictStreamedOptions']),
    );
  });

  it('are of no file where there is none', () => {
    expect(mendDescriptors([])).toEqual([]);
  });
});
