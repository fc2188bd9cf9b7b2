/** What waking up takes on Linux: 50 µs of timer slack, and two wake-ups. */
const firstMicros = 80;
/** Beyond that it is no wake-up any more: the machine is busy, or a virtual one that was halted. */
const mostMicros = 200;
/** Each measurement moves the estimate this far towards it: it settles at the median, whatever the outliers are. */
const stepMicros = 1;
/** Later than this, the host's thread was busy: that says nothing of the timer. */
const disturbedMicros = 300;

/** How much earlier than a moment the thread has to wake up for the host to be called at that moment. */
export class Lead {
  #micros = firstMicros;

  get micros(): number {
    return this.#micros;
  }

  /** @param lateMicros how late the host was called, with the lead of then; negative where it was early. */
  observe(lateMicros: number): void {
    if (lateMicros > disturbedMicros) return;
    const micros = this.#micros + Math.sign(lateMicros) * stepMicros;
    this.#micros = Math.min(mostMicros, Math.max(0, micros));
  }
}
