import type { Mid } from '@tdc/core';
import type { RedisClient } from './connect.ts';
import type { RedisKeys } from './keys.ts';

/** What stands between a commit and the promise that it outlives the primary: replication is behind by nature. */
export interface ReplicaBarrier {
  /**
   * Whether the committed copies, and with them everything written before, are on enough replicas; false when that is
   * not known in time. Never rejects.
   */
  holds(mids: readonly Mid[]): Promise<boolean>;
}

/** Where nobody asks for replicas. */
export const NO_BARRIER: ReplicaBarrier = { holds: async () => true };

export interface ReplicaBarrierOptions {
  /** As many must have acknowledged; at least 1. */
  readonly replicas: number;
  readonly timeoutMs: number;
}

interface Asked {
  readonly mids: readonly Mid[];
  readonly answer: (holds: boolean) => void;
}

/**
 * Asks with WAIT, on a connection of the barrier's own, of the role `command`: WAIT holds up whatever is behind it, so
 * one serves everybody who asked meanwhile. WAIT speaks of the last write of its own connection, hence a write before
 * it; replication keeps the order, so what is older is there, too. After a failover the new primary may never have had
 * the copies: whether it has them is asked behind the WAIT, of the same server.
 */
export function createReplicaBarrier(
  redis: RedisClient,
  keys: RedisKeys,
  { replicas, timeoutMs }: ReplicaBarrierOptions,
): ReplicaBarrier {
  let waiting: Asked[] = [];
  let running = false;

  /** For each of the MIDs, whether the server that has waited for its replicas knows the copy. */
  const ask = async (mids: readonly Mid[]): Promise<ReadonlySet<Mid>> => {
    const pipeline = redis.pipeline().set(keys.barrier, '1').wait(replicas, timeoutMs);
    for (const mid of mids) pipeline.exists(keys.copy(mid));
    const [written, acknowledged, ...known] = (await pipeline.exec()) ?? [];
    if (written?.[0] !== null || acknowledged?.[0] !== null || Number(acknowledged[1]) < replicas)
      return new Set();
    return new Set(mids.filter((_, index) => known[index]?.[0] === null && known[index][1] === 1));
  };
  const run = async (): Promise<void> => {
    running = true;
    while (waiting.length > 0) {
      const asked = waiting;
      waiting = [];
      const held = await ask(asked.flatMap(({ mids }) => mids)).catch(() => new Set<Mid>());
      for (const { mids, answer } of asked) answer(mids.every((mid) => held.has(mid)));
    }
    running = false;
  };

  return {
    holds: (mids) =>
      new Promise((answer) => {
        waiting.push({ mids, answer });
        if (!running) void run();
      }),
  };
}
