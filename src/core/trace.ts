/** Follows pieces of work of one kind from their begin to their end, for whoever listens. */
export interface Trace<Message extends object> {
  /** Whether somebody listens: else nobody needs to be told. */
  readonly isOn: boolean;
  /** Does the work, and tells of its begin, its end and its error. The message is the same object each time. */
  follow<T>(message: Message, work: () => Promise<T>): Promise<T>;
}

/** @internal Does the work, followed where somebody listens. */
export function traced<Message extends object, T>(
  trace: Trace<Message> | undefined,
  message: Message,
  work: () => Promise<T>,
): Promise<T> {
  return trace?.isOn ? trace.follow(message, work) : work();
}
