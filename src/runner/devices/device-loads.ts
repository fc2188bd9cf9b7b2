/** How many runs each device of an engine has, of all models. */
export class DeviceLoads {
  readonly #runs = new Map<string, number>();
  /** Where the next search begins: devices that have equally much to do take turns. */
  #next = 0;

  /** The one of these whose device has the fewest runs. There is at least one. */
  leastLoaded<T extends { readonly device: string }>(sessions: readonly T[]): T {
    const first = this.#next++ % sessions.length;
    let least = sessions[first] as T;
    for (let step = 1; step < sessions.length; step++) {
      const session = sessions[(first + step) % sessions.length] as T;
      if (this.of(session.device) < this.of(least.device)) least = session;
    }
    return least;
  }

  /** Runs that a device has. */
  of(device: string): number {
    return this.#runs.get(device) ?? 0;
  }

  /** By device, without the CPU, whose runs are mostly not counted; those that have had none are absent. */
  get all(): ReadonlyMap<string, number> {
    return new Map([...this.#runs].filter(([device]) => device !== 'cpu'));
  }

  /** Counts a run, from its hand-over to its end. */
  async during<T>(device: string, run: () => Promise<T>): Promise<T> {
    this.#runs.set(device, this.of(device) + 1);
    try {
      return await run();
    } finally {
      this.#runs.set(device, this.of(device) - 1);
    }
  }
}
