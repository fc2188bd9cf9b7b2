import { lstat, unlink } from 'node:fs/promises';
import { connect } from 'node:net';
import type { Server, ServerCredentials } from '@grpc/grpc-js';
import { ServingError } from '../../core/errors.js';

/** Where a server listens. */
export interface BoundAddress {
  /** As it was asked for, with the port that it got: `127.0.0.1:8500`, `unix:/run/servable.sock`. */
  readonly address: string;
  /** Absent for a socket in the file system. */
  readonly port?: number;
}

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
  const path = /^unix:(?:\/\/)?(.+)$/.exec(address)?.[1];
  if (path !== undefined) await removeStaleSocket(path);
  const port = await new Promise<number>((resolve, reject) => {
    grpcServer.bindAsync(address, credentials, (error, bound) => (error ? reject(error) : resolve(bound)));
  }).catch((cause: unknown) => {
    throw cannotListen(address, cause);
  });
  if (path !== undefined) return { address };
  return { address: address.replace(/:0$/, `:${port}`), port };
}

function cannotListen(address: string, cause: unknown): ServingError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new ServingError('FAILED_PRECONDITION', `Cannot listen on ${address}: ${why}`, { cause });
}

/** One that somebody answers at is left, and so is what is no socket: to listen there fails then. */
async function removeStaleSocket(path: string): Promise<void> {
  const isSocket = await lstat(path).then(
    (entry) => entry.isSocket(),
    () => false,
  );
  if (isSocket && !(await isAnswering(path))) await unlink(path).catch(() => {});
}

function isAnswering(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const end = (isThere: boolean) => {
      socket.destroy();
      resolve(isThere);
    };
    socket.once('connect', () => end(true));
    socket.once('error', (error: NodeJS.ErrnoException) => end(error.code !== 'ECONNREFUSED'));
  });
}
