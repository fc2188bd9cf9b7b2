import { lstat, unlink } from 'node:fs/promises';
import { connect } from 'node:net';
import { ServingError } from '../core/errors.js';

/** Where a server listens. */
export interface BoundAddress {
  /** As it was asked for, with the port that it got: `127.0.0.1:8500`, `unix:/run/servable.sock`. */
  readonly address: string;
  /** Absent for a socket in the file system. */
  readonly port?: number;
}

/** The path of an address that is a socket in the file system; undefined for others. */
export function socketPath(address: string): string | undefined {
  return /^unix:(?:\/\/)?(.+)$/.exec(address)?.[1];
}

/** The address that was got for one that was asked for. */
export function boundAddress(address: string, port: number): BoundAddress {
  if (socketPath(address) !== undefined) return { address };
  return { address: address.replace(/:0$/, `:${port}`), port };
}

export function cannotListen(address: string, cause: unknown): ServingError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new ServingError('FAILED_PRECONDITION', `Cannot listen on ${address}: ${why}`, { cause });
}

/** Removes a socket that a process left behind that is gone; one that somebody answers at is left, and so is what is none. */
export async function removeStaleSocket(path: string): Promise<void> {
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
