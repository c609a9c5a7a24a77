import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { waitUntil } from '../../../../test/support/wait-until.ts';
import type { SweepPace } from './sweep.ts';
import { startSweeper } from './sweeper.ts';

/** An hour: in a test it never passes. */
const LONG_MS = 3_600_000;

describe('the sweeper', () => {
  it('sweeps at once, and again at its pace', async () => {
    let sweeps = 0;
    const sweeper = startSweeper({
      sweep: async () => {
        sweeps += 1;
      },
      everyMs: 1,
      now: Date.now,
    });
    assert.equal(sweeps, 1);
    await waitUntil(() => sweeps > 2);
    await sweeper.stop();
  });

  it('never sweeps twice at a time', async () => {
    let open = 0;
    let sweeps = 0;
    let most = 0;
    const sweeper = startSweeper({
      sweep: async () => {
        open += 1;
        most = Math.max(most, open);
        await new Promise((resolve) => setImmediate(resolve));
        open -= 1;
        sweeps += 1;
      },
      everyMs: 0,
      now: Date.now,
    });
    await waitUntil(() => sweeps > 5);
    await sweeper.stop();
    assert.equal(most, 1);
  });

  it('tells when a batch last came to its end, also within a sweep', async () => {
    let now = 1000;
    let pace: SweepPace | undefined;
    const sweeper = startSweeper({
      sweep: (given) => {
        pace = given;
        return new Promise<void>((resolve) => given.stopping.addEventListener('abort', () => resolve()));
      },
      everyMs: LONG_MS,
      now: () => now,
    });
    now = 2000;
    assert.equal(sweeper.lastProgressAt(), 1000);
    pace?.progressed();
    assert.equal(sweeper.lastProgressAt(), 2000);
    await sweeper.stop();
  });

  it('stops in the middle of its pause, and behind the sweep under way', async () => {
    const idle = startSweeper({ sweep: async () => undefined, everyMs: LONG_MS, now: Date.now });
    await idle.stop();
    let ended = false;
    const busy = startSweeper({
      sweep: async ({ stopping }) => {
        while (!stopping.aborted) await new Promise((resolve) => setImmediate(resolve));
        ended = true;
      },
      everyMs: LONG_MS,
      now: Date.now,
    });
    await busy.stop();
    assert.equal(ended, true);
  });
});
