const longestText = 60;
const mostDims = 12;

/** @internal A value of unknown type in a few words, for a message. Stays short however long the value is. */
export function describeValue(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return quote(value);
    case 'bigint':
      return `${shorten(String(value))}n`;
    case 'number':
      return Object.is(value, -0) ? '-0' : String(value);
    case 'boolean':
    case 'undefined':
      return String(value);
    case 'object':
      return value === null ? 'null' : withArticle(kindOf(value));
    default:
      return withArticle(typeof value);
  }
}

/** @internal `[2,28,28]`. Takes what came in place of a shape, too. */
export function formatShape(shape: readonly unknown[]): string {
  const dims = Array.from(shape.slice(0, mostDims), (dim) =>
    typeof dim === 'number' ? dim : describeValue(dim),
  );
  return `[${dims.join()}${shape.length > mostDims ? ',…' : ''}]`;
}

/** @internal A name in quotes, with escapes where it holds odd characters. */
export function quote(text: string): string {
  return JSON.stringify(shorten(text));
}

/**
 * @internal The class name of a typed array, such as `Float32Array`; undefined for anything else. Reads JavaScript's
 * own mark, which is right for arrays of another realm and cannot be imitated; a `Buffer` is a `Uint8Array`.
 */
export const typedArrayName: (value: unknown) => string | undefined = (() => {
  const mark = Object.getOwnPropertyDescriptor(
    Object.getPrototypeOf(Uint8Array.prototype),
    Symbol.toStringTag,
  );
  const read = mark?.get as (this: unknown) => string | undefined;
  return (value: unknown) => read.call(value);
})();

function kindOf(value: object): string {
  if (Array.isArray(value)) return 'array';
  const typed = typedArrayName(value);
  if (typed !== undefined) return typed;
  const tag = Object.prototype.toString.call(value).slice(8, -1);
  return tag === 'Object' ? 'object' : shorten(tag);
}

function withArticle(noun: string): string {
  // "a Uint8Array": its U sounds like "you".
  return `${/^[aeiou]|^[AEIO]/.test(noun) ? 'an' : 'a'} ${noun}`;
}

function shorten(text: string): string {
  return text.length > longestText ? `${text.slice(0, longestText)}…` : text;
}
