import type { BatchRecord } from '../batching/batch-record.js';
import type { LoadRecord } from '../control/lifecycle-observer.js';
import type { RequestRecord, WireRecord } from '../core/request-records.js';
import type { ModelRun } from '../runner/model-run.js';
import { ChannelTrace } from './channel-trace.js';

/**
 * What a server does, on tracing channels of node:diagnostics_channel, of all servers in the process:
 *
 * - `servable:request`: a request over gRPC or REST, from its coming to its answer; {@link WireRecord}.
 * - `servable:predict`: a request to the server (`predict`, `classify`, `regress`, `multiInference`); {@link RequestRecord}.
 * - `servable:batch`: a run that requests share, from their being put together on; {@link BatchRecord}.
 * - `servable:run`: a run of a model; {@link ModelRun}.
 * - `servable:load`: an attempt to load a version, with its warm-up; {@link LoadRecord}.
 *
 * Each has the events of Node's `TracingChannel`: `start`, `end` (of the synchronous part), `asyncStart`, `asyncEnd`, and
 * `error`. The message is the same object in all of them, and is filled as the work goes on: at `asyncEnd` it has all but
 * what its own last step writes. A subscriber that throws is an uncaught exception, and changes nothing.
 */
export const serverTraces = {
  request: new ChannelTrace<WireRecord>('servable:request'),
  predict: new ChannelTrace<RequestRecord>('servable:predict'),
  batch: new ChannelTrace<BatchRecord>('servable:batch'),
  run: new ChannelTrace<ModelRun>('servable:run'),
  load: new ChannelTrace<LoadRecord>('servable:load'),
};
