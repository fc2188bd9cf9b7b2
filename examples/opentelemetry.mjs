/**
 * Spans of OpenTelemetry: a request over REST in the trace of its client.
 */
import { propagation } from '@opentelemetry/api';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { ModelServer } from 'servable';
import { createHttpHandler } from 'servable/http';
import { bridgeOpenTelemetry } from 'servable/opentelemetry';

// What a program with @opentelemetry/sdk-node has already.
propagation.setGlobalPropagator(new W3CTraceContextPropagator());
const exporter = new InMemorySpanExporter();
const tracerProvider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });

const stop = bridgeOpenTelemetry({ tracerProvider }); // or bridgeOpenTelemetry(), for the provider that is registered
const server = await new ModelServer({
  models: [{ name: 'digits', basePath: 'examples/models/digits' }],
}).start();
const { fetch } = createHttpHandler(server);

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
await fetch(
  new Request('http://localhost/v1/models/digits:predict', {
    method: 'POST',
    body: JSON.stringify({ instances: [Array(64).fill(0)] }),
    headers: { traceparent: `00-${traceId}-00f067aa0ba902b7-01` },
  }),
);
const ofClient = exporter.getFinishedSpans().filter((span) => span.spanContext().traceId === traceId);
console.log(ofClient.map(({ name }) => name).join()); // servable.run,servable.predict,servable.request
console.log(ofClient[1]?.attributes['servable.version']); // 3
stop();
await server.close();
