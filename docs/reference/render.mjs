// The reference as Markdown: what an entry point exports, each with its declaration and what its docstring says.
import { commentOf, implementedBy, isInternal } from './comments.mjs';

/** @typedef {import('./extract.mjs').Item} Item */

/** By what they are, in reading order. @type {readonly [title: string, kinds: readonly string[]][]} */
const parts = [
  ['Classes', ['Class']],
  ['Functions', ['Function']],
  ['Values', ['Variable']],
  ['Interfaces', ['Interface']],
  ['Types', ['TypeAlias']],
];

/** @param {import('./extract.mjs').Entry} entry @returns {string} */
export function render({ name, items }) {
  const shown = items.filter((item) => !isInternal(item));
  const known = new Map(items.map((item) => [item.canonicalReference, item]));
  const sections = parts.flatMap(([title, kinds]) => {
    const own = shown.filter(({ kind }) => kinds.includes(kind));
    if (own.length === 0) return [];
    return [`## ${title}`, contents(own), ...own.map((item) => renderItem(item, known))];
  });
  return `${[`# ${name}`, 'Made of the docstrings by `npm run docs`.', ...sections].join('\n\n')}\n`;
}

/** @param {readonly Item[]} items */
function contents(items) {
  return items.map(({ name = '' }) => `[${name}](#${name.toLowerCase()})`).join(' · ');
}

/** @param {Item} item @param {ReadonlyMap<string, Item>} known */
function renderItem(item, known) {
  const models = implementedBy(item, known);
  const members = (item.members ?? []).filter((member) => !isInternal(member));
  return [
    `### ${item.name}`,
    prose(commentOf(item)),
    code(declarationOf(item)),
    ...members.map((member) => renderMember(member, models)),
  ]
    .filter((text) => text !== '')
    .join('\n\n');
}

/** @param {Item} member @param {readonly Item[]} models who says what the member is, where it does not itself */
function renderMember(member, models) {
  const model = models.flatMap(({ members = [] }) => members).find(({ name }) => name === member.name);
  const text = prose(commentOf(member) || (model ? commentOf(model) : ''));
  const declared = declarationOf(member);
  // Short ones are a line of a list; what has paragraphs or examples has a heading.
  const isShort = !declared.includes('\n') && !text.includes('\n\n') && !text.includes('```');
  if (isShort) return `- \`${declared}\`${text === '' ? '' : ` — ${text.replaceAll('\n', ' ')}`}`;
  return [`#### ${member.name ?? 'new'}`, code(declared), text].filter((part) => part !== '').join('\n\n');
}

/** @param {Item} item */
function declarationOf({ excerptTokens }) {
  const text = excerptTokens.map((token) => token.text).join('');
  return text.replace(/^export (declare )?/, '').trim();
}

/** @param {string} text */
function code(text) {
  return `\`\`\`ts\n${text}\n\`\`\``;
}

/** Tags as words in bold, links as names, examples as they are. @param {string} comment */
function prose(comment) {
  return comment
    .replace(/Constructs a new instance of the `\w+` class\s*/, '') // said by api-extractor of every one
    .replace(/\{@link ([^}]+)\}/g, '`$1`')
    .replace(/\s*@example\s*/g, '\n\n')
    .replace(/\s*@throws\s+/g, '\n\n**Throws** ')
    .replace(/\s*@default\s+(.*)/g, '\n\n**Default** $1')
    .replace(/\s*@see\s+(\S+)/g, '\n\n**See** `$1`')
    .replace(/\s*@param\s+(\S+)\s+(?:-\s+)?/g, '\n\n`$1`: ')
    .replace(/\s*@returns?\s+/g, '\n\n**Returns** ')
    .replace(/\n{3,}/g, '\n\n')
    .trim();
}
