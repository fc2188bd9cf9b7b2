import fc from 'fast-check';
import type { Example, Feature } from 'servable';
import { describe, expect, it } from 'vitest';
import { ByteSink } from '#dist/wire/byte-sink.js';
import { decodeExamples } from '#dist/wire/decode-examples.js';
import { writeExample, writeExamples } from '#dist/wire/encode-example.js';
import { decodeExample } from '#dist/wire/example.js';
import { decodeMessage, tensorflow } from '#dist/wire/messages.js';
import { GrpcClient, grpc } from '../support/grpc.js';

function bytesOf(example: Example): Uint8Array {
  const sink = new ByteSink();
  writeExample(sink, example);
  return sink.written;
}

const feature: fc.Arbitrary<Feature> = fc.oneof(
  fc.record({ kind: fc.constant('bytes' as const), values: fc.array(fc.uint8Array(), { minLength: 1 }) }),
  fc.record({ kind: fc.constant('float' as const), values: fc.array(fc.float(), { minLength: 1 }) }),
  fc.record({
    kind: fc.constant('int64' as const),
    values: fc.array(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), { minLength: 1 }),
  }),
);

describe('an example', () => {
  it('reads back as it was written', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.string({ unit: 'grapheme' }), feature)), (entries) => {
        const example = new Map(entries);
        expect(decodeExample(bytesOf(example))).toEqual(example);
      }),
      { numRuns: 300 },
    );
  });

  it('is what another decoder reads', () => {
    const example: Example = new Map<string, Feature>([
      ['größe', { kind: 'float', values: [0.5, -1] }],
      ['ids', { kind: 'int64', values: [-1n, 2n ** 62n] }],
      ['text', { kind: 'bytes', values: [Buffer.from('a\0b'), new Uint8Array(300)] }],
      ['', { kind: 'int64', values: [0n] }],
    ]);
    const client = new GrpcClient('127.0.0.1:1', grpc.credentials.createInsecure());
    const read = client.decode('tensorflow.Example', Buffer.from(bytesOf(example))).features.feature;
    client.close();
    expect(read.größe.float_list.value).toEqual([0.5, -1]);
    expect(read.ids.int64_list.value).toEqual(['-1', '4611686018427387904']);
    expect(read.text.bytes_list.value).toEqual([Buffer.from('a\0b'), Buffer.alloc(300)]);
    expect(read[''].int64_list.value).toEqual(['0']);
  });

  it('is one of several in a request', () => {
    const examples: Example[] = [1, 2].map((each) => new Map([['x', { kind: 'float', values: [each] }]]));
    const sink = new ByteSink();
    writeExamples(sink, 2, examples);
    const { ClassificationRequest } = tensorflow.serving;
    const { input } = decodeMessage('ClassificationRequest', ClassificationRequest, sink.written);
    expect(decodeExamples(input)).toEqual(examples);
  });
});
