import { asBuffer } from '../core/as-buffer.js';
import { invalidArgument } from '../core/errors.js';
import type { Signature } from '../core/signature.js';
import type { TensorMap } from '../core/tensor.js';
import { debugText } from './debug-text.js';
import { decodeInputs } from './decode-inputs.js';
import type { PredictForm } from './decoded-inputs.js';
import { JsonDocument } from './json-document.js';
import { scanInputs } from './scan-inputs.js';
import type { TakeBytes } from './tensor-sink.js';

const signatureKey = 'signature_name';
/** The usual first member, if it holds no escapes: of two of a name, the first one counts. */
const leadingSignature = /^\s*\{\s*"signature_name"\s*:\s*"([ !#-[\]-~]*)"/;

/**
 * The body of a predict request, read as late as it can be: numbers go straight from the bytes into typed arrays of the
 * signature's dtypes. Whatever is unusual in it is read again, slowly, in TF Serving's order and with its messages.
 *
 * Source: TF Serving, util/json_tensor.cc, `FillPredictRequestFromJson`.
 */
export class PredictBody {
  readonly #bytes: Buffer;
  readonly #takeBytes: TakeBytes;
  #document: JsonDocument | undefined;
  #form: PredictForm = 'row';

  constructor(bytes: Uint8Array, takeBytes: TakeBytes) {
    this.#bytes = asBuffer(bytes);
    this.#takeBytes = takeBytes;
  }

  /** Known when the inputs are. */
  get form(): PredictForm {
    return this.#form;
  }

  /**
   * The signature that the request names.
   *
   * @throws ServingError INVALID_ARGUMENT where it is no string.
   */
  signatureName(): string | undefined {
    const [, name] = leadingSignature.exec(this.#bytes.toString('latin1', 0, 256)) ?? [];
    if (name !== undefined) return name;
    const isNamed = this.#bytes.includes(signatureKey) || this.#bytes.includes(0x5c); // which may hide a name
    return isNamed ? signatureNameOf(this.document) : undefined;
  }

  /** @throws ServingError INVALID_ARGUMENT for what does not fit, UNIMPLEMENTED for a dtype that JSON is not read into. */
  inputs(signature: Signature): TensorMap {
    const scanned = scanInputs(this.#bytes, signature, this.#takeBytes);
    const { form, inputs } = scanned ?? decodeInputs(this.document, signature, this.#takeBytes);
    this.#form = form;
    return inputs;
  }

  /**
   * The text as a document.
   *
   * @throws ServingError INVALID_ARGUMENT for what is no JSON, or no object.
   */
  get document(): JsonDocument {
    this.#document ??= objectOf(this.#bytes);
    return this.#document;
  }
}

/** @throws ServingError INVALID_ARGUMENT for what is no JSON, or no object. */
export function objectOf(bytes: Uint8Array): JsonDocument {
  const document = new JsonDocument(bytes);
  if (document.kindAt(document.root) === 'Object') return document;
  throw invalidArgument(`JSON Value: ${debugText(document, document.root)} Is not object`);
}

/** @throws ServingError INVALID_ARGUMENT where it is no string. */
export function signatureNameOf(document: JsonDocument): string | undefined {
  const value = document.find(document.root, signatureKey);
  if (value === undefined) return undefined;
  if (document.kindAt(value) === 'String') return document.textAt(value);
  const shown = debugText(document, document.root);
  throw invalidArgument(
    `JSON Value: ${shown} not formatted correctly. '${signatureKey}' key must be a string value.`,
  );
}
