import { createRequire } from 'node:module';
import type * as Grpc from '@grpc/grpc-js';
import { ServingError } from '../../core/errors.js';

/** What {@link loadGrpc} returns. */
export type GrpcModule = typeof Grpc;

const require = createRequire(import.meta.url);

/**
 * grpc-js, which only those need who serve gRPC.
 *
 * @throws ServingError FAILED_PRECONDITION, which says how to install it, where it is not there.
 */
export function loadGrpc(): GrpcModule {
  const grpc = loadOptional<GrpcModule>('@grpc/grpc-js');
  if (grpc !== undefined) return grpc;
  throw new ServingError(
    'FAILED_PRECONDITION',
    'Cannot serve gRPC: the package @grpc/grpc-js is not installed; npm install @grpc/grpc-js@~1.14',
  );
}

/** A package that need not be installed; undefined where it is not. */
export function loadOptional<T>(name: string): T | undefined {
  try {
    return require(name) as T;
  } catch (error) {
    const isMissing =
      (error as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND' && String(error).includes(`'${name}'`);
    if (isMissing) return undefined;
    throw error;
  }
}
