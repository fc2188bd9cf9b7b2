import type { Example } from '../core/example.js';
import { type DecodeExampleOptions, decodeExample } from './example.js';
import { rawBytes, type tensorflow } from './messages.js';
import { messageIn, readFields } from './wire-bytes.js';

/**
 * The examples of an Input, each with what the context says of all; none where it has no kind.
 *
 * @throws ServingError INVALID_ARGUMENT for an example that is none; what `takeBytes` throws.
 */
export function decodeExamples(
  input: tensorflow.serving.Input.$Properties | null | undefined,
  options: Omit<DecodeExampleOptions, 'context'> = {},
): readonly Example[] {
  const withContext = input?.example_list_with_context;
  const list = rawBytes(withContext ?? input?.example_list);
  const context = withContext && decodeExample(messageIn(list, 2) ?? new Uint8Array(), options);
  const examples: Example[] = [];
  readFields(list, (field, wireType, from) => {
    if (field !== 1 || wireType !== 2) return from.skipField(wireType);
    examples.push(decodeExample(from.delimited(), { ...options, ...(context && { context }) }));
  });
  return examples;
}
