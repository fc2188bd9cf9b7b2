import { describe, expect, it } from 'vitest';
import { findGaps } from '../../docs/reference/comments.mjs';
import { entryPoints, extract } from '../../docs/reference/extract.mjs';
import { render } from '../../docs/reference/render.mjs';

describe.each(entryPoints())('the reference of $name', (entryPoint) => {
  const entry = extract(entryPoint);

  it('has something to say of everything that is exported, and of each of its members', () => {
    expect(entry.items.length).toBeGreaterThan(0);
    expect(findGaps(entry.items)).toEqual([]);
  });

  it('shows each of them once, without what is internal', () => {
    const text = render(entry);
    const headings = [...text.matchAll(/^### (.*)$/gm)].map(([, name]) => name);
    const internal = entry.items.filter(({ docComment }) => docComment?.includes('@internal'));
    const shown = entry.items.filter((item) => !internal.includes(item)).map(({ name }) => name);
    expect(headings.toSorted()).toEqual(shown.toSorted());
    expect(text).not.toMatch(/@(internal|default|throws|example|param|returns)\b/);
  });
});

describe('findGaps', () => {
  const item = (name: string, docComment: string, more: object = {}) => ({
    kind: 'Interface',
    name,
    docComment,
    canonicalReference: name,
    excerptTokens: [{ kind: 'Reference', text: name, canonicalReference: 'Model' }],
    ...more,
  });

  it('names what nothing is said of, down to the members', () => {
    const members = [item('said', '/** A. */'), item('bare', ''), item('inside', '/** @internal */')];
    expect(
      findGaps([item('Bare', '', { members }), item('Hidden', '/** @internal B. */', { members })]),
    ).toEqual(['Bare', 'Bare.bare']);
  });

  it('takes the word of the interface that a class implements', () => {
    const model = item('Model', '/** C. */', { members: [item('run', '/** D. */'), item('mute', '')] });
    const members = [item('run', ''), item('mute', ''), { ...item('', ''), kind: 'Constructor' }];
    const implementsTokenRanges = [{ startIndex: 0, endIndex: 1 }];
    const own = item('Own', '/** E. */', { kind: 'Class', members, implementsTokenRanges });
    expect(findGaps([model, own])).toEqual(['Model.mute', 'Own.mute']);
  });
});
