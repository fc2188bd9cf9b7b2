const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The elements of a string tensor, which lie one after the other: text where all are UTF-8, else all as bytes. */
export function decodeStrings(bytes: Uint8Array, offsets: readonly number[]): string[] | Uint8Array[] {
  const parts = offsets.map((start, index) => bytes.subarray(start, offsets[index + 1] ?? bytes.length));
  try {
    return parts.map((part) => strictUtf8.decode(part));
  } catch {
    // Not text. Each element gets memory of its own, so that keeping one does not keep them all.
    return parts.map((part) => part.slice());
  }
}
