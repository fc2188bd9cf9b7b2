import { invalidArgument, ServingError } from '../../core/errors.js';
import type { ModelSpec } from '../../core/model-spec.js';
import type { ServableId } from '../../core/servable-id.js';
import { defaultSignatureName } from '../../core/signature.js';
import { tensorflow } from '../../wire/messages.js';
import type { ClientPatience } from '../serving-api.js';

type SpecMessage = tensorflow.serving.ModelSpec.$Properties;

/**
 * Which model, version and signature a request means. Source of the texts: TF Serving, model_servers/server_core.cc and
 * servables/tensorflow/predict_impl.cc.
 *
 * @param patience of the client, whose request is now known to name a model.
 * @throws ServingError INVALID_ARGUMENT for none, and for one without a name; NOT_FOUND for a version that cannot be one.
 */
export function specOf(message: SpecMessage | null | undefined, { wire }: ClientPatience): ModelSpec {
  if (!message) throw invalidArgument('Missing ModelSpec');
  const { name: model, version_label: label, signature_name: signature } = message;
  if (!model) throw invalidArgument('ModelSpec has no name specified.');
  if (wire !== undefined) wire.model = model;
  const version = versionOf(message, (number) => {
    const text = `Servable not found for request: Specific(${model}, ${number})`;
    return new ServingError('NOT_FOUND', text);
  });
  return {
    model,
    ...(version !== undefined && { version }),
    ...(typeof label === 'string' && { label }),
    ...(signature && { signature }),
  };
}

/**
 * The version that a request names; undefined where it names none.
 *
 * @param refuse makes the error for a number that no directory can have: a negative one, or one beyond 2^53 - 1.
 */
export function versionOf(
  { version }: SpecMessage,
  refuse: (version: string) => ServingError,
): number | undefined {
  if (!version) return undefined;
  const number = Number(version.value ?? 0);
  if (Number.isSafeInteger(number) && number >= 0) return number;
  throw refuse(String(version.value));
}

/** Which servable answered; the label that the request may have used is not echoed. */
export function specMessage({ model, version }: ServableId, signature = ''): tensorflow.serving.ModelSpec {
  return new tensorflow.serving.ModelSpec({
    name: model,
    version: { value: version as never },
    signature_name: signature,
  });
}

/** The name of the signature that answers. */
export function signatureName({ signature }: ModelSpec): string {
  return signature || defaultSignatureName;
}
