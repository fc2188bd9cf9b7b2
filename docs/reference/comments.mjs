// What docstrings say: of a declaration itself, or of the interface that it implements.

/** @typedef {import('./extract.mjs').Item} Item */

/** A docstring without its stars; empty where there is none. @param {Item} item */
export function commentOf({ docComment = '' }) {
  return docComment
    .replace(/^\s*\/\*\*/, '')
    .replace(/\*\/\s*$/, '')
    .replace(/^ *\* ?/gm, '')
    .trim();
}

/** Not for users, whatever is exported. @param {Item} item */
export function isInternal(item) {
  return /@internal\b/.test(item.docComment ?? '');
}

/**
 * Those who may say what a member of a class is: interfaces that the class says it implements.
 *
 * @param {Item} owner @param {ReadonlyMap<string, Item>} items by their references @returns {Item[]}
 */
export function implementedBy({ implementsTokenRanges = [], excerptTokens }, items) {
  const tokens = implementsTokenRanges.flatMap(({ startIndex, endIndex }) =>
    excerptTokens.slice(startIndex, endIndex),
  );
  return tokens.flatMap(({ canonicalReference }) => items.get(canonicalReference ?? '') ?? []);
}

/**
 * The exported things that nothing is said of: `Class.member`. A constructor may go without, since its class says what it
 * makes; a member of a class, where the interface that it implements says it.
 *
 * @param {readonly Item[]} exported @returns {string[]}
 */
export function findGaps(exported) {
  const items = new Map(exported.map((item) => [item.canonicalReference, item]));
  return exported.flatMap((item) => (isInternal(item) ? [] : gapsOf(item, items)));
}

/** @param {Item} item @param {ReadonlyMap<string, Item>} items */
function gapsOf(item, items) {
  const models = implementedBy(item, items);
  const gaps = commentOf(item) === '' ? [String(item.name)] : [];
  for (const member of item.members ?? []) {
    if (isInternal(member) || member.kind === 'Constructor' || commentOf(member) !== '') continue;
    const model = models.flatMap(({ members = [] }) => members).find(({ name }) => name === member.name);
    if (model === undefined || commentOf(model) === '')
      gaps.push(`${item.name}.${member.name ?? member.kind}`);
  }
  return gaps;
}
