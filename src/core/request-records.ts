import type { Clock } from './clock.js';
import type { ServingError, StatusCode } from './errors.js';
import type { ModelSpec } from './model-spec.js';
import type { RunOrigin } from './run-origin.js';
import type { ServableId } from './servable-id.js';
import type { Trace } from './trace.js';

/** What is asked of a server. */
export type RequestMethod = 'predict' | 'classify' | 'regress' | 'multi_inference';

/**
 * What becomes known of one request on its way through a server: each part of the way writes down its own. The payload of
 * the tracing channel `servable:predict`.
 */
export class RequestRecord implements RunOrigin {
  /** Always 1: it is one request. */
  readonly requestCount = 1;
  /** Which call it was. */
  readonly method: RequestMethod;
  /** What the request asked for. */
  readonly spec: ModelSpec;
  /** What it came by; undefined where this process asked. */
  readonly wire: WireRecord | undefined;
  /** When it came, on the server's clock. */
  readonly startedMs: number;
  /** Which version answers it, as soon as that is known. */
  id: ServableId | undefined = undefined;
  /** Rows of its inputs; 1 where they have none. */
  rows = 0;
  /** When the model was asked for an answer, on the clock; undefined where the request did not come so far. */
  handedOverMs: number | undefined = undefined;
  /** Microseconds of waiting: for company, and for a thread. Of its pieces, where it was cut, the longest. */
  queueMicros = 0;
  /** Microseconds of the run that answered it. */
  runMicros = 0;
  /** When it was answered, on the clock. */
  endedMs = 0;
  /** Why it failed, where it did. */
  error: ServingError | undefined = undefined;
  /** Of the trace that it belongs to, 32 hexadecimal digits, where that is recorded: whoever traces it sets it. */
  traceId: string | undefined = undefined;

  constructor(method: RequestMethod, spec: ModelSpec, startedMs: number, wire: WireRecord | undefined) {
    this.method = method;
    this.spec = spec;
    this.startedMs = startedMs;
    this.wire = wire;
    if (wire !== undefined) wire.request = this;
  }

  /** Is told by the runner how long it waited and ran. */
  noteRun(queueMicros: number, runMicros: number): void {
    this.queueMicros = Math.max(this.queueMicros, queueMicros);
    this.runMicros = Math.max(this.runMicros, runMicros);
  }
}

/** @internal Is told of every request when it has been answered. */
export interface RequestObserver {
  onAnswer(record: RequestRecord): void;
}

/** Reads what came beside a request: a header of HTTP, metadata of gRPC. The name has small letters. */
export type HeaderReader = (name: string) => string | undefined;

const noHeader: HeaderReader = () => undefined;

/** TF Serving's names for its two listeners. */
export type Entrypoint = 'GRPC' | 'REST';

/**
 * What becomes known of one request over a wire, from its coming to its answer. The payload of the tracing channel
 * `servable:request`.
 */
export class WireRecord {
  /** Which wire it came by. */
  readonly entrypoint: Entrypoint;
  /** When it came, on the server's clock. */
  readonly startedMs: number;
  /** What came beside it; nothing once it is answered. */
  header: HeaderReader;
  /** Over gRPC the method, `Predict`; over REST `predict`, `classify`, `regress`, or empty for all else. */
  api: string;
  /** The model that it names; empty where it names none, or could not be read. */
  model = '';
  /** When all of it was there, on the clock. */
  readMs: number;
  /** When its answer was ready to be sent, on the clock. */
  endedMs = 0;
  /** How it ended, as one of gRPC's canonical codes. */
  status: StatusCode | 'OK' = 'OK';
  /** What it asked of the server, where it came so far. */
  request: RequestRecord | undefined = undefined;
  /** As in {@link RequestRecord}. */
  traceId: string | undefined = undefined;

  constructor(entrypoint: Entrypoint, api: string, header: HeaderReader, startedMs: number) {
    this.entrypoint = entrypoint;
    this.api = api;
    this.startedMs = startedMs;
    this.readMs = startedMs;
    this.header = header;
  }

  /**
   * @internal Lets go of what it came in. A record that has lived through a collection of young objects would else keep
   * that alive through the next ones: 5 µs for each request over REST.
   */
  release(): void {
    this.header = noHeader;
  }
}

/** @internal Is told of every request over a wire when it has been answered. */
export interface WireObserver {
  onWireAnswer(record: WireRecord): void;
}

/** @internal Who looks at requests over wires. */
export interface WireWatch {
  readonly clock: Clock;
  readonly observer: WireObserver;
  readonly trace: Trace<WireRecord>;
  /** Is told what goes wrong with a listener, beside the requests. */
  readonly onFailure: (error: ServingError) => void;
}
