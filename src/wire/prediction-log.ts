import { ServingError } from '../core/errors.js';
import { putTensor, type Tensor, type TensorMap } from '../core/tensor.js';
import { ByteSink } from './byte-sink.js';
import { type DecodeTensorOptions, decodeTensor } from './decode-tensor.js';
import { writeTensor } from './encode-tensor.js';
import { decodeExample, type Example, mergeExample } from './example.js';
import { decodeText, readFields } from './wire-bytes.js';

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
 * The request in the bytes of a PredictionLog; its response is not looked at.
 *
 * @throws ServingError INVALID_ARGUMENT for bytes that are none, and as `decodeTensor` does.
 */
export function decodeRequest(bytes: Uint8Array, options: DecodeTensorOptions = {}): LoggedRequest {
  let request: LoggedRequest = { kind: 'none' };
  readFields(bytes, (field, wireType, from) => {
    if (wireType !== 2 || field < 2 || field > 7) {
      if (field < 1 || field > 7) throw notALog(`field ${field}`);
      return from.skipField(wireType);
    }
    const log = from.delimited();
    const inner = () => messageIn(log, 1);
    if (field === 6) request = decodePredict(inner(), options);
    else if (field === 2) request = { kind: 'classify', ...decodeExamplesRequest(inner()) };
    else if (field === 3) request = { kind: 'regress', ...decodeExamplesRequest(inner()) };
    else if (field === 4) request = decodeMultiInference(inner());
    else request = { kind: 'unsupported', logType: field };
  });
  return request;
}

function notALog(what: string): ServingError {
  return new ServingError('INVALID_ARGUMENT', `Cannot decode a PredictionLog: it has ${what}`);
}

/** The bytes of the last message in this field; none where there is none, as protobuf reads it. */
function messageIn(bytes: Uint8Array, wanted: number): Uint8Array {
  let message: Uint8Array = new Uint8Array();
  readFields(bytes, (field, wireType, from) => {
    if (field === wanted && wireType === 2) message = from.delimited();
    else from.skipField(wireType);
  });
  return message;
}

function decodePredict(bytes: Uint8Array, options: DecodeTensorOptions): LoggedRequest {
  let spec = emptySpec;
  const inputs: Record<string, Tensor> = {};
  const outputFilter: string[] = [];
  readFields(bytes, (field, wireType, from) => {
    if (wireType !== 2) return from.skipField(wireType);
    const value = from.delimited();
    if (field === 1) spec = decodeSpec(value);
    else if (field === 2) readInput(value, inputs, options);
    else if (field === 3) outputFilter.push(decodeText(value));
  });
  return { kind: 'predict', spec, inputs, outputFilter };
}

function readInput(entry: Uint8Array, inputs: Record<string, Tensor>, options: DecodeTensorOptions): void {
  putTensor(inputs, decodeText(messageIn(entry, 1)), decodeTensor(messageIn(entry, 2), options));
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
  let list: Uint8Array = new Uint8Array();
  let context: Example | undefined;
  readFields(bytes, (field, wireType, from) => {
    if (wireType !== 2 || field < 1 || field > 2) return from.skipField(wireType);
    list = from.delimited();
    context = field === 2 ? decodeExample(messageIn(list, 2)) : undefined;
  });
  const examples: Example[] = [];
  readFields(list, (field, wireType, from) => {
    if (field === 1 && wireType === 2) examples.push(mergeExample(context, decodeExample(from.delimited())));
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

function writeSpec(sink: ByteSink, { model, version, label = '', signature }: LoggedSpec): void {
  sink.text(1, model);
  if (version !== undefined) sink.message(2, (wrapper) => version > 0 && wrapper.number(1, version));
  sink.text(3, signature);
  sink.text(4, label);
}

function writeTensors(sink: ByteSink, field: number, tensors: TensorMap): void {
  for (const [alias, tensor] of Object.entries(tensors)) {
    sink.message(field, (entry) => entry.text(1, alias).message(2, (to) => writeTensor(to, tensor)));
  }
}
