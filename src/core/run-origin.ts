/** On whose behalf a model is run: a request, or a batch of them. It is told how long that took. */
export interface RunOrigin {
  /** Requests of a server's: none in what it runs of its own, to warm a model up, say. */
  readonly requestCount: number;
  /** @param queueMicros the wait for a thread, and for company before it. @param runMicros the run itself. */
  noteRun(queueMicros: number, runMicros: number): void;
}
