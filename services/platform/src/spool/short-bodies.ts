import type { Mid } from '@tdc/core';
import type { RedisClient } from '../redis/connect.ts';
import type { RedisKeys } from '../redis/keys.ts';
import { sendAccompanied, sendCommand } from '../redis/send-command.ts';

/** Short messages in the spool, which come with their commit and go with their attempt. */
export interface ShortBodies {
  /**
   * Gives each MID these octets for their time. All commands are sent at once, before this returns. `taken` where a MID has
   * the body of another message, which stays; an error where Redis did not take them, or it is not known whether it did.
   * Never rejects. Has no time limit of its own: a command that has one must leave in the same write, behind them.
   */
  store(mids: readonly Mid[], octets: Buffer): Promise<'stored' | 'taken' | Error>;
  /** The octets of each, where they are there. */
  fetch(mids: readonly Mid[]): Promise<readonly (Buffer | null)[]>;
}

export function createShortBodies(redis: RedisClient, keys: RedisKeys, lifeMs: number): ShortBodies {
  return {
    store(mids, octets) {
      const [first = '', ...others] = mids.map(keys.spool);
      // NX: a Redis that lost its numbers gives them out again, and another message may have the same MID.
      const stored = sendAccompanied(redis, 'set', [first, octets, 'PX', lifeMs, 'NX']);
      const copied = others.map((other) => sendAccompanied(redis, 'copy', [first, other]));
      return Promise.all([stored, ...copied]).then(
        (answers) => (answers.every((answer) => answer === 'OK' || answer === 1) ? 'stored' : 'taken'),
        (error: unknown) => (error instanceof Error ? error : new Error(String(error))),
      );
    },
    fetch: (mids) =>
      sendCommand(redis, 'mget', mids.map(keys.spool), null) as Promise<readonly (Buffer | null)[]>,
  };
}
