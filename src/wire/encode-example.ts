import type { Example, Feature } from '../core/example.js';
import type { ByteSink } from './byte-sink.js';
import { packVarints } from './pack-varints.js';

// The numbers of fields are TensorFlow's: core/example/{example,feature}.proto and apis/input.proto.

/** An Input of examples, as what is written into a message. */
export function writeExamples(sink: ByteSink, field: number, examples: readonly Example[]): void {
  sink.message(field, (input) =>
    input.message(1, (list) => {
      for (const example of examples) list.message(1, (to) => writeExample(to, example));
    }),
  );
}

/** What a tensorflow.Example consists of. */
export function writeExample(sink: ByteSink, example: Example): void {
  sink.message(1, (features) => {
    for (const [name, feature] of example) {
      features.message(1, (entry) => entry.text(1, name).message(2, (to) => writeFeature(to, feature)));
    }
  });
}

function writeFeature(sink: ByteSink, { kind, values }: Feature): void {
  switch (kind) {
    case 'bytes':
      sink.message(1, (list) => {
        for (const each of values) list.field(1, each);
      });
      break;
    case 'float':
      sink.message(2, (list) => list.field(1, new Uint8Array(Float32Array.from(values).buffer)));
      break;
    case 'int64':
      sink.message(3, (list) => list.field(1, packVarints(BigInt64Array.from(values))));
      break;
    default:
      kind satisfies never;
  }
}
