import { type FileHandle, open } from 'node:fs/promises';
import { ServingError } from '../core/errors.js';
import { type ReadRecordsOptions, readRecords } from './tfrecord.js';

const pieceBytes = 256 * 1024;

/**
 * The records of a TFRecord file, as far as it reaches when it is opened, one after the other: the file is not held in
 * memory as a whole. It is closed when the last one is read, when one is bad, and when whoever reads stops early.
 *
 * @throws ServingError as {@link readRecords}; NOT_FOUND where there is no such file, FAILED_PRECONDITION where it is no
 *   file, PERMISSION_DENIED, and UNAVAILABLE where it cannot be read otherwise.
 */
export async function* readRecordFile(
  path: string,
  options: Omit<ReadRecordsOptions, 'totalBytes'> = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  let file: FileHandle | undefined;
  try {
    file = await open(path);
    const stats = await file.stat();
    if (!stats.isFile()) throw new ServingError('FAILED_PRECONDITION', `Cannot read ${path}: it is no file`);
    yield* readRecords(piecesOf(file, stats.size), { ...options, totalBytes: stats.size });
  } catch (error) {
    throw error instanceof ServingError ? error : unreadable(path, error as NodeJS.ErrnoException);
  } finally {
    await file?.close();
  }
}

async function* piecesOf(file: FileHandle, totalBytes: number): AsyncGenerator<Uint8Array> {
  for (let position = 0; position < totalBytes; ) {
    const piece = new Uint8Array(Math.min(pieceBytes, totalBytes - position));
    const { bytesRead } = await file.read(piece, 0, piece.length, position);
    if (bytesRead === 0) return; // cut short since it was opened
    yield piece.subarray(0, bytesRead);
    position += bytesRead;
  }
}

function unreadable(path: string, cause: NodeJS.ErrnoException): ServingError {
  const { code, message } = cause;
  if (code === 'ENOENT' || code === 'ENOTDIR')
    return new ServingError('NOT_FOUND', `Cannot read ${path}: there is no such file`, { cause });
  if (code === 'EACCES' || code === 'EPERM')
    return new ServingError(
      'PERMISSION_DENIED',
      `Cannot read ${path}: this process has no permission to read it`,
      {
        cause,
      },
    );
  return new ServingError('UNAVAILABLE', `Cannot read ${path}: ${message}`, { cause });
}
