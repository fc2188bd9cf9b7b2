import type { ServableId } from '../../core/servable-id.js';

/** A class, and how much a model says for it. */
export interface ScoredClass {
  /** Empty where the model says only which place it has. */
  readonly label: string;
  /** 0 where the model has no scores. */
  readonly score: number;
}

/** The classes of each example, in the order of the examples. Classes are in the model's order, not sorted. */
export type ClassifiedExamples = readonly (readonly ScoredClass[])[];

/**
 * What `classify` answers, and by which version and signature.
 *
 * The signature has one output or two, and among them `classes`, string [rows, classes], or `scores`, float [rows, classes],
 * or both. Scores are float32 as in TF Serving, or float64, which ONNX models have too; scores float [rows] are one class
 * an example. Labels are those of the output `classes`; else the signature's `classes`; else the keys of a ZipMap that the
 * scores come from; else empty. Source: TF Serving, servables/tensorflow/classifier.cc, as are the errors' texts.
 *
 * @example
 * ```ts
 * import { cpSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
 * import { tmpdir } from 'node:os';
 * import { join } from 'node:path';
 * import { ModelServer } from 'servable';
 *
 * const basePath = mkdtempSync(join(tmpdir(), 'digits-'));
 * cpSync('examples/models/digits/2', join(basePath, '2'), { recursive: true });
 * const digit = { method: 'classify', outputs: { scores: 'probabilities' }, classes: [...'0123456789'] };
 * writeFileSync(join(basePath, '2', 'signatures.json'), JSON.stringify({ digit }));
 * const server = await new ModelServer({ models: [{ name: 'digits', basePath }] }).start();
 *
 * const { pixels } = JSON.parse(readFileSync('examples/models/digits/test-set.json', 'utf8'));
 * const examples = [{ pixels: pixels[0] }, { pixels: pixels[1] }];
 * const { results } = await server.classify({ model: 'digits', signature: 'digit' }, examples);
 * const best = results.map((classes) => classes.toSorted((a, b) => b.score - a.score)[0].label);
 * console.log(best.join()); // 9,4
 * await server.close();
 * ```
 */
export interface Classification {
  /** The version that answered. */
  readonly id: ServableId;
  /** Its name: `serving_default` where the request named none. */
  readonly signature: string;
  /** For each example, in their order, its classes with their scores. */
  readonly results: ClassifiedExamples;
}
