import type {
  DroppedRequest,
  LoggedRequest,
  RequestLogObserver,
} from '../../request-log/request-log-observer.js';
import type { Families } from '../series/families.js';

/** Counts what becomes of sampled requests. */
export class RequestLogMetrics implements RequestLogObserver {
  readonly #families: Families;

  constructor(families: Families) {
    this.#families = families;
  }

  onLogged({ model, bytes }: LoggedRequest): void {
    this.#families.requestLogCount.cell(model, 'OK').value++;
    this.#families.requestLogBytes.cell(model).value += bytes;
  }

  onDropped({ model, reason }: DroppedRequest): void {
    const code = reason === 'encode failed' ? 'INTERNAL' : 'UNAVAILABLE';
    this.#families.requestLogCount.cell(model, code).value++;
    this.#families.requestLogDropped.cell(model, reason.replace(' ', '_')).value++;
  }
}
