/** Below this, filling memory with zeros costs less than asking for memory that is not. */
export const minUnfilledBytes = 4096;

/**
 * Memory whose content is whatever was there before: every byte is to be written at once. Fresh and the caller's own, so
 * it may be moved to another thread.
 */
export function unfilledMemory(bytes: number): ArrayBuffer {
  if (bytes < minUnfilledBytes) return new ArrayBuffer(bytes);
  return Buffer.allocUnsafeSlow(bytes).buffer as ArrayBuffer;
}
