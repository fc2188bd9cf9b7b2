import { type FileHandle, open } from 'node:fs/promises';
import { cancelled } from '../../core/errors.js';

/** Bytes that are read and written at a time, by way of one buffer: a stream leaves as many behind as it has chunks. */
const chunkBytes = 1024 * 1024;

/**
 * Copies a file.
 *
 * @throws ServingError CANCELLED when the signal is aborted, with what is copied by then left there; the error of the file
 *   system.
 */
export async function copyBytes(from: string, to: string, signal: AbortSignal | undefined): Promise<void> {
  const source = await open(from, 'r');
  try {
    const target = await open(to, 'w');
    try {
      await pump(source, target, signal);
    } finally {
      await target.close();
    }
  } finally {
    await source.close();
  }
}

async function pump(source: FileHandle, target: FileHandle, signal: AbortSignal | undefined): Promise<void> {
  const chunk = new Uint8Array(chunkBytes);
  for (;;) {
    if (signal?.aborted) throw cancelled(signal);
    const { bytesRead } = await source.read(chunk, 0, chunkBytes, null);
    if (bytesRead === 0) return;
    for (let written = 0; written < bytesRead; ) {
      written += (await target.write(chunk, written, bytesRead - written)).bytesWritten;
    }
  }
}
