import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkSyntax } from '#dist/json/check-syntax.js';
import { caught } from '../support/caught.js';

/** Seeds that ever failed. */
const failedSeeds: readonly number[] = [];
const newSeeds = Array.from({ length: Number(process.env.SERVABLE_RANDOM_RUNS ?? 1) }, () =>
  Math.floor(Math.random() * 2 ** 31),
);

describe('syntax', () => {
  it.each([
    [' ', 'The document is empty.', 1],
    ['\u0000', 'The document is empty.', 0],
    [']', 'The document is empty.', 0],
    ['x', 'Invalid value.', 0],
    ['-', 'Invalid value.', 1],
    ['-x', 'Invalid value.', 1],
    ['nul', 'Invalid value.', 3],
    ['nulL', 'Invalid value.', 3],
    ['tru}', 'Invalid value.', 3],
    ['NaM', 'Invalid value.', 2],
    ['Infin', 'Invalid value.', 5],
    ['[1,]', 'Invalid value.', 3],
    ['[,1]', 'Invalid value.', 1],
    ['[', 'Invalid value.', 1],
    ['{"a":}', 'Invalid value.', 5],
    ['{"a":', 'Invalid value.', 5],
    ['[1 2]', 'Missing a comma or ] after an array element.', 3],
    ['[01]', 'Missing a comma or ] after an array element.', 2],
    ['[1', 'Missing a comma or ] after an array element.', 2],
    ['[1}', 'Missing a comma or ] after an array element.', 2],
    ['{', 'Missing a name for object member.', 1],
    ['{a:1}', 'Missing a name for object member.', 1],
    ['{"a":1,}', 'Missing a name for object member.', 7],
    ['{"a" 1}', 'Missing a colon after a name of object member.', 5],
    ['{"a"', 'Missing a colon after a name of object member.', 4],
    ['{"a":1 "b"}', 'Missing a comma or } after an object member.', 7],
    ['{"a":1', 'Missing a comma or } after an object member.', 6],
    ['["a', 'Missing a closing quotation mark in string.', 3],
    ['["a\u0000"]', 'Missing a closing quotation mark in string.', 3],
    ['["a\n"]', 'Invalid encoding in string.', 3],
    ['["a\\x"]', 'Invalid escape character in string.', 3],
    ['["a\\', 'Invalid escape character in string.', 3],
    ['["\\u00g0"]', 'Incorrect hex digit after \\u escape in string.', 2],
    ['["\\u00', 'Incorrect hex digit after \\u escape in string.', 2],
    ['["\\ud800"]', 'The surrogate pair in string is invalid.', 2],
    ['["\\ud800\\u0041"]', 'The surrogate pair in string is invalid.', 2],
    ['["\\udc00"]', 'The surrogate pair in string is invalid.', 2],
    ['[1.]', 'Miss fraction part in number.', 3],
    ['[1.e5]', 'Miss fraction part in number.', 3],
    ['[1e]', 'Miss exponent in number.', 3],
    ['[1e+]', 'Miss exponent in number.', 4],
    ['[ 1e309]', 'Number too big to be stored in double.', 2],
    [`[${'9'.repeat(400)}]`, 'Number too big to be stored in double.', 1],
  ])('of %j is wrong where RapidJSON says so', (text, why, offset) => {
    const { code, message } = caught(() => checkSyntax(Buffer.from(text)));
    expect([code, message]).toEqual(['INVALID_ARGUMENT', `JSON Parse error: ${why} at offset: ${offset}`]);
  });

  it('of nothing is told in other words', () => {
    expect(caught(() => checkSyntax(Buffer.alloc(0))).message).toBe(
      'JSON Parse error: The document is empty',
    );
  });

  it.each([
    ['{}', 0],
    [' [] ', 1],
    ['\ufeff{}', 3],
    ['{} {', 0],
    ['1]', 0],
    ['[NaN, -NaN, Inf, -Inf, Infinity, -Infinity, -0, 1E5, 1e-5, 0.5]', 0],
    ['["\\ud83d\\ude00\\u0041\\"\\\\\\/\\b\\f\\n\\r\\t"]', 0],
  ])('of %j is right', (text, start) => {
    expect(checkSyntax(Buffer.from(text))).toBe(start);
  });

  it('has no limit of depth', () => {
    const depth = 5_000_000;
    expect(checkSyntax(Buffer.from('['.repeat(depth) + ']'.repeat(depth)))).toBe(0);
    const open = caught(() => checkSyntax(Buffer.from('{"a":'.repeat(1_000_000))));
    expect(open.message).toContain('Invalid value. at offset: 5000000');
  });

  it.each([...failedSeeds, ...newSeeds])(
    'is right where JSON.parse says so, and only there (seed %i)',
    (seed) => {
      const characters = fc.constantFrom(...'[]{},:"0123456789.eE+- \\ua');
      const change = fc.record({
        at: fc.nat(60),
        remove: fc.nat(2),
        insert: fc.array(characters, { maxLength: 2 }),
      });
      const texts = fc.tuple(fc.json(), fc.array(change, { maxLength: 3 })).map(([json, changes]) => {
        let text = `[${json}]`;
        for (const { at, remove, insert } of changes)
          text = text.slice(0, at) + insert.join('') + text.slice(at + remove);
        return `[${text}`; // one bracket is always open, so that all of it is read
      });
      fc.assert(
        fc.property(texts, (text) => {
          const whole = `${text}]`;
          if (!isJson(whole)) expect(isRight(whole) && !beginsWithJson(whole)).toBe(false);
          // RapidJSON refuses half a character, and a number that is too large, which JSON.parse takes.
          else if (!/\\ud/i.test(whole) && !hasInfinity(whole)) expect(isRight(whole)).toBe(true);
        }),
        { seed, numRuns: 3000 },
      );
    },
  );
});

function isRight(text: string): boolean {
  try {
    checkSyntax(Buffer.from(text));
    return true;
  } catch {
    return false;
  }
}

/** True where a number is too large for a double. */
function hasInfinity(text: string): boolean {
  let isThere = false;
  JSON.parse(text, (_key, value) => {
    if (value === Number.POSITIVE_INFINITY || value === Number.NEGATIVE_INFINITY) isThere = true;
  });
  return isThere;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** True where a value is followed by something else. */
function beginsWithJson(text: string): boolean {
  for (let end = 1; end < text.length; end++)
    if (text[end - 1] === ']' && isJson(text.slice(0, end))) return true;
  return false;
}
