import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MessageBody } from './message-body.ts';

const pieces = (...texts: string[]): Buffer[] => texts.map((text) => Buffer.from(text));

async function readAll(body: AsyncIterable<Uint8Array>): Promise<string> {
  let text = '';
  for await (const piece of body) text += Buffer.from(piece).toString();
  return text;
}

function bodyWith(...texts: string[]) {
  const heard = { room: 0 };
  const body = new MessageBody(() => {
    heard.room += 1;
  });
  for (const piece of pieces(...texts)) body.add(piece);
  return { body, heard };
}

describe('the body of a message', () => {
  it('is read whole, whether its reader comes before the octets or behind them', async () => {
    const { body } = bodyWith('one ', 'two ');
    const text = readAll(body);
    await new Promise((resolve) => setImmediate(resolve));
    for (const piece of pieces('', 'thr', 'ee')) body.add(piece);
    body.end();
    assert.equal(await text, 'one two three');
    assert.equal(body.receivedBytes, 13);
  });

  it('rejects when there will be no end, for a reader that waits and for one that comes later', async () => {
    const { body: waiting } = bodyWith();
    const text = readAll(waiting);
    waiting.fail(new Error('gone'));
    await assert.rejects(text, /gone/);
    const { body: late } = bodyWith('one');
    late.fail(new Error('gone'));
    await assert.rejects(readAll(late), /gone/);
  });

  it('tells a reader that waits for something else when there will be no end, also one that asks later', () => {
    const { body } = bodyWith('one');
    const told: string[] = [];
    body.whenFailed(() => told.push('first'));
    body.whenFailed(() => told.push('waiting'));
    assert.equal(told.length, 0);
    body.fail(new Error('gone'));
    body.whenFailed(() => told.push('late'));
    assert.deepEqual(told, ['waiting', 'late']);
  });

  it('is whole all the same when the client goes behind its end', async () => {
    const { body } = bodyWith('one');
    body.whenFailed(() => assert.fail('it has not failed'));
    body.end();
    body.fail(new Error('gone'));
    assert.equal(await readAll(body), 'one');
  });

  for (const [name, texts] of [
    ['octets', ['x'.repeat(64 * 1024), 'y']],
    ['pieces', Array.from({ length: 256 }, () => 'z')],
  ] as const) {
    it(`is full with so many ${name}, and tells once when it is no more`, async () => {
      const { body, heard } = bodyWith(...texts);
      assert.equal(body.isFull, true);
      assert.equal(heard.room, 0);
      for (const _ of texts) await body.next();
      assert.equal(body.isFull, false);
      assert.equal(heard.room, 1);
    });
  }

  it('is counted and not kept when its reader has gone', async () => {
    const { body, heard } = bodyWith('x'.repeat(70_000), 'y'.repeat(70_000));
    for await (const _ of body) break;
    for (const piece of pieces('z'.repeat(70_000))) body.add(piece);
    assert.deepEqual([body.isFull, heard.room, body.receivedBytes], [false, 1, 210_000]);
    body.end();
    assert.equal(await readAll(body), '');
  });
});
