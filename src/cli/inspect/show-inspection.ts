import type { Dim, Signature, TensorSpec } from '../../core/signature.js';
import { dataTypes } from '../../wire/data-type.js';
import { tensorflow } from '../../wire/messages.js';
import { formatBytes } from '../format-bytes.js';
import type { InspectedFile, Inspection, LoadedFacts } from './inspect-model.js';
import type { WarmupSummary } from './warmup-summary.js';

/** An inspection for people; signatures are laid out as `saved_model_cli show --all` does. */
export function showInspection(inspection: Inspection): string {
  const { loaded } = inspection;
  const parts = [
    ...(loaded?.signatures ?? []).map(showSignature),
    section('Model', modelLines(inspection)),
    section('Files', [inspection.file, ...inspection.externalData].map(fileLine)),
    ...(loaded === undefined ? [] : [section('Runs on', runLines(loaded))]),
    section('Warm-up', warmupLines(inspection.warmup)),
  ];
  return `${parts.join('\n\n')}\n`;
}

function section(title: string, lines: readonly string[]): string {
  return [`${title}:`, ...lines.map((line) => `  ${line}`)].join('\n');
}

function showSignature(signature: Signature): string {
  const { name, method, inputs, outputs, classes, unrepresentableOutputs = {} } = signature;
  return [
    `signature_def['${name}']:`,
    '  Inputs:',
    ...Object.entries(inputs).flatMap(([alias, spec]) => tensorLines('inputs', alias, spec)),
    '  Outputs:',
    ...Object.entries(outputs).flatMap(([alias, spec]) => tensorLines('outputs', alias, spec)),
    ...Object.entries(unrepresentableOutputs).map(
      ([alias, type]) => `    outputs['${alias}'] cannot be had: it is ${type}`,
    ),
    ...(classes === undefined ? [] : [`  Classes: ${classes.join(', ')}`]),
    `  Method name is: tensorflow/serving/${method}`,
  ].join('\n');
}

function tensorLines(role: string, alias: string, { name, dtype, shape, isOptional }: TensorSpec): string[] {
  return [
    `    ${role}['${alias}'] tensor_info:${isOptional ? ' (may be left out)' : ''}`,
    `        dtype: ${tensorflow.DataType[dataTypes[dtype]]}`,
    `        shape: (${shape.map(size).join(', ')})${dimNames(shape)}`,
    `        name: ${name}`,
  ];
}

function size(dim: Dim): string {
  return typeof dim === 'number' ? String(dim) : '-1';
}

/** What the open axes are called, where that is said. */
function dimNames(shape: readonly Dim[]): string {
  if (!shape.some((dim) => typeof dim === 'string')) return '';
  return `, which is [${shape.map((dim) => dim ?? '?').join(', ')}]`;
}

function modelLines({ model, version, versions, origin, loaded }: Inspection): string[] {
  const { producer = '', graph = '', description = '', domain = '', modelVersion } = loaded?.metadata ?? {};
  const opsets = Object.entries(origin.opsets).map(([name, number]) => `${name} ${number}`);
  const facts: readonly (readonly [string, string])[] = [
    ['name', model],
    ['version', String(version)],
    ['versions', versions?.join(', ') ?? ''],
    ['producer', [producer, origin.producerVersion].filter((text) => text !== '').join(' ')],
    ['graph', graph],
    ['description', description],
    ['domain', domain],
    ['model version', modelVersion ?? ''],
    ['opsets', opsets.join(', ')],
    ['IR version', origin.irVersion === 0 ? '' : String(origin.irVersion)],
    ...Object.entries(loaded?.metadata.custom ?? {}).map(
      ([key, text]) => [`metadata "${key}"`, short(text)] as const,
    ),
  ];
  return facts.filter(([, text]) => text !== '').map(([name, text]) => `${name}: ${text}`);
}

const longestText = 200;

function short(text: string): string {
  const line = text.replace(/\s+/g, ' ');
  return line.length > longestText ? `${line.slice(0, longestText)}… (${text.length} characters)` : line;
}

function fileLine({ path, bytes }: InspectedFile): string {
  return `${path}: ${bytes === undefined ? 'missing' : formatBytes(bytes)}`;
}

function runLines({ devices, nodes, batching }: LoadedFacts): string[] {
  const counts = Object.entries(nodes).map(([name, count]) => `${count} by ${name}`);
  const verdict = batching.isOn ? 'requests may share runs' : 'requests must not share runs';
  return [
    `devices: ${devices.join(', ')}`,
    `operators: ${counts.join(', ') || 'none'}`,
    `batching: ${verdict}${batching.reason === undefined ? '' : `: ${batching.reason}`}`,
  ];
}

function warmupLines(warmup: WarmupSummary | undefined): string[] {
  if (warmup === undefined) return ['no warm-up file'];
  const { bytes, records, kinds, signatures, error } = warmup;
  return [
    `${records} requests, ${formatBytes(bytes)}`,
    ...Object.entries(kinds).map(([kind, count]) => `${count} of the kind ${kind}`),
    ...Object.entries(signatures).map(([name, count]) => `${count} to ${name}`),
    ...(error === undefined ? [] : [`it cannot be read: ${error}`]),
  ];
}
