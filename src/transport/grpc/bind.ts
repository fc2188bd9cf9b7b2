import type { Server, ServerCredentials } from '@grpc/grpc-js';
import { type BoundAddress, boundAddress, cannotListen, removeStaleSocket, socketPath } from '../address.js';

/**
 * Listens on an address: `host:port`, with port 0 for any that is free, or `unix:<path>`. A socket that a process left
 * behind that is gone is replaced.
 *
 * @throws ServingError FAILED_PRECONDITION where that cannot be.
 */
export async function bind(
  grpcServer: Server,
  address: string,
  credentials: ServerCredentials,
): Promise<BoundAddress> {
  const path = socketPath(address);
  if (path !== undefined) await removeStaleSocket(path);
  const port = await new Promise<number>((resolve, reject) => {
    grpcServer.bindAsync(address, credentials, (error, bound) => (error ? reject(error) : resolve(bound)));
  }).catch((cause: unknown) => {
    throw cannotListen(address, cause);
  });
  return boundAddress(address, port);
}
