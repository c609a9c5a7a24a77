import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { patternProblem } from './pattern.ts';

describe('a pattern of the document', () => {
  const good: readonly string[] = [
    '',
    '^bad',
    '^\\s*(?:yes|true)\\b',
    '(a|b)+',
    '(?:abc)*',
    'a+b+',
    '(a+)b',
    '(a+)?',
    '((a+)b)c',
    '[+*]+',
    '([+*])+',
    '(\\+\\*)+',
    '(a{3})+',
    'x{3}(y)',
  ];
  for (const pattern of good) {
    it(`may be ${JSON.stringify(pattern)}`, () => assert.equal(patternProblem(pattern), undefined));
  }

  const bad: readonly [pattern: string, problem: RegExp][] = [
    ['(', /regular expression/],
    ['[z-a]', /regular expression/],
    ['a**', /regular expression/],
    ['(a+)+', /forever/],
    ['(a*)*$', /forever/],
    ['(?:x(a+)y)+', /forever/],
    ['((a+)b)*', /forever/],
    ['(a+){10}', /forever/],
    ['(a+){2,}', /forever/],
    ['(a{1,3})+', /forever/],
    ['([^]]*a+)*', /forever/],
    ['(\\)a+)+', /forever/],
    ['([)]a+)+', /forever/],
    ['x'.repeat(501), /at most 500/],
  ];
  for (const [pattern, problem] of bad) {
    it(`must not be ${JSON.stringify(pattern).slice(0, 40)}`, () => {
      assert.match(patternProblem(pattern) ?? 'none', problem);
    });
  }

  it('that is accepted compiles, whatever it is', () => {
    const piece = fc.constantFrom(
      '(',
      ')',
      '[',
      ']',
      '{',
      '}',
      '2',
      ',',
      '+',
      '*',
      '?',
      '\\',
      'a',
      '^',
      '$',
      '|',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 20 }), (parts) => {
        const pattern = parts.join('');
        if (patternProblem(pattern) === undefined) assert.ok(new RegExp(pattern, 'i'));
      }),
      { numRuns: 1000 },
    );
  });
});
