import type { TensorMap } from '../core/tensor.js';
import { ByteSink } from './byte-sink.js';
import { writeSpec, writeTensors } from './write-predict.js';

// The numbers of fields are TF Serving's: apis/{prediction_log,predict,model}.proto, core/logging.proto and apis/logging.proto.

/** Which servable a logged request was for. */
export interface LoggedSpec {
  readonly model: string;
  readonly version?: number;
  readonly label?: string;
  /** '' where the request named none. */
  readonly signature: string;
}

/** A predict request with its answer, for a log. */
export interface PredictLogEntry {
  readonly spec: LoggedSpec;
  readonly inputs: TensorMap;
  readonly outputFilter?: readonly string[];
  /** Absent where the request is logged alone, as for a warm-up file. */
  readonly outputs?: TensorMap;
  /** Which share of requests is logged, from 0 to 1. */
  readonly samplingRate?: number;
  /** When it was answered, in seconds since 1970. */
  readonly timestampSecs?: number;
}

/** The bytes of a PredictionLog of a predict request. */
export function encodePredictLog(entry: PredictLogEntry): Uint8Array {
  const { spec, inputs, outputs, outputFilter = [], samplingRate, timestampSecs } = entry;
  const sink = new ByteSink();
  if (timestampSecs !== undefined || samplingRate !== undefined) {
    sink.message(1, (metadata) => {
      metadata.message(1, (to) => writeSpec(to, spec));
      if (samplingRate) metadata.message(2, (to) => to.varint(1 * 8 + 1).double(samplingRate));
      if (timestampSecs) metadata.number(4, Math.floor(timestampSecs));
    });
  }
  sink.message(6, (log) => {
    log.message(1, (request) => {
      request.message(1, (to) => writeSpec(to, spec));
      writeTensors(request, 2, inputs);
      for (const alias of outputFilter) request.field(3, Buffer.from(alias, 'utf8'));
    });
    if (outputs === undefined) return;
    log.message(2, (response) => {
      writeTensors(response, 1, outputs);
      response.message(2, (to) => writeSpec(to, spec));
    });
  });
  return sink.written;
}
