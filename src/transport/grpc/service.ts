import type { ServiceDefinition } from '@grpc/grpc-js';
import { asBuffer } from '../../core/as-buffer.js';

/** A service whose messages are handled as bytes: each method decodes and encodes its own. */
export function bytesService(
  name: string,
  methods: Readonly<Record<string, { readonly responseStream?: boolean }>>,
): ServiceDefinition {
  const entries = Object.entries(methods).map(([method, { responseStream = false }]) => [
    method,
    {
      path: `/${name}/${method}`,
      requestStream: false,
      responseStream,
      requestSerialize: asBuffer,
      requestDeserialize: asBuffer,
      responseSerialize: asBuffer,
      responseDeserialize: asBuffer,
    },
  ]);
  return Object.fromEntries(entries);
}
