import { formatShape } from '../../core/describe.js';
import { ServingError } from '../../core/errors.js';
import type { ServableId } from '../../core/servable-id.js';
import type { Signature } from '../../core/signature.js';
import type { Tensor } from '../../core/tensor.js';
import type { ClassifiedExamples, ScoredClass } from './classification.js';
import { describeSignature, typeName, unexpected } from './inference-errors.js';
import type { InferenceMethod, Inferred } from './inference-method.js';

/** Classes with scores, of the outputs `classes` and `scores`. */
export const classifyMethod: InferenceMethod<ClassifiedExamples> = {
  outputsOf: findOutputs,
  resultOf: toClasses,
};

function findOutputs(id: ServableId, signature: Signature): readonly string[] {
  const { outputs } = signature;
  const count = Object.keys(outputs).length;
  if (count !== 1 && count !== 2) {
    throw unexpected(`Expected one or two output Tensors, found ${count}`, count, '1 or 2', { id });
  }
  const found = ['classes', 'scores'].filter((alias) => Object.hasOwn(outputs, alias));
  if (found.length > 0) return found;
  const message =
    'Expected classification signature outputs to contain at least one of "classes" and "scores". Signature was: ' +
    describeSignature(signature);
  throw unexpected(message, Object.keys(outputs).join(), 'classes or scores', { id });
}

function toClasses(inferred: Inferred): ClassifiedExamples {
  const { classes, scores } = inferred.outputs;
  const widths: number[] = [];
  if (classes !== undefined) widths.push(checkOutput('classes', classes, inferred));
  if (scores !== undefined) widths.push(checkOutput('scores', scores, inferred));
  const [width = 0, other = width] = widths;
  if (width !== other) {
    const message = `Tensors class and score should match in dim_size(1). Got ${width} vs. ${other}`;
    throw unexpected(message, other, width, { id: inferred.id, output: 'scores' });
  }
  const labelAt = classes === undefined ? columnLabels(inferred, width) : elementLabels(classes);
  return Array.from({ length: inferred.examples }, (_, row) => {
    const line: ScoredClass[] = [];
    for (let column = 0; column < width; column++) {
      const at = row * width + column;
      line.push({ label: labelAt(at, column), score: Number(scores?.data[at] ?? 0) });
    }
    return line;
  });
}

/** @returns how many classes an example has. */
function checkOutput(output: 'classes' | 'scores', tensor: Tensor, { id, examples }: Inferred): number {
  const { dtype, shape } = tensor;
  const facts = { id, output };
  const isOneClass = output === 'scores' && shape.length === 1;
  if (shape.length !== 2 && !isOneClass) {
    const message = `Expected Tensor shape: [batch_size num_classes] but got ${formatShape(shape)}`;
    throw unexpected(message, formatShape(shape), '[batch_size num_classes]', facts);
  }
  const wanted = output === 'classes' ? 'DT_STRING' : 'DT_FLOAT';
  const isWanted = output === 'classes' ? dtype === 'string' : dtype === 'float32' || dtype === 'float64';
  if (!isWanted) {
    const type = typeName(dtype);
    throw unexpected(`Expected ${output} Tensor of ${wanted}. Got: ${type}`, type, wanted, facts);
  }
  const [rows, width = 1] = shape;
  if (rows === examples) return width;
  const message = `Expected ${output} output batch size of ${examples}. Got: ${rows}`;
  throw unexpected(message, rows as number, examples, facts);
}

type LabelAt = (at: number, column: number) => string;

function elementLabels({ data }: Tensor): LabelAt {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  return (at) => {
    const label = data[at] as unknown as string | Uint8Array;
    return typeof label === 'string' ? label : decoder.decode(label);
  };
}

function columnLabels({ id, signature, outputs }: Inferred, width: number): LabelAt {
  const { name, classes } = signature;
  if (classes !== undefined && classes.length !== width) {
    const message = `Signature "${name}" has labels of ${classes.length} classes, and its scores are of ${width}`;
    const facts = { actual: String(width), expected: String(classes.length) };
    throw new ServingError('FAILED_PRECONDITION', message, { id, output: 'scores', ...facts });
  }
  const { scores } = outputs;
  const labels = classes ?? scores?.classes;
  return (_, column) => labels?.[column] ?? '';
}
