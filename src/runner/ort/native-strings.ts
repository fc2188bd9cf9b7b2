import koffi from 'koffi';
import type { Pointer } from './c-api.js';

/** A `const char * const *`: texts copied into native memory for as long as calls need them. */
export class NativeStrings {
  readonly pointers: BigUint64Array;
  readonly length: number;

  constructor(strings: readonly string[]) {
    this.length = strings.length;
    this.pointers = BigUint64Array.from(strings, (text) => {
      const bytes = Buffer.from(`${text}\0`);
      const memory: Pointer = koffi.alloc('char', bytes.length);
      koffi.encode(memory, 'char', bytes, bytes.length);
      return memory;
    });
  }

  free(): void {
    for (const memory of this.pointers) koffi.free(memory);
  }
}

/** Keys and values as native code takes them, for as long as the call takes. */
export function withKeyValues<T>(
  entries: Readonly<Record<string, string>>,
  call: (keys: BigUint64Array, values: BigUint64Array, length: number) => T,
): T {
  const keys = new NativeStrings(Object.keys(entries));
  const values = new NativeStrings(Object.values(entries));
  try {
    return call(keys.pointers, values.pointers, keys.length);
  } finally {
    keys.free();
    values.free();
  }
}
