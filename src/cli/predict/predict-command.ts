import { type Command, InvalidArgumentError, Option } from 'commander';
import { deviceOption, versionOption } from '../model/model-options.js';
import { readNumber } from '../read-number.js';
import type { InputFile, PredictFlags } from './predict.js';

/** Adds `servable predict`. */
export function addPredictCommand(program: Command): void {
  program
    .command('predict')
    .argument(
      '<target>',
      'a model on disk (an .onnx file, a version directory, or a base path), or a server: grpc://host:8500, ' +
        'http://host:8501, unix:/path, and their like with TLS, grpcs:// and https://',
    )
    .summary('ask a model once, on disk or over gRPC or REST')
    .description(
      "Asks a model once, and prints its answer as JSON, in the form of TensorFlow Serving's REST API. The request is such a " +
        "body (--body), or a file for each input (--input): NumPy's .npy, whose elements become those of the input, .json, or an image.",
    )
    .option('--body <file>', 'a body of :predict, :classify or :regress; - is the standard input')
    .addOption(
      new Option(
        '--input <alias=file>',
        'a .npy or .json file, or an image, for an input; may be repeated',
      ).argParser(toInput),
    )
    .addOption(
      new Option(
        '--image_white <n>',
        'what full brightness is in an image (default: 1 for floats, 255 for integers)',
      ).argParser(toNumber),
    )
    .addOption(
      new Option('--image_mean <n,n,n>', 'taken off then, of each channel (default: 0)').argParser(toNumbers),
    )
    .addOption(
      new Option('--image_std <n,n,n>', 'divided by then, each channel (default: 1)').argParser(toNumbers),
    )
    .option('--signature <name>', 'the signature (default: serving_default, or what the body says)')
    .addOption(new Option('--outputs <a,b>', 'these outputs alone').argParser((text) => text.split(',')))
    .option('--save <folder>', 'write each output into <folder>/<alias>.npy as well')
    .addOption(versionOption())
    .option('--model <name>', 'of a server: the model')
    .option('--label <name>', 'of a server: the version with this label')
    .addOption(
      new Option('--timeout_ms <n>', 'of a server: milliseconds for each call')
        .argParser(toMillis)
        .default(10_000),
    )
    .addOption(
      new Option('--header <name=value>', 'of a server: a header of every call; may be repeated').argParser(
        toHeader,
      ),
    )
    .option('--ca <file>', 'of a server with TLS: the roots that its certificate is verified against, PEM')
    .addOption(deviceOption())
    .helpOption('--help', 'print this help')
    .action(async (target: string, flags: PredictFlags) =>
      (await import('./predict.js')).predict(target, flags),
    );
}

function toInput(text: string, others: readonly InputFile[] = []): readonly InputFile[] {
  const [, alias, file] = /^([^=]+)=(.+)$/.exec(text) ?? [];
  if (alias === undefined || file === undefined) throw new InvalidArgumentError('Expected alias=file.');
  return [...others, { alias, file }];
}

function toHeader(
  text: string,
  others: Readonly<Record<string, string>> = {},
): Readonly<Record<string, string>> {
  const [, name, value] = /^([^=]+)=(.*)$/s.exec(text) ?? [];
  if (name === undefined || value === undefined) throw new InvalidArgumentError('Expected name=value.');
  return { ...others, [name]: value };
}

function toNumber(text: string): number {
  const number = readNumber(text);
  if (number !== undefined) return number;
  throw new InvalidArgumentError('Expected a number.');
}

/** One for all channels of an image, or one for each. */
function toNumbers(text: string): readonly number[] {
  const numbers = text.split(',').map(toNumber);
  if ([1, 3, 4].includes(numbers.length)) return numbers;
  throw new InvalidArgumentError('Expected one number, or one for each of 3 or 4 channels.');
}

function toMillis(text: string): number {
  const number = readNumber(text);
  if (number !== undefined && number > 0) return number;
  throw new InvalidArgumentError('Expected a number of more than 0.');
}
