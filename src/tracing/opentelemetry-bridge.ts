import { tracingChannel } from 'node:diagnostics_channel';
import {
  type Attributes,
  type Context,
  context,
  type Link,
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  type TextMapGetter,
  TraceFlags,
  type Tracer,
  type TracerProvider,
  trace,
} from '@opentelemetry/api';
import type { BatchRecord } from '../batching/batch-record.js';
import type { LoadRecord } from '../control/lifecycle-observer.js';
import { ServingError, type StatusCode } from '../core/errors.js';
import type { RequestRecord, WireRecord } from '../core/request-records.js';
import type { ModelRun } from '../runner/model-run.js';

/** Whose tracer makes the spans. */
export interface OpenTelemetryOptions {
  /** Makes the spans. @default the one that is registered with `@opentelemetry/api` */
  readonly tracerProvider?: TracerProvider;
}

/**
 * Makes spans of what all servers of this process do, from now on; returns what ends that.
 *
 * - `servable.request`, a server span, of each request over gRPC or REST: part of the trace that its `traceparent` names (or
 *   whatever the registered propagator reads).
 * - `servable.predict`, of each request to a server: below the former, or below the span that is active where it is asked.
 * - `servable.batch`, of each run that requests share: a trace of its own, with links to its requests.
 * - `servable.run`, of each run of a model for requests: below its batch, or its request.
 * - `servable.load`, of each attempt to load a version.
 *
 * Attributes have the prefix `servable.`. Spans that are recorded give their traces to the exemplars of the metrics.
 *
 * @example
 * ```ts
 * import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
 * import { ModelServer, tensor } from 'servable';
 * import { bridgeOpenTelemetry } from 'servable/opentelemetry';
 *
 * const exporter = new InMemorySpanExporter();
 * const tracerProvider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
 * const stop = bridgeOpenTelemetry({ tracerProvider });
 * const server = await new ModelServer({
 *   models: [{ name: 'digits', basePath: 'examples/models/digits' }],
 * }).start();
 * await server.predict('digits', { pixels: tensor('float32', [1, 64], new Float32Array(64)) });
 * const names = exporter.getFinishedSpans().map(({ name }) => name);
 * console.log(names.join()); // servable.load,servable.run,servable.predict
 * stop();
 * await server.close();
 * ```
 */
export function bridgeOpenTelemetry({ tracerProvider }: OpenTelemetryOptions = {}): () => void {
  const tracer = (tracerProvider ?? trace).getTracer('servable');
  const spans = new Spans(tracer);
  const stops = [
    follow<WireRecord>('servable:request', spans, requestSpan),
    follow<RequestRecord>('servable:predict', spans, predictSpan),
    follow<BatchRecord>('servable:batch', spans, batchSpan),
    follow<ModelRun>('servable:run', spans, runSpan),
    follow<LoadRecord>('servable:load', spans, loadSpan),
  ];
  return () => {
    for (const stop of stops) stop();
  };
}

/** The spans of what is under way, by the messages of the channels. */
class Spans {
  readonly tracer: Tracer;
  readonly #spans = new WeakMap<object, Span>();

  constructor(tracer: Tracer) {
    this.tracer = tracer;
  }

  set(message: object, span: Span): void {
    this.#spans.set(message, span);
  }

  get(message: object | undefined): Span | undefined {
    return message && this.#spans.get(message);
  }

  /** The context below the span of a message; `otherwise` where it has none. */
  below(message: object | undefined, otherwise: Context): Context {
    const span = this.get(message);
    return span === undefined ? otherwise : trace.setSpan(otherwise, span);
  }
}

/** How a kind of work becomes spans. */
interface SpanKindOf<Message> {
  /** Undefined where it is to have none. */
  readonly begin: (message: Message, spans: Spans) => Span | undefined;
  /** What is known of it at its end. */
  readonly attributes: (message: Message) => Attributes;
}

function follow<Message extends object>(name: string, spans: Spans, kind: SpanKindOf<Message>): () => void {
  const channel = tracingChannel<unknown, Message>(name);
  const ignore = () => {};
  const subscribers = {
    start: (message: Message) => {
      const span = kind.begin(message, spans);
      if (span === undefined) return;
      spans.set(message, span);
      noteTrace(message, span);
    },
    end: ignore,
    asyncStart: ignore,
    asyncEnd: (message: Message & { readonly error?: unknown }) => {
      const span = spans.get(message);
      if (span === undefined) return; // it began before anybody listened
      span.setAttributes(kind.attributes(message));
      if (message.error !== undefined) setError(span, ServingError.from(message.error));
      span.end();
    },
    error: ignore,
  };
  channel.subscribe(subscribers as never);
  return () => void channel.unsubscribe(subscribers as never);
}

/** For the exemplars of metrics: only where the trace can be looked up. */
function noteTrace(message: object, span: Span): void {
  const { traceId, traceFlags } = span.spanContext();
  if (traceFlags & TraceFlags.SAMPLED && 'traceId' in message) message.traceId = traceId;
}

/** Errors that are the server's own. What the client has to mend is no failure of the server's span. */
const serverFaults: ReadonlySet<StatusCode> = new Set([
  'UNKNOWN',
  'DEADLINE_EXCEEDED',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
]);

/** Source: OpenTelemetry, semantic conventions for gRPC, status of server spans. */
function setError(span: Span, { code, message }: ServingError): void {
  span.setAttribute('servable.code', code);
  if (serverFaults.has(code)) span.setStatus({ code: SpanStatusCode.ERROR, message });
}

const headers: TextMapGetter<WireRecord> = {
  get: ({ header }, key) => header(key.toLowerCase()),
  keys: () => [], // no propagator of the W3C's asks for them
};

const requestSpan: SpanKindOf<WireRecord> = {
  begin: (wire, { tracer }) => {
    const parent = propagation.extract(ROOT_CONTEXT, wire, headers);
    return tracer.startSpan('servable.request', { kind: SpanKind.SERVER }, parent);
  },
  attributes: ({ entrypoint, api, model }) => ({
    'servable.entrypoint': entrypoint,
    'servable.api': api,
    'servable.model': model,
  }),
};

const predictSpan: SpanKindOf<RequestRecord> = {
  begin: ({ method, spec, wire }, spans) => {
    const attributes = { 'servable.method': method, 'servable.model': spec.model };
    const parent = spans.below(wire, context.active());
    return spans.tracer.startSpan('servable.predict', { attributes }, parent);
  },
  attributes: ({ id, rows, queueMicros, runMicros }) => ({
    ...(id && { 'servable.version': id.version }),
    'servable.rows': rows,
    'servable.queue_micros': queueMicros,
    'servable.run_micros': runMicros,
  }),
};

const batchSpan: SpanKindOf<BatchRecord> = {
  begin: ({ id, requests, rows, padding, attempt }, spans) => {
    if (requests.length === 0) return undefined; // of a warm-up
    const linked = new Set(requests.map((request) => spans.get(request)));
    const links: Link[] = [...linked].flatMap((span) => (span ? [{ context: span.spanContext() }] : []));
    const attributes = {
      'servable.model': id.model,
      'servable.version': id.version,
      'servable.requests': requests.length,
      'servable.rows': rows,
      'servable.padding': padding,
      'servable.attempt': attempt,
    };
    return spans.tracer.startSpan('servable.batch', { root: true, links, attributes }, ROOT_CONTEXT);
  },
  attributes: () => ({}),
};

const runSpan: SpanKindOf<ModelRun> = {
  begin: ({ id, origin }, spans) => {
    if (spans.get(origin) === undefined) return undefined;
    const attributes = { 'servable.model': id.model, 'servable.version': id.version };
    return spans.tracer.startSpan('servable.run', { attributes }, spans.below(origin, ROOT_CONTEXT));
  },
  attributes: ({ runMicros, isInline }) => ({
    'servable.run_micros': runMicros,
    'servable.place': isInline ? 'calling_thread' : 'batch_thread',
  }),
};

const loadSpan: SpanKindOf<LoadRecord> = {
  begin: ({ id, path }, { tracer }) => {
    const attributes = {
      'servable.model': id.model,
      'servable.version': id.version,
      'servable.path': path,
    };
    return tracer.startSpan('servable.load', { root: true, attributes }, ROOT_CONTEXT);
  },
  attributes: () => ({}),
};
