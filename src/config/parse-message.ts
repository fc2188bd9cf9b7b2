import type { Type } from 'protobufjs';
import type { ServingError } from '../core/errors.js';
import { brokenLine, lineAt } from './broken-line.js';
import { unreadableConfig } from './config-fault.js';
import { type ConfigTextOptions, formatOf, isBlank } from './config-format.js';
import { type ConfigMessage, fromJson, fromText, typeOf } from './proto-types.js';

/**
 * @internal Reads a message from text format or JSON. What the text does not set is absent; 64-bit integers are objects
 * with a `toString`. An empty text is an empty message, in both formats.
 *
 * @throws ServingError INVALID_ARGUMENT with TF Serving's words, the file, what is wrong, and its line where that is known:
 *   for syntax, but in texts beyond 256 KiB not always; not for a JSON field that is unknown or of the wrong type.
 */
export function parseMessage(name: ConfigMessage, text: string, options: ConfigTextOptions): object {
  const plain = text.startsWith('\uFEFF') ? text.slice(1) : text;
  if (isBlank(plain)) return {};
  const type = typeOf(name);
  const isJson = formatOf(plain, options) === 'json';
  try {
    // Copied, since protobufjs gives a message defaults through its prototype.
    return { ...(isJson ? fromJson(type, plain) : fromText(type, plain)) };
  } catch (error) {
    throw isJson ? jsonFault(plain, options.file, error) : textFault(type, plain, options.file, error);
  }
}

function textFault(type: Type, text: string, file: string, error: unknown): ServingError {
  const message = messageOf(error);
  const end = / \(line (\d+)\)$/.exec(message.slice(-40));
  if (end !== null)
    return unreadableConfig(file, explain(message.slice(0, -end[0].length)), Number(end[1]), error);
  // Of a value out of place, protobufjs does not say where it is.
  const line = brokenLine(text, (beginning) => failure(() => fromText(type, beginning)) === message);
  return unreadableConfig(file, explain(message), line, error);
}

function jsonFault(text: string, file: string, error: unknown): ServingError {
  const message = messageOf(error);
  if (!(error instanceof SyntaxError)) return unreadableConfig(file, explain(message), undefined, error);
  // V8 tells a position with all but these two; after the first comes a piece of the text, which a line number replaces.
  const token = /^Unexpected token .{1,12}?(?=, .*not valid JSON)/su.exec(message)?.[0];
  if (token !== undefined) {
    const isToken = (beginning: string) =>
      failure(() => JSON.parse(beginning)).startsWith('Unexpected token');
    return unreadableConfig(file, token, brokenLine(text, isToken), error);
  }
  const [, what, position] = /^(.*?)(?: in JSON)? at position (\d+)/s.exec(message) ?? [];
  if (what !== undefined) return unreadableConfig(file, what, lineAt(text, Number(position)), error);
  return unreadableConfig(file, message, lineAt(text, text.length), error);
}

/** protobufjs's reason, with what it means here. */
function explain(message: string): string {
  if (message.startsWith('no such type: ')) {
    return `${message}; messages of other packages, in custom_model_config and custom_logging_config, are not supported`;
  }
  return message.replace(/^\./, '');
}

function failure(action: () => unknown): string {
  try {
    action();
    return '';
  } catch (error) {
    return messageOf(error);
  }
}

function messageOf(error: unknown): string {
  if (error instanceof RangeError) return 'it is nested too deeply';
  return error instanceof Error ? error.message : String(error);
}
