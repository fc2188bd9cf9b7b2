import { invalidArgument, type ServingError } from '../core/errors.js';

const longestWhat = 200;

/**
 * @internal The error for a file that cannot be understood. It begins with TF Serving's words (util/proto_util.h), and
 * goes on with what is wrong and where.
 */
export function unreadableConfig(file: string, what: string, line?: number, cause?: unknown): ServingError {
  const where = line === undefined ? '' : ` (line ${line})`;
  return invalidArgument(`Invalid protobuf file: '${file}': ${printable(what)}${where}`, { cause });
}

/** @internal The error for a file that is understood and asks for what cannot be; `option` is the path of the field. */
export function unusableConfig(file: string, option: string, what: string): ServingError {
  return invalidArgument(`Cannot use config file '${file}': ${printable(what)}`, { option });
}

/** Short and on one line, whatever came: a config file may be any file, given by mistake. */
function printable(text: string): string {
  const short = text.length > longestWhat ? `${text.slice(0, longestWhat)}…` : text;
  return short.replace(
    /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu,
    (odd) => `\\u{${odd.codePointAt(0)?.toString(16)}}`,
  );
}
