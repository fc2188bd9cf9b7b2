// A client of a server in another process, or of TensorFlow Serving: the same calls over gRPC and over REST.
import { readFileSync } from 'node:fs';
import { ModelServer, tensor } from 'servable';
import { ServableClient, ServingError } from 'servable/client';
import { createGrpcServer } from 'servable/grpc';
import { createHttpHandler } from 'servable/http';

// The server, which would be elsewhere: `servable serve`, or TensorFlow Serving.
const server = new ModelServer({
  models: [
    {
      name: 'digits',
      basePath: 'examples/models/digits',
      versionPolicy: { specific: [1, 2] },
      labels: { stable: 1 },
    },
  ],
});
const grpcServer = createGrpcServer(server);
const handler = createHttpHandler(server);
const overGrpc = await grpcServer.listen('127.0.0.1:0');
const overRest = await handler.listen('127.0.0.1:0');

const grpcClient = new ServableClient({ address: `grpc://${overGrpc.address}`, timeoutMs: 10_000 });
console.log(await grpcClient.isReady('digits')); // false
const ready = grpcClient.waitForReady('digits', { pollIntervalMs: 50 });
await server.start();
await ready;

const { pixels: images } = JSON.parse(readFileSync('examples/models/digits/test-set.json', 'utf8'));
const pixels = tensor('float32', [2, 64], images.slice(0, 2).flat());
const { id, outputs } = await grpcClient.predict('digits', { pixels }, { outputs: ['label'] });
console.log(id.version, outputs.label?.data); // 2 BigInt64Array(2) [ 9n, 4n ]

// The same tensors come back over REST: the signature says what JSON's numbers are.
const restClient = new ServableClient({ address: `http://${overRest.address}` });
const spec = { model: 'digits', label: 'stable' };
const answer = await restClient.predict(spec, { pixels });
console.log(answer.id.version, answer.outputs.label?.dtype); // 1 int64
console.log((await restClient.signature(spec)).inputs.pixels?.shape); // [ null, 64 ]
console.log((await grpcClient.status('digits')).map(({ state }) => state).join()); // AVAILABLE,AVAILABLE

// Errors are the server's own, with its code and its words. What may pass by itself was tried three times.
try {
  await restClient.predict('letters', { pixels });
} catch (error) {
  if (error instanceof ServingError) console.log(error.code, error.retryable); // NOT_FOUND false
}
const patience = AbortSignal.abort(new Error('The user has left'));
const failed = await grpcClient.predict('digits', { pixels }, { signal: patience }).catch((error) => error);
console.log(failed.code); // CANCELLED

await Promise.all([grpcClient.close(), restClient.close()]);
await Promise.all([grpcServer.close(), handler.close()]);
await server.close();
