import { fileURLToPath } from 'node:url';
import type { Server } from '@grpc/grpc-js';
import type { PackageDefinition } from '@grpc/proto-loader';
import { ServingError } from '../../core/errors.js';
import { loadOptional } from './load-grpc.js';
import { mendDescriptors } from './mended-descriptors.js';

const protos = fileURLToPath(new URL('../../../protos', import.meta.url));

const files = [
  'tensorflow_serving/apis/prediction_service.proto',
  'tensorflow_serving/apis/model_service.proto',
  'grpc/health/v1/health.proto',
];

/**
 * Adds server reflection, where its packages are installed; whether they are.
 *
 * @throws ServingError FAILED_PRECONDITION where they are not, although reflection is wanted at any rate.
 */
export function addReflection(grpcServer: Server, isRequired: boolean): boolean {
  const reflection = loadOptional<typeof import('@grpc/reflection')>('@grpc/reflection');
  const loader = loadOptional<typeof import('@grpc/proto-loader')>('@grpc/proto-loader');
  if (reflection !== undefined && loader !== undefined) {
    const definition = loader.loadSync(files, { includeDirs: [protos], keepCase: true });
    new reflection.ReflectionService(withMendedFiles(definition)).addToServer(grpcServer);
    return true;
  }
  if (!isRequired) return false;
  throw new ServingError(
    'FAILED_PRECONDITION',
    'Cannot serve reflection: @grpc/reflection or @grpc/proto-loader is not installed; npm install @grpc/reflection @grpc/proto-loader',
  );
}

/** Each message of a definition holds the files of all. */
function withMendedFiles(definition: PackageDefinition): PackageDefinition {
  const holders = Object.values(definition).flatMap((each) => ('fileDescriptorProtos' in each ? [each] : []));
  const files = mendDescriptors((holders[0]?.fileDescriptorProtos as Buffer[] | undefined) ?? []);
  for (const holder of holders) holder.fileDescriptorProtos = files;
  return definition;
}
