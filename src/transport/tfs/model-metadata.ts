import { invalidArgument } from '../../core/errors.js';
import { decodeSmallMessage, google, tensorflow } from '../../wire/messages.js';
import type { Method, MethodParts } from './method.js';
import { specMessage, specOf } from './model-spec.js';
import { signatureDef } from './signature-def.js';

const { GetModelMetadataRequest, GetModelMetadataResponse, SignatureDefMap } = tensorflow.serving;

const signatureField = 'signature_def';

/** GetModelMetadata. Source of the texts: TF Serving, servables/tensorflow/get_model_metadata_impl.cc. */
export function modelMetadataMethod({ server }: MethodParts): Method {
  return async (bytes, { patience }) => {
    const request = decodeSmallMessage('GetModelMetadataRequest', GetModelMetadataRequest, bytes);
    if (!request.model_spec) throw invalidArgument('Missing ModelSpec');
    if (request.metadata_field.length === 0) {
      throw invalidArgument('GetModelMetadataRequest must specify at least one metadata_field');
    }
    const unknown = request.metadata_field.find((field) => field !== signatureField);
    if (unknown !== undefined) throw invalidArgument(`Metadata field ${unknown} is not supported`);
    const { id, signatures } = server.metadata(specOf(request.model_spec, patience));
    const defs = [...signatures].map(([name, signature]) => [name, signatureDef(signature)] as const);
    const value = SignatureDefMap.encode({ signature_def: Object.fromEntries(defs) }).finish();
    const any = new google.protobuf.Any({
      type_url: 'type.googleapis.com/tensorflow.serving.SignatureDefMap',
      value,
    });
    return GetModelMetadataResponse.encode({
      model_spec: specMessage(id),
      metadata: { [signatureField]: any },
    }).finish();
  };
}
