/** The signal of an AbortController that counts who listens to it. */
export interface CountingSignal {
  readonly controller: AbortController;
  readonly signal: AbortSignal;
  listeners(): number;
}

export function countingSignal(): CountingSignal {
  const controller = new AbortController();
  const { signal } = controller;
  let listeners = 0;
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  signal.addEventListener = (...args: Parameters<typeof add>) => {
    listeners++;
    add(...args);
  };
  signal.removeEventListener = (...args: Parameters<typeof remove>) => {
    listeners--;
    remove(...args);
  };
  return { controller, signal, listeners: () => listeners };
}
