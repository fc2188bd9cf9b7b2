/** A name in a folder of a storage. */
export interface StorageEntry {
  /** Without slashes. */
  readonly name: string;
  /** Links are followed: a link to a folder is a folder. */
  readonly isDirectory: boolean;
  /** Of a file: how long it is. */
  readonly bytes?: number;
  /** Of a file: another string whenever its content may be another one (an ETag; or length, times and inode). */
  readonly revision?: string;
}

/**
 * Where versions lie: folders and files, read and never written.
 *
 * Every method throws a ServingError: NOT_FOUND where nothing is at the path, FAILED_PRECONDITION where it is no folder (no
 * file, for `open`), PERMISSION_DENIED, CANCELLED when the signal is aborted, UNAVAILABLE for whatever may pass.
 */
export interface Storage {
  /** The entries of a folder, in any order; a link that leads nowhere is left out. */
  list(path: string, signal?: AbortSignal): Promise<readonly StorageEntry[]>;
  /** The bytes of a file, in pieces. Who stops early ends it with the iterator's `return`, as `for await` does. */
  open(path: string, signal?: AbortSignal): Promise<AsyncIterable<Uint8Array>>;
}
