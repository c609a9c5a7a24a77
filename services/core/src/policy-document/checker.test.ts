import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { formatProblemPath, nearest, Place } from './checker.ts';

describe('the place of a problem', () => {
  const cases: readonly [path: readonly (string | number)[], text: string][] = [
    [[], 'document'],
    [['version'], 'version'],
    [['policies', 2, 'users', 0, 'recipient'], 'policies[2].users[0].recipient'],
    [['groups', 'engineers', 1], 'groups.engineers[1]'],
    [[0, 'a'], '[0].a'],
  ];
  for (const [path, text] of cases) it(text, () => assert.equal(formatProblemPath(path), text));
});

describe('the word that was probably meant', () => {
  const known = ['recipient', 'sender', 'any', 'no-scan'];
  const cases: readonly [word: string, meant: string | undefined][] = [
    ['recipent', 'recipient'],
    ['Sender', 'sender'],
    ['senders', 'sender'],
    ['anny', 'any'],
    ['noscan', 'no-scan'],
    ['something', undefined],
    ['', undefined],
    ['x'.repeat(100_000), undefined],
  ];
  for (const [word, meant] of cases) {
    it(`${JSON.stringify(word).slice(0, 20)}: ${meant ?? 'none'}`, () =>
      assert.equal(nearest(word, known), meant));
  }
  it('the nearest of several', () => assert.equal(nearest('lists', ['list', 'listed', 'lifts!']), 'list'));
  it('none where nothing is known', () => assert.equal(nearest('a', []), undefined));
});

describe('a value that is not what is wanted is a problem, and reading goes on', () => {
  const cases: readonly [
    name: string,
    read: (place: Place) => unknown,
    value: unknown,
    result: unknown,
    problem: string,
  ][] = [
    ['text', (place) => place.text(), 7, undefined, 'must be a text'],
    ['text', (place) => place.text(), 'a\nb', undefined, 'must not hold control characters'],
    ['text', (place) => place.text(), 'a\u007fb', undefined, 'must not hold control characters'],
    ['text', (place) => place.text(), 'a b', 'a b', ''],
    ['text or', (place) => place.textOr('x'), undefined, 'x', ''],
    ['text or', (place) => place.textOr('x'), 'a', 'a', ''],
    ['text or', (place) => place.textOr('x'), [], 'x', 'must be a text'],
    ['boolean', (place) => place.booleanOr(true), false, false, ''],
    ['boolean', (place) => place.booleanOr(true), null, true, ''],
    ['boolean', (place) => place.booleanOr(true), 'no', true, 'must be true or false'],
    ['integer', (place) => place.integerOr(5, { min: 1, max: 9 }), undefined, 5, ''],
    ['integer', (place) => place.integerOr(5, { min: 1, max: 9 }), 9, 9, ''],
    [
      'integer',
      (place) => place.integerOr(5, { min: 1, max: 9 }),
      10,
      5,
      'must be a whole number from 1 to 9',
    ],
    [
      'integer',
      (place) => place.integerOr(5, { min: 1, max: 9 }),
      0,
      5,
      'must be a whole number from 1 to 9',
    ],
    [
      'integer',
      (place) => place.integerOr(5, { min: 1, max: 9 }),
      1.5,
      5,
      'must be a whole number from 1 to 9',
    ],
    [
      'integer',
      (place) => place.integerOr(5, { min: 1, max: 9 }),
      '7',
      5,
      'must be a whole number from 1 to 9',
    ],
    ['word', (place) => place.oneOf(['on', 'off']), 'off', 'off', ''],
    [
      'word',
      (place) => place.oneOf(['on', 'off']),
      'offf',
      undefined,
      'must be one of on, off; did you mean off?',
    ],
    ['word', (place) => place.oneOf(['on', 'off']), 'maybe', undefined, 'must be one of on, off'],
    ['word', (place) => place.oneOf(['on', 'off']), true, undefined, 'must be one of on, off'],
    ['word or', (place) => place.oneOfOr(['on', 'off'], 'on'), null, 'on', ''],
    ['word or', (place) => place.oneOfOr(['on', 'off'], 'on'), 'maybe', 'on', 'must be one of on, off'],
    ['list', (place) => place.items().length, [1, 2], 2, ''],
    ['list', (place) => place.items().length, undefined, 0, ''],
    ['list', (place) => place.items().length, { a: 1 }, 0, 'must be a list'],
    ['list that holds something', (place) => place.someItems('is empty').length, [1], 1, ''],
    ['list that holds something', (place) => place.someItems('is empty').length, [], 0, 'is empty'],
    ['list that holds something', (place) => place.someItems('is empty').length, undefined, 0, 'is empty'],
    ['list that holds something', (place) => place.someItems('is empty').length, 'a', 0, 'must be a list'],
    ['mapping', (place) => place.entries().length, { a: 1 }, 1, ''],
    ['mapping', (place) => place.entries().length, undefined, 0, ''],
    ['mapping', (place) => place.entries().length, [1], 0, 'must be a mapping'],
    ['members', (place) => place.members(['a']).a.value, { a: 1 }, 1, ''],
    ['members', (place) => place.members(['a']).a.value, 'a', undefined, 'must be a mapping'],
    ['members', (place) => place.members(['a']).a.value, null, undefined, 'must be a mapping'],
  ];
  for (const [name, read, value, result, problem] of cases) {
    it(`${name}: ${JSON.stringify(value)} → ${problem === '' ? 'fine' : problem}`, () => {
      const place = new Place(value);
      assert.equal(read(place), result);
      assert.deepEqual(
        place.problems.map(({ message }) => message),
        problem === '' ? [] : [problem],
      );
    });
  }

  it('keys that are not known are problems of their own place', () => {
    const place = new Place({ listd: 1, b: 2, listed: 3 });
    place.members(['listed', 'join']);
    assert.deepEqual(place.problems, [
      { path: ['listd'], message: 'unknown key; did you mean listed?' },
      { path: ['b'], message: 'unknown key; known are listed, join' },
    ]);
  });
});
