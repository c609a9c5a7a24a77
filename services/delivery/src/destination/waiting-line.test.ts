import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { describe, it } from 'node:test';
import { WaitingLine } from './waiting-line.ts';

const NEVER = new AbortController().signal;

describe('a waiting line', () => {
  it('answers in the order in which they came, each once', async () => {
    const line = new WaitingLine<number>();
    const answers = [line.join(NEVER, () => -1), line.join(NEVER, () => -1), line.join(NEVER, () => -1)];
    assert.equal(
      line.answerFirst(() => 1),
      true,
    );
    assert.equal(line.length, 2);
    line.answerAll(() => 2);
    assert.equal(
      line.answerFirst(() => 3),
      false,
    );
    assert.deepEqual(await Promise.all(answers), [1, 2, 2]);
  });

  it('asks for no answer when nobody waits', () => {
    const line = new WaitingLine<number>();
    line.answerFirst(() => assert.fail());
    line.answerAll(() => assert.fail());
  });

  it('lets go whoever has no more time, and nobody else', async () => {
    const line = new WaitingLine<number>();
    const over = new AbortController();
    const answers = [
      line.join(NEVER, () => -1),
      line.join(over.signal, () => -2),
      line.join(NEVER, () => -3),
    ];
    over.abort();
    assert.equal(line.length, 2);
    line.answerAll(() => 1);
    assert.deepEqual(await Promise.all(answers), [1, -2, 1]);
  });

  it('leaves no listener behind', async () => {
    const line = new WaitingLine<number>();
    const { signal } = new AbortController();
    const answer = line.join(signal, () => -1);
    line.answerAll(() => 1);
    await answer;
    assert.deepEqual(getEventListeners(signal, 'abort'), []);
  });
});
