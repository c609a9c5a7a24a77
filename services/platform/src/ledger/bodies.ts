import type { JournalCopy, Mid } from '@tdc/core';
import { Command } from 'ioredis';
import type { RedisClient } from '../redis/connect.ts';
import type { RedisKeys } from '../redis/keys.ts';

/** Why a message's copies have no body, in words. */
export interface BodyProblem {
  readonly problem: string;
}

/** The spooled messages of short ones, which come with their commit and go with their attempt. */
export interface Bodies {
  /**
   * Gives each of a message's copies its octets for their time. All commands are sent at once, before this returns. Answers
   * what prevented it; never rejects.
   */
  store(copies: readonly JournalCopy[], octets: Buffer): Promise<BodyProblem | undefined>;
  /** The octets of each, where they are there. */
  fetch(mids: readonly Mid[]): Promise<readonly (Buffer | null)[]>;
}

export function createBodies(redis: RedisClient, keys: RedisKeys, lifeMs: number): Bodies {
  // Made here: a command that the library makes costs several closures more.
  const send = (name: string, args: readonly (string | Buffer)[], replyEncoding: 'utf8' | null) =>
    redis.sendCommand(new Command(name, [...args], { replyEncoding }));

  return {
    async store(copies, octets) {
      const [first = '', ...others] = copies.map(({ mid }) => keys.spool(mid));
      // NX: a Redis that lost its numbers gives them out again, and another message may have the same MID.
      const stored = send('set', [first, octets, 'PX', String(lifeMs), 'NX'], 'utf8');
      const copied = others.map((other) => send('copy', [first, other], 'utf8'));
      try {
        const answers = await Promise.all([stored, ...copied]);
        if (answers.every((answer) => answer === 'OK' || answer === 1)) return undefined;
        return { problem: `the spool holds another message under MID ${copies[0]?.mid} or that of a copy` };
      } catch (error) {
        return { problem: error instanceof Error ? error.message : String(error) };
      }
    },
    fetch: (mids) => send('mget', mids.map(keys.spool), null) as Promise<readonly (Buffer | null)[]>,
  };
}
