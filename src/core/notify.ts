/**
 * @internal Tells a listener what has happened. What it throws does not reach the teller, who is in the middle of a
 * step: it surfaces as an uncaught exception, as from a listener of an EventTarget.
 */
export function notify<T>(listener: ((value: T) => void) | undefined, value: T): void {
  try {
    listener?.(value);
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
