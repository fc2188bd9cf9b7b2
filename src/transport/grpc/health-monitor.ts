import type { ServingApi, ServingEvent } from '../serving-api.js';

/** Whether a service serves; the third is said by watches alone. */
export type Health = 'SERVING' | 'NOT_SERVING' | 'SERVICE_UNKNOWN';

/** Somebody who wants to know of changes. */
export interface HealthListener {
  /** Now, and whenever it is another one. */
  onHealth(health: Health): void;
  /** Nothing is told any more. */
  onEnd(): void;
}

interface Watch {
  readonly service: string;
  readonly listener: HealthListener;
  told: Health;
}

const events: readonly ServingEvent[] = ['state', 'models', 'started'];

/**
 * The health of a server and of its models, and who waits for a change of it.
 *
 * The names are TF Serving's (model_servers/server.cc): '' and `PredictionService` for the server as a whole, which is
 * healthy when every model can answer, `ModelService` for the calls about models; and ours: a model's own name.
 */
export class HealthMonitor {
  readonly #server: ServingApi;
  readonly #watches = new Set<Watch>();
  #isDraining = false;
  #isDue = false;

  constructor(server: ServingApi) {
    this.#server = server;
    for (const event of events) server.on(event, this.#onEvent);
    server.on('closing', this.drain);
  }

  /** Undefined for a service that there is not. */
  check(service: string): Health | undefined {
    return this.list().get(service);
  }

  /** All services, by name. */
  list(): ReadonlyMap<string, Health> {
    const isReady = this.#server.isReady();
    const all = new Map<string, Health>();
    for (const model of this.#server.listModels()) all.set(model.name, this.#health(model.isReady));
    return all
      .set('', this.#health(isReady))
      .set('PredictionService', this.#health(isReady))
      .set('ModelService', this.#health(true));
  }

  /** Tells the health of a service at once and from then on; returns what ends that. */
  watch(service: string, listener: HealthListener): () => void {
    const watch: Watch = { service, listener, told: this.check(service) ?? 'SERVICE_UNKNOWN' };
    this.#watches.add(watch);
    listener.onHealth(watch.told);
    return () => void this.#watches.delete(watch);
  }

  /** From now on nothing serves, whatever becomes of the models. */
  readonly drain = (): void => {
    this.#isDraining = true;
    this.#tell();
  };

  /** Hears of nothing any more, and ends all watches. */
  close(): void {
    for (const event of events) this.#server.off(event, this.#onEvent);
    this.#server.off('closing', this.drain);
    for (const { listener } of this.#watches) listener.onEnd();
    this.#watches.clear();
  }

  /** What changes together is told once. */
  readonly #onEvent = (): void => {
    if (this.#isDue || this.#watches.size === 0) return;
    this.#isDue = true;
    setImmediate(() => {
      this.#isDue = false;
      this.#tell();
    });
  };

  #tell(): void {
    const all = this.list();
    for (const watch of [...this.#watches]) {
      const health = all.get(watch.service) ?? 'SERVICE_UNKNOWN';
      if (health === watch.told) continue;
      watch.told = health;
      watch.listener.onHealth(health);
    }
  }

  #health(isReady: boolean): Health {
    return isReady && !this.#isDraining ? 'SERVING' : 'NOT_SERVING';
  }
}
