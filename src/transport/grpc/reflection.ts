import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import type {
  handleBidiStreamingCall,
  Server,
  ServiceDefinition,
  UntypedServiceImplementation,
} from '@grpc/grpc-js';
import type { PackageDefinition } from '@grpc/proto-loader';
import { ServingError } from '../../core/errors.js';
import { mendDescriptors } from './mended-descriptors.js';

const require = createRequire(import.meta.url);
const packages = ['@grpc/reflection', '@grpc/proto-loader'];
const protos = fileURLToPath(new URL('../../../protos', import.meta.url));

const files = [
  'tensorflow_serving/apis/prediction_service.proto',
  'tensorflow_serving/apis/model_service.proto',
  'grpc/health/v1/health.proto',
];

const services = ['grpc.reflection.v1.ServerReflection', 'grpc.reflection.v1alpha.ServerReflection'];

/** The one method that a reflection service has. */
interface Reflector {
  readonly decode: (bytes: Buffer) => unknown;
  readonly encode: (message: unknown) => Buffer;
  readonly handle: handleBidiStreamingCall<unknown, unknown>;
}

/**
 * Adds server reflection, where its packages are installed; whether they are.
 *
 * They are loaded, and the protos read, when somebody asks: that holds the event loop for some 300 ms, which a server that
 * nobody asks should not pay.
 *
 * @throws ServingError FAILED_PRECONDITION where they are not, although reflection is wanted at any rate.
 */
export function addReflection(grpcServer: Server, isRequired: boolean): boolean {
  if (!packages.every(isInstalled)) {
    if (isRequired) throw notInstalled();
    return false;
  }
  let reflectors: ReadonlyMap<string, Reflector> | undefined;
  for (const service of services) {
    const path = `/${service}/ServerReflectionInfo`;
    const reflector = (): Reflector => {
      reflectors ??= loadReflectors();
      return reflectors.get(path) as Reflector;
    };
    grpcServer.addService(lazyDefinition(path, reflector), {
      ServerReflectionInfo: (call: Parameters<Reflector['handle']>[0]) => reflector().handle(call),
    });
  }
  return true;
}

function isInstalled(name: string): boolean {
  try {
    require.resolve(name);
    return true;
  } catch {
    return false;
  }
}

function notInstalled(): ServingError {
  const names = packages.join(' or ');
  return new ServingError(
    'FAILED_PRECONDITION',
    `Cannot serve reflection: ${names} is not installed; npm install ${packages.join(' ')}`,
  );
}

function lazyDefinition(path: string, reflector: () => Reflector): ServiceDefinition {
  const decode = (bytes: Buffer) => reflector().decode(bytes);
  const encode = (message: unknown) => reflector().encode(message);
  return {
    ServerReflectionInfo: {
      path,
      requestStream: true,
      responseStream: true,
      requestSerialize: encode,
      requestDeserialize: decode,
      responseSerialize: encode,
      responseDeserialize: decode,
    },
  };
}

/** What the package would add to a server, by its path. */
function loadReflectors(): ReadonlyMap<string, Reflector> {
  const { ReflectionService } = require('@grpc/reflection') as typeof import('@grpc/reflection');
  const { loadSync } = require('@grpc/proto-loader') as typeof import('@grpc/proto-loader');
  const definition = loadSync(files, { includeDirs: [protos], keepCase: true });
  const reflectors = new Map<string, Reflector>();
  const collector = {
    addService(service: ServiceDefinition, implementation: UntypedServiceImplementation) {
      for (const [name, method] of Object.entries(service)) {
        reflectors.set(method.path, {
          decode: method.requestDeserialize,
          encode: method.responseSerialize,
          handle: implementation[name] as Reflector['handle'],
        });
      }
    },
  };
  new ReflectionService(withMendedFiles(definition)).addToServer(collector as Pick<Server, 'addService'>);
  return reflectors;
}

/** Each message of a definition holds the files of all. */
function withMendedFiles(definition: PackageDefinition): PackageDefinition {
  const holders = Object.values(definition).flatMap((each) => ('fileDescriptorProtos' in each ? [each] : []));
  const mended = mendDescriptors((holders[0]?.fileDescriptorProtos as Buffer[] | undefined) ?? []);
  for (const holder of holders) holder.fileDescriptorProtos = mended;
  return definition;
}
