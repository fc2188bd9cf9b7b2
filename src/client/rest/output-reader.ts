// Hot path: once for each predict request over REST. Guarded by bench/client/predict.mjs.
import type { CancelSignal } from '../../core/cancellation.js';
import { ServingError } from '../../core/errors.js';
import { withPatience } from '../../core/patience.js';
import { findSignature, selectOutputs } from '../../core/signature-check.js';
import type { Tensor, TensorMap } from '../../core/tensor.js';
import { decodeOutputs } from '../../json/decode-answer.js';
import type { VersionMetadata } from '../answers.js';
import type { ResolvedClientOptions } from '../client-options.js';
import { readAnswer } from '../read-answer.js';
import type { HttpReply } from './rest-failure.js';
import { SignatureCache } from './signature-cache.js';

export interface OutputReaderParts {
  readonly options: ResolvedClientOptions;
  /** Asks the server what stands behind a path. Rejects with a ServingError, and with nothing else. */
  readonly getMetadata: (path: string, signal: CancelSignal | undefined) => Promise<VersionMetadata>;
}

/** What an answer was asked for. */
export interface AnswerTerms {
  /** Of the version that answered, where that is known; else of what was asked for. */
  readonly path: string;
  readonly isVersionKnown: boolean;
  readonly wanted: {
    readonly model: string;
    readonly signature: string | undefined;
    readonly outputs: readonly string[] | undefined;
  };
}

/** Makes tensors of the JSON of predictions, with what the server tells of the signatures that it is of. */
export class OutputReader {
  readonly #options: ResolvedClientOptions;
  readonly #signatures: SignatureCache;

  constructor({ options, getMetadata }: OutputReaderParts) {
    this.#options = options;
    const { clock, timeoutMs } = options;
    // For all who want to know: none of their signals ends it.
    this.#signatures = new SignatureCache(clock, (path) =>
      withPatience(clock, { timeoutMs }, (signal) => getMetadata(path, signal)),
    );
  }

  /**
   * The outputs that were wanted. Where it is not known which version answered, what is known of the signature may be of
   * another one: it is asked for again, once, where the answer does not fit it.
   */
  async read(reply: HttpReply, terms: AnswerTerms): Promise<TensorMap> {
    const { path, isVersionKnown } = terms;
    try {
      return this.#decode(reply, await this.#metadata(path), terms);
    } catch (error) {
      if (isVersionKnown || ServingError.from(error).code !== 'DATA_LOSS') throw error;
      this.#signatures.forget(path);
      return this.#decode(reply, await this.#metadata(path), terms);
    }
  }

  #decode(
    { body }: HttpReply,
    { id, signatures }: VersionMetadata,
    { path, wanted }: AnswerTerms,
  ): TensorMap {
    const signature = findSignature(signatures, wanted.signature);
    const named = { model: wanted.model, version: id.version ?? 0 };
    const selected = selectOutputs(named, signature, wanted.outputs);
    const place = { method: `${path}:predict`, address: this.#options.address.text };
    const all = readAnswer(body, place, (bytes) => decodeOutputs(bytes, signature));
    if (wanted.outputs === undefined || wanted.outputs.length === 0) return all;
    return Object.fromEntries(selected.map((alias) => [alias, all[alias] as Tensor]));
  }

  /** @throws ServingError UNAVAILABLE where the version has gone in the meantime: another one will answer. */
  async #metadata(path: string): Promise<VersionMetadata> {
    try {
      return await this.#signatures.get(path);
    } catch (cause) {
      const { code, message } = ServingError.from(cause);
      if (code !== 'NOT_FOUND') throw cause;
      const text = `Cannot read the answer: its version has gone before its signature was told: ${message}`;
      throw new ServingError('UNAVAILABLE', text, { cause });
    }
  }
}
