import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { oncePer, rememberLast } from './remember.ts';

describe('what belongs to an object', () => {
  it('is made once for each, whatever it is', () => {
    const asked: object[] = [];
    const [one, other] = [{}, {}];
    const of = oncePer((key: object) => {
      asked.push(key);
      return key === one ? undefined : asked.length;
    });
    assert.deepEqual([of(one), of(other), of(one), of(other)], [undefined, 2, undefined, 2]);
    assert.deepEqual(asked, [one, other]);
  });
});

describe('what was asked for last', () => {
  it('is made again only when another is asked for', () => {
    const asked: number[] = [];
    const of = rememberLast((key) => {
      asked.push(key);
      return `made ${key}`;
    });
    assert.deepEqual([of(0), of(0), of(7), of(0)], ['made 0', 'made 0', 'made 7', 'made 0']);
    assert.deepEqual(asked, [0, 7, 0]);
  });
});
