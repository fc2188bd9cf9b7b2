import { ServingError, type StatusCode } from '../../core/errors.js';
import type { ModelSpec } from '../../core/model-spec.js';
import { codeNumbers, codeOf } from '../../transport/status.js';
import { signatureOf } from '../../transport/tfs/signature-def.js';
import { tensorflow } from '../../wire/messages.js';
import type { VersionMetadata, VersionStatus } from '../answers.js';
import { highestFirst, stateOf } from '../version-states.js';

// JSON as protobuf's own printer writes it: integers of 64 bits as strings. What is missing or of another kind makes these
// throw, whatever; `readAnswer` says what was asked.

/** @throws where it is no GetModelStatusResponse. */
export function readStatusJson(bytes: Uint8Array, { model }: ModelSpec): readonly VersionStatus[] {
  const { model_version_status: versions } = parse(bytes) as StatusJson;
  return highestFirst(
    versions.map(({ version, state, status }) => ({
      id: { model, version: integerOf(version) },
      state: stateOf(state),
      ...(status && errorOf(status)),
    })),
  );
}

interface StatusJson {
  readonly model_version_status: readonly {
    readonly version: unknown;
    readonly state: unknown;
    readonly status?: { readonly error_code?: unknown; readonly error_message?: unknown };
  }[];
}

function errorOf(status: NonNullable<StatusJson['model_version_status'][number]['status']>) {
  const { error_code: code = 'OK', error_message: message = '' } = status;
  const name = typeof code === 'number' ? codeOf(code) : String(code);
  if (name === 'OK') return {};
  const known = Object.hasOwn(codeNumbers, name) ? (name as StatusCode) : 'UNKNOWN';
  return { error: new ServingError(known, String(message)) };
}

/** @throws where it is no GetModelMetadataResponse. */
export function readMetadataJson(bytes: Uint8Array, asked: ModelSpec): VersionMetadata {
  const { model_spec: spec, metadata } = parse(bytes) as MetadataJson;
  const defs = Object.entries(metadata.signature_def.signature_def);
  const signatures = defs.map(([name, { inputs, outputs, method_name }]) => {
    const def = { inputs: infosOf(inputs), outputs: infosOf(outputs), method_name: method_name ?? '' };
    return [name, signatureOf(name, def)] as const;
  });
  return { id: { model: asked.model, version: integerOf(spec.version) }, signatures: new Map(signatures) };
}

interface MetadataJson {
  readonly model_spec: { readonly version: unknown };
  readonly metadata: {
    readonly signature_def: { readonly signature_def: Readonly<Record<string, SignatureJson>> };
  };
}

interface SignatureJson {
  readonly inputs?: Readonly<Record<string, InfoJson>>;
  readonly outputs?: Readonly<Record<string, InfoJson>>;
  readonly method_name?: string;
}

interface InfoJson {
  readonly name?: string;
  readonly dtype?: string;
  readonly tensor_shape?: {
    readonly dim?: readonly { readonly size?: unknown }[];
    readonly unknown_rank?: boolean;
  };
}

function infosOf(infos: SignatureJson['inputs'] = {}): Record<string, tensorflow.TensorInfo.$Properties> {
  const entries = Object.entries(infos).map(
    ([alias, { name = '', dtype = '', tensor_shape: shape = {} }]) => {
      const dim = (shape.dim ?? []).map(({ size }) => ({ size: Number(size ?? 0) as never }));
      const number = (tensorflow.DataType as unknown as Readonly<Record<string, number>>)[dtype] ?? 0;
      const tensor_shape = { dim, unknown_rank: shape.unknown_rank ?? false };
      return [alias, { name, dtype: number, tensor_shape }] as const;
    },
  );
  return Object.fromEntries(entries);
}

function integerOf(text: unknown): number {
  const number = Number(text);
  if (Number.isSafeInteger(number) && text !== '') return number;
  throw new Error(`Its version is ${String(text)}, expected an integer`);
}

function parse(bytes: Uint8Array): unknown {
  return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8'));
}
