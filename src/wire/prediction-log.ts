import type { Example } from '../core/example.js';
import type { TensorMap } from '../core/tensor.js';
import { ByteSink } from './byte-sink.js';
import { decodeInputs } from './decode-inputs.js';
import type { DecodeTensorOptions } from './decode-tensor.js';
import { decodeExample } from './example.js';
import { decodeText, messageIn as findMessage, readFields } from './wire-bytes.js';
import { writeSpec, writeTensors } from './write-predict.js';

// The numbers of fields are TF Serving's: apis/{prediction_log,predict,classification,regression,inference,input,model}.proto,
// core/logging.proto and apis/logging.proto.

/** Which servable a logged request was for. */
export interface LoggedSpec {
  readonly model: string;
  readonly version?: number;
  readonly label?: string;
  /** '' where the request named none. */
  readonly signature: string;
}

/** A request of a PredictionLog, by its kind. */
export type LoggedRequest =
  | {
      readonly kind: 'predict';
      readonly spec: LoggedSpec;
      readonly inputs: TensorMap;
      readonly outputFilter: readonly string[];
    }
  | {
      readonly kind: 'classify' | 'regress';
      readonly spec: LoggedSpec;
      readonly examples: readonly Example[];
    }
  | {
      readonly kind: 'multi-inference';
      readonly specs: readonly LoggedSpec[];
      readonly examples: readonly Example[];
    }
  /** A kind that is not run here, by its field number: 5 is a SessionRunLog, 7 a PredictStreamedLog. */
  | { readonly kind: 'unsupported'; readonly logType: number }
  | { readonly kind: 'none' };

const emptySpec: LoggedSpec = { model: '', signature: '' };

/**
 * The request in the bytes of a PredictionLog; its response is not looked at. Fields that are not known are passed over, as
 * protobuf does: a later TF Serving may have written them.
 *
 * @throws ServingError INVALID_ARGUMENT for bytes that are none, and as `decodeTensor` does, with the alias as `input`.
 */
export function decodeRequest(bytes: Uint8Array, options: DecodeTensorOptions = {}): LoggedRequest {
  let logType = 0;
  readFields(bytes, (field, wireType, from) => {
    if (field >= 2 && field <= 7 && wireType === 2) logType = field;
    from.skipField(wireType);
  });
  if (logType === 0) return { kind: 'none' };
  const request = () => messageIn(messageIn(bytes, logType), 1);
  if (logType === 6) return decodePredict(request(), options);
  if (logType === 2) return { kind: 'classify', ...decodeExamplesRequest(request()) };
  if (logType === 3) return { kind: 'regress', ...decodeExamplesRequest(request()) };
  return logType === 4 ? decodeMultiInference(request()) : { kind: 'unsupported', logType };
}

/** The message in a field; a missing one is as good as an empty one. */
function messageIn(bytes: Uint8Array, wanted: number): Uint8Array {
  return findMessage(bytes, wanted) ?? new Uint8Array();
}

function decodePredict(bytes: Uint8Array, options: DecodeTensorOptions): LoggedRequest {
  let spec = emptySpec;
  const entries = new Map<string, Uint8Array>(); // of an alias that occurs twice, the last one counts
  const outputFilter: string[] = [];
  readFields(bytes, (field, wireType, from) => {
    if (wireType !== 2) return from.skipField(wireType);
    const value = from.delimited();
    if (field === 1) spec = decodeSpec(value);
    else if (field === 2) entries.set(decodeText(messageIn(value, 1)), messageIn(value, 2));
    else if (field === 3) outputFilter.push(decodeText(value));
  });
  return { kind: 'predict', spec, inputs: decodeInputs(entries, options), outputFilter };
}

function decodeSpec(bytes: Uint8Array): LoggedSpec {
  let spec: LoggedSpec = emptySpec;
  readFields(bytes, (field, wireType, from) => {
    if (wireType !== 2) return from.skipField(wireType);
    const value = from.delimited();
    if (field === 1) spec = { ...spec, model: decodeText(value) };
    else if (field === 2) spec = { ...spec, version: decodeVersion(value) };
    else if (field === 3) spec = { ...spec, signature: decodeText(value) };
    else if (field === 4) spec = { ...spec, label: decodeText(value) };
  });
  return spec;
}

function decodeVersion(bytes: Uint8Array): number {
  let version = 0n;
  readFields(bytes, (field, wireType, from) => {
    if (field === 1 && wireType === 0) version = from.int64();
    else from.skipField(wireType);
  });
  return Number(version);
}

function decodeExamplesRequest(bytes: Uint8Array): { spec: LoggedSpec; examples: readonly Example[] } {
  return { spec: decodeSpec(messageIn(bytes, 1)), examples: decodeInput(messageIn(bytes, 2)) };
}

function decodeMultiInference(bytes: Uint8Array): LoggedRequest {
  const specs: LoggedSpec[] = [];
  readFields(bytes, (field, wireType, from) => {
    if (field === 1 && wireType === 2) specs.push(decodeSpec(messageIn(from.delimited(), 1)));
    else from.skipField(wireType);
  });
  return { kind: 'multi-inference', specs, examples: decodeInput(messageIn(bytes, 2)) };
}

/** A list of examples, each with what the context says of all. */
function decodeInput(bytes: Uint8Array): readonly Example[] {
  let kind = 1;
  readFields(bytes, (field, wireType, from) => {
    if ((field === 1 || field === 2) && wireType === 2) kind = field;
    from.skipField(wireType);
  });
  const list = messageIn(bytes, kind);
  const context = kind === 2 ? decodeExample(messageIn(list, 2)) : undefined;
  const examples: Example[] = [];
  readFields(list, (field, wireType, from) => {
    if (field === 1 && wireType === 2) examples.push(decodeExample(from.delimited(), context));
    else from.skipField(wireType);
  });
  return examples;
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
