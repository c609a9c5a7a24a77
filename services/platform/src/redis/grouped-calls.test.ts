import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { waitUntil } from '../../../../test/support/wait-until.ts';
import { groupCalls } from './grouped-calls.ts';

/** A call that is answered when a test lets it, and what it was asked. */
function calls() {
  const asked: number[][] = [];
  const open: { readonly resolve: () => void; readonly reject: (error: Error) => void }[] = [];
  return {
    asked,
    run: (items: readonly number[]): Promise<readonly string[]> => {
      asked.push([...items]);
      return new Promise((resolve, reject) =>
        open.push({ resolve: () => resolve(items.map((item) => `to ${item}`)), reject }),
      );
    },
    answer: () => open.shift()?.resolve(),
    fail: () => open.shift()?.reject(new Error('away')),
  };
}

const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

/** Sees that the first item waits until a second one comes; answers when both are answered. */
async function secondFreesFirst(call: (item: number) => Promise<string>, asked: readonly number[][]) {
  const first = call(1);
  await turn();
  await turn();
  assert.deepEqual(asked, []);
  const second = call(2);
  await turn();
  assert.deepEqual(asked, [[1, 2]]);
  return { answered: Promise.all([first, second]) };
}

describe('calls that are grouped', () => {
  it('go out together when they come in one turn, and each gets its own answer', async () => {
    const { asked, run, answer } = calls();
    const call = groupCalls(run, { maxItems: 10 });
    const answers = [call(1), call(2), call(3)];
    assert.deepEqual(asked, []);
    await turn();
    assert.deepEqual(asked, [[1, 2, 3]]);
    answer();
    assert.deepEqual(await Promise.all(answers), ['to 1', 'to 2', 'to 3']);
  });

  it('wait for the one under way, and then go together', async () => {
    const { asked, run, answer } = calls();
    const call = groupCalls(run, { maxItems: 10 });
    const first = call(1);
    await turn();
    const others = [call(2), call(3)];
    await turn();
    assert.deepEqual(asked, [[1]]);
    answer();
    await first;
    await turn();
    assert.deepEqual(asked, [[1], [2, 3]]);
    answer();
    assert.deepEqual(await Promise.all(others), ['to 2', 'to 3']);
  });

  it('are held up by no other for long', async () => {
    const { asked, run, answer } = calls();
    const call = groupCalls(run, { maxItems: 10 });
    const hanging = call(1);
    await turn();
    const second = call(2);
    await waitUntil(() => asked.length === 2);
    assert.deepEqual(asked, [[1], [2]]);
    answer();
    answer();
    assert.deepEqual(await Promise.all([hanging, second]), ['to 1', 'to 2']);
  });

  it('wait for company where nobody waits for them, unless there is company enough', async () => {
    const { asked, run, answer } = calls();
    const call = groupCalls(run, { maxItems: 2, gatherMs: 20 });
    const { answered } = await secondFreesFirst(call, asked);
    answer();
    await answered;
    const alone = call(3);
    await waitUntil(() => asked.length === 2);
    answer();
    assert.equal(await alone, 'to 3');
  });

  it('wait for nobody when all are there who may come', async () => {
    const { asked, run, answer } = calls();
    let inHand = 2;
    const call = groupCalls(run, { maxItems: 10, gatherMs: 60_000, expected: () => inHand });
    const { answered } = await secondFreesFirst(call, asked);
    inHand = 1;
    const third = call(3);
    answer();
    await answered;
    await turn();
    assert.deepEqual(asked, [[1, 2], [3]]);
    answer();
    assert.equal(await third, 'to 3');
  });

  it('are no more than a call may have, by number and by weight, and one at least', async () => {
    const { asked, run, answer } = calls();
    const call = groupCalls(run, { maxItems: 3, weight: { of: (item) => item, max: 10 } });
    const answers = [1, 1, 1, 1, 9, 1, 50].map(call);
    for (let n = 0; n < 5; n += 1) {
      await turn();
      answer();
      await turn();
    }
    await Promise.all(answers);
    assert.deepEqual(asked, [[1, 1, 1], [1, 9], [1], [50]]);
  });

  it('fail together, and the next ones go on', async () => {
    const { run, answer, fail } = calls();
    const call = groupCalls(run, { maxItems: 10 });
    const both = [call(1), call(2)];
    await turn();
    fail();
    for (const one of both) await assert.rejects(one, /away/);
    const next = call(3);
    await turn();
    answer();
    assert.equal(await next, 'to 3');
  });
});

describe('calls that wait for company which is known to come', () => {
  /** Company that comes when a test lets it, and how often it was asked for. */
  function company() {
    const coming: PromiseWithResolvers<void>[] = [];
    return {
      asked: () => coming.length,
      expected: () => {
        const next = Promise.withResolvers<void>();
        coming.push(next);
        return next.promise;
      },
      comes: () => coming.at(-1)?.resolve(),
    };
  }

  it('go together with it when it has come, and wait once', async () => {
    const { asked, run, answer } = calls();
    const { expected, comes, asked: expectedSoFar } = company();
    const call = groupCalls(run, { maxItems: 10, company: expected });
    const answers = [call(1), call(2)];
    await turn();
    await turn();
    assert.deepEqual(asked, []);
    comes();
    answers.push(call(3));
    await turn();
    await turn();
    assert.deepEqual(asked, [[1, 2, 3]]);
    answer();
    assert.deepEqual(await Promise.all(answers), ['to 1', 'to 2', 'to 3']);
    assert.equal(expectedSoFar(), 1);
    const next = call(4);
    assert.equal(expectedSoFar(), 2);
    comes();
    await turn();
    await turn();
    answer();
    assert.equal(await next, 'to 4');
  });

  it('go at once where nobody is known to come, and where they have company enough', async () => {
    const { asked, run } = calls();
    const alone = groupCalls(run, { maxItems: 10, company: () => undefined });
    void alone(1);
    await turn();
    assert.deepEqual(asked, [[1]]);
    const full = groupCalls(run, { maxItems: 2, company: company().expected });
    void full(2);
    void full(3);
    await turn();
    assert.deepEqual(asked, [[1], [2, 3]]);
  });

  it('wait for no company when they have waited for the call before', async () => {
    const { asked, run, answer } = calls();
    const { expected, comes, asked: expectedSoFar } = company();
    const call = groupCalls(run, { maxItems: 10, company: expected });
    const first = call(1);
    await turn();
    comes();
    await turn();
    await turn();
    const second = call(2);
    answer();
    await first;
    await turn();
    assert.deepEqual(asked, [[1], [2]]);
    assert.equal(expectedSoFar(), 1);
    answer();
    assert.equal(await second, 'to 2');
  });

  it('do not wait long for company that does not come', async () => {
    const { asked, run, answer } = calls();
    const { expected, comes } = company();
    const call = groupCalls(run, { maxItems: 10, company: expected });
    const first = call(1);
    await waitUntil(() => asked.length === 1);
    answer();
    assert.equal(await first, 'to 1');
    // It still has not come.
    const second = call(2);
    await waitUntil(() => asked.length === 2);
    comes();
    await turn();
    answer();
    assert.equal(await second, 'to 2');
    assert.deepEqual(asked, [[1], [2]]);
  });
});

describe('the end of the next call', () => {
  it('is told, whether it went well or not; there is none while nothing is asked for', async () => {
    const { run, answer, fail } = calls();
    const call = groupCalls(run, { maxItems: 10 });
    assert.equal(call.nextEnd(), undefined);
    for (const finish of [answer, fail]) {
      const asked = call(1);
      let ended = false;
      // Asked for already, and not yet under way.
      void call.nextEnd()?.then(() => {
        ended = true;
      });
      await turn();
      await turn();
      assert.equal(ended, false);
      finish();
      await asked.catch(() => undefined);
      await turn();
      assert.equal(ended, true);
      assert.equal(call.nextEnd(), undefined);
    }
  });
});
