import type { ServiceDefinition } from '@grpc/grpc-js';

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
      requestSerialize: toBuffer,
      requestDeserialize: toBuffer,
      responseSerialize: toBuffer,
      responseDeserialize: toBuffer,
    },
  ]);
  return Object.fromEntries(entries);
}

/** A view. */
function toBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
