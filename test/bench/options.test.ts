import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readOptions } from './options.ts';

describe('the command line', () => {
  it('has a default for everything', () => {
    const parsed = readOptions([]);
    assert.ok(parsed.kind === 'options');
    const { only, ...rest } = parsed.options;
    assert.ok(only.test('anything'));
    assert.deepEqual(rest, {
      rounds: 3,
      tries: 3,
      intakes: 1,
      deliveries: 1,
      scale: 1,
      json: undefined,
      profiles: undefined,
    });
  });

  it('takes what it is given', () => {
    const parsed = readOptions(['--rounds', '1', '--scale', '0.1', '--only', '4 kb', '--prof', 'p']);
    assert.ok(parsed.kind === 'options');
    const { rounds, scale, only, profiles } = parsed.options;
    assert.deepEqual([rounds, scale, only.test('4 KB: tdc'), profiles], [1, 0.1, true, 'p']);
  });

  const refused: readonly (readonly [readonly string[], RegExp])[] = [
    [['--rounds', '0'], /--rounds is '0'/],
    [['--intakes', '1.5'], /--intakes is '1.5'/],
    [['--scale', 'much'], /--scale is 'much'/],
    [['--only', '('], /regular expression/i],
    [['--round', '1'], /--round/],
  ];
  for (const [args, problem] of refused)
    it(`refuses ${args.join(' ')}`, () => {
      const parsed = readOptions(args);
      assert.ok(parsed.kind === 'wrong');
      assert.match(parsed.problem, problem);
    });
});
