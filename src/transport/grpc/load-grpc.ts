import { createRequire } from 'node:module';
import type * as Grpc from '@grpc/grpc-js';
import { ServingError } from '../../core/errors.js';

/** What {@link loadGrpc} returns. */
export type GrpcModule = typeof Grpc;

const require = createRequire(import.meta.url);

/**
 * grpc-js, which only those need who serve gRPC, or call it.
 *
 * @param action what cannot be done without it.
 * @throws ServingError FAILED_PRECONDITION, which says how to install it, where it is not there.
 */
export function loadGrpc(action: 'serve' | 'call over'): GrpcModule {
  try {
    return require('@grpc/grpc-js') as GrpcModule;
  } catch (cause) {
    const isMissing =
      (cause as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND' &&
      String(cause).includes("'@grpc/grpc-js'");
    if (!isMissing) throw cause;
    throw new ServingError(
      'FAILED_PRECONDITION',
      `Cannot ${action} gRPC: the package @grpc/grpc-js is not installed; npm install @grpc/grpc-js@~1.14`,
      { cause },
    );
  }
}
