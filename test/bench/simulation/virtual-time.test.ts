import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { VirtualTime } from './virtual-time.ts';

/** Time that ends with the test, whatever comes of it. */
async function within(act: (time: VirtualTime) => Promise<void>): Promise<void> {
  const time = new VirtualTime();
  try {
    await act(time);
  } finally {
    await time.end();
  }
}

describe('virtual time', () => {
  it('passes as fast as it can, and timers and the clock with it', async () => {
    await within(async (time) => {
      const seen: number[] = [];
      setInterval(() => seen.push(time.seconds), 1000);
      await time.runUntil(3.5);
      assert.deepEqual(seen, [1, 2, 3]);
      assert.equal(time.now(), Date.UTC(2026, 0, 1) + 3500);
    });
  });

  it('stops when it is told to', async () => {
    await within(async (time) => {
      let isOver = false;
      setTimeout(() => {
        isOver = true;
      }, 20);
      await time.runUntil(10, () => isOver);
      assert.equal(time.seconds, 0.02);
    });
  });

  it('lets a round trip last a step, and what follows from it happen in it', async () => {
    await within(async (time) => {
      const seen: number[] = [];
      const ask = async (): Promise<void> => {
        for (let nth = 0; nth < 3; nth += 1) {
          await time.roundTrip();
          seen.push(time.seconds);
        }
      };
      void ask();
      await time.runUntil(0.01);
      assert.deepEqual(seen, [0.001, 0.002, 0.003]);
    });
  });

  it('ends when nothing more can happen without it', async () => {
    let happened = false;
    const time = new VirtualTime();
    setImmediate(() =>
      setImmediate(() => {
        happened = true;
      }),
    );
    await time.end();
    assert.equal(happened, true);
  });
});
