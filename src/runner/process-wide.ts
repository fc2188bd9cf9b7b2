/**
 * A thing of which the process has one, as the native library has: made by whoever asks first, and found by everybody
 * else, another copy of this package too. Threads of JavaScript that the host has made itself have one each.
 */
export function processWide<T>(name: string, make: () => T): T {
  const key = Symbol.for(`servable.${name}`);
  const holder = globalThis as unknown as Record<symbol, T | undefined>;
  holder[key] ??= make();
  return holder[key];
}
