import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ModelServer } from 'servable';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type CallError, type Message, type Served, serveGrpc } from '../support/grpc.js';
import * as authored from '../support/onnx/authored-models.js';
import { temporaryFolder, writeModel } from '../support/onnx/model-folder.js';
import { describeShared, sharedFolder } from '../support/shared-folder.js';

const file = 'cases/tf-serving.json';

interface GrpcCase {
  readonly name: string;
  readonly kind: string;
  readonly request: { readonly rpc: string; readonly message: Message };
  readonly expect: {
    readonly grpc_code?: string;
    readonly message?: Message;
    readonly message_contains?: string;
    readonly outputs?: readonly string[];
    readonly scores?: readonly (readonly number[])[];
    readonly model_spec?: Message;
    readonly results?: readonly Message[];
  };
}

/** y = 0.5 x + 2 of any rank, as version 123. */
function writeHalfPlusTwo(folder: string): string {
  const signatures = {
    regress_x_to_y: { method: 'regress', outputs: { outputs: 'y' } },
    classify_x_to_y: { method: 'classify', outputs: { scores: 'y' } },
  };
  const beside = { 'signatures.json': JSON.stringify(signatures) };
  return writeModel(folder, 'half_plus_two', 123, authored.unrankedLinear(0.5, 2), beside);
}

describeShared('gRPC cases of TF Serving, through a socket', [file], () => {
  const all: readonly GrpcCase[] = JSON.parse(readFileSync(join(sharedFolder, file), 'utf8'));
  const cases = all.filter(({ kind }) => kind === 'grpc');
  const basePath = writeHalfPlusTwo(temporaryFolder());
  let server: ModelServer;
  let served: Served;

  beforeAll(async () => {
    server = await new ModelServer({ models: [{ name: 'half_plus_two', basePath }] }).start();
    served = await serveGrpc(server);
  });
  afterAll(async () => {
    served.client.close();
    await served.grpcServer.close();
    await server.close();
  });

  it('are all there', () => expect(cases.length).toBe(23));

  it.each(cases.map((each) => [each.name, each] as const))(
    '%s',
    async (_name, { request, expect: wanted }) => {
      const message = JSON.parse(
        JSON.stringify(request.message).replaceAll('/models/half_plus_two', basePath),
      );
      const answer = served.client.call(request.rpc, message);
      if (wanted.grpc_code !== undefined) {
        const error: CallError = await answer.then(
          () => expect.fail('The call was answered'),
          (failure) => failure,
        );
        expect(error.code).toBe(wanted.grpc_code);
        if (wanted.message !== undefined) expect(ours(wanted.message)).toBe(error.details);
        if (wanted.message_contains !== undefined) expect(error.details).toContain(wanted.message_contains);
        return;
      }
      const response = await answer;
      if (wanted.message !== undefined) expect(plain(response)).toMatchObject(plain(wanted.message));
      if (wanted.outputs !== undefined) expect(Object.keys(response.outputs)).toEqual(wanted.outputs);
      if (wanted.scores !== undefined) expect(scoresOf(response.result)).toEqual(wanted.scores);
      if (wanted.model_spec !== undefined) {
        const { name, version, signature_name } = response.model_spec;
        expect({ name, version: Number(version.value), signature_name }).toEqual(wanted.model_spec);
      }
      if (wanted.results !== undefined) expect(response.results.map(resultOf)).toEqual(wanted.results);
    },
  );
});

/** A graph here has no output number in its names: `x`, not `x:0`. */
function ours(message: string): string {
  return message.replaceAll('feed name: x:0', 'feed name: x');
}

/** Without what stands for nothing, and 64-bit integers as numbers. */
function plain(message: Message): Message {
  return JSON.parse(JSON.stringify(message), (key, each) =>
    (key === 'size' || key === 'value') && typeof each === 'string' ? Number(each) : each,
  );
}

function scoresOf({ classifications }: Message): number[][] {
  return classifications.map(({ classes }: Message) => classes.map(({ score }: Message) => score));
}

function resultOf({
  regression_result: regression,
  classification_result: classification,
}: Message): Message {
  return regression
    ? { regression: regression.regressions.map(({ value }: Message) => value) }
    : { classification: scoresOf(classification) };
}
