import { ServingError } from '../../core/errors.js';
import type { Signature } from '../../core/signature.js';
import { tensorflow } from '../../wire/messages.js';
import type { ServingApi, VersionStatus } from '../serving-api.js';
import { signatureDef } from '../tfs/signature-def.js';
import { stateName, wantedVersions } from '../tfs/wanted-versions.js';
import { answered, type RestAnswer } from './rest-answer.js';
import type { RestTarget } from './route.js';

// JSON as protobuf's own printer writes these messages for TF Serving: integers of 64 bits as strings, and what is not set
// with its default.

/** The versions of a model. Source: TF Serving, model_servers/http_rest_api_handler.cc, `ProcessModelStatusRequest`. */
export function restStatus(server: ServingApi, { model, version }: RestTarget): RestAnswer {
  return answered(JSON.stringify(statusJson(wantedVersions(server, model, version))));
}

/** All models, which TF Serving has no list of. */
export function restList(server: ServingApi): RestAnswer {
  const models = server.listModels().map(({ name, isReady }) => ({
    name,
    ready: isReady,
    ...statusJson(server.status(name)),
  }));
  return answered(JSON.stringify({ models }));
}

/** Whether a model can answer now. */
export function restReady(server: ServingApi, target: RestTarget): RestAnswer {
  const { version, label } = target;
  const known = server.listModels().find(({ name }) => name === target.model);
  const isThere = version === undefined && label === undefined ? known?.isReady : isAnswering(server, target);
  if (isThere) return answered(JSON.stringify({ ready: true }));
  throw known
    ? new ServingError('UNAVAILABLE', `Model ${target.model} is not ready`)
    : new ServingError('NOT_FOUND', `Could not find any versions of model ${target.model}`);
}

function isAnswering(server: ServingApi, target: RestTarget): boolean {
  try {
    server.metadata(target);
    return true;
  } catch {
    return false;
  }
}

/** What a version can be asked. Source: TF Serving, servables/tensorflow/get_model_metadata_impl.cc. */
export function restMetadata(server: ServingApi, target: RestTarget): RestAnswer {
  const { id, signatures } = server.metadata(target);
  const defs = Object.fromEntries([...signatures].map(([name, each]) => [name, signatureJson(each)]));
  const json = {
    model_spec: { name: id.model, signature_name: '', version: String(id.version) },
    metadata: { signature_def: { signature_def: defs } },
  };
  return answered(JSON.stringify(json), id);
}

function statusJson(versions: readonly VersionStatus[]) {
  return {
    model_version_status: versions.map(({ id, state, error }) => ({
      version: String(id.version),
      state: stateName(state),
      status: { error_code: error?.code ?? 'OK', error_message: error?.message ?? '' },
    })),
  };
}

function signatureJson(signature: Signature) {
  const { inputs, outputs, method_name } = signatureDef(signature);
  return { inputs: tensorsJson(inputs), outputs: tensorsJson(outputs), method_name, defaults: {} };
}

type TensorInfos = tensorflow.SignatureDef.$Properties['inputs'];

function tensorsJson(infos: TensorInfos) {
  return Object.fromEntries(Object.entries(infos ?? {}).map(([alias, info]) => [alias, tensorJson(info)]));
}

function tensorJson({ name, dtype, tensor_shape }: tensorflow.TensorInfo.$Properties) {
  const { dim = [], unknown_rank = false } = tensor_shape ?? {};
  return {
    dtype: tensorflow.DataType[dtype as number],
    tensor_shape: { dim: dim?.map(({ size }) => ({ size: String(size), name: '' })), unknown_rank },
    name,
  };
}
