/** How a config file is written: protobuf's text format, which is TF Serving's own, or the same message as JSON. */
export type ConfigFormat = 'text' | 'json';

/** Where a config text comes from. */
export interface ConfigTextOptions {
  /** What the file is called in errors; its ending `.json` says that it is JSON. */
  readonly file: string;
  /**
   * How the text is written.
   *
   * @default JSON where the file's name ends in `.json` or the text begins with `{`, which text format never does
   */
  readonly format?: ConfigFormat;
}

/** @internal The format of a config text, as its reader would tell it. */
export function formatOf(text: string, { file, format }: ConfigTextOptions): ConfigFormat {
  return format ?? (/\.json$/i.test(file) || firstCharacter(text) === '{' ? 'json' : 'text');
}

/** @internal Whether a text says nothing: white space, as in a file that is just being written. */
export function isBlank(text: string): boolean {
  return !/\S/.test(text);
}

/** The first character that is neither white space nor in a comment; undefined where there is none. */
function firstCharacter(text: string): string | undefined {
  const visible = /\S/g;
  for (let found = visible.exec(text); found !== null; found = visible.exec(text)) {
    if (found[0] !== '#') return found[0];
    const end = text.indexOf('\n', found.index);
    if (end < 0) return undefined;
    visible.lastIndex = end;
  }
  return undefined;
}
