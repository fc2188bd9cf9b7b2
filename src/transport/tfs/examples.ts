import type { Example } from '../../core/example.js';
import { decodeExample } from '../../wire/example.js';
import type { tensorflow } from '../../wire/messages.js';

/**
 * The examples of an Input, each with what the context says of all; none where it has no kind.
 *
 * @throws ServingError INVALID_ARGUMENT for an example that is none.
 */
export function examplesOf(input: tensorflow.serving.Input.$Shape | null | undefined): readonly Example[] {
  const withContext = input?.example_list_with_context;
  const context = withContext?.context && decodeExample(bytesOf(withContext.context));
  const examples = (withContext ?? input?.example_list)?.examples ?? [];
  return examples.map((each) => decodeExample(bytesOf(each), context ?? undefined));
}

/** What generated code calls an Example is its bytes. */
function bytesOf(example: unknown): Uint8Array {
  return example instanceof Uint8Array ? example : new Uint8Array();
}
