// Spans of OpenTelemetry; needs @opentelemetry/api.

export { bridgeOpenTelemetry, type OpenTelemetryOptions } from './tracing/opentelemetry-bridge.js';
