import { pause, type RedisClient } from '@tdc/platform';

/** What something asked of Redis. */
export interface Usage {
  /** Commands that Redis carried out, those inside of scripts included. */
  readonly commands: number;
  /** CPU time of its main thread, which no other command has meanwhile; with what reading and answering takes. */
  readonly microseconds: number;
}

interface Reading {
  readonly commands: number;
  readonly cpuSeconds: number;
}

const COMMAND = /^cmdstat_[^:]+:calls=(\d+)/gm;
const CPU = /^used_cpu_(?:user|sys)_main_thread:([\d.]+)/gm;

const sumOf = (matches: Iterable<RegExpMatchArray>): number =>
  [...matches].reduce((sum, [, value]) => sum + Number(value), 0);

async function read(redis: RedisClient): Promise<Reading> {
  const info = await redis.info('commandstats', 'cpu');
  return {
    commands: sumOf(info.matchAll(COMMAND)),
    cpuSeconds: sumOf(info.matchAll(CPU)),
  };
}

/**
 * What Redis spent between the beginning of `act`, which does the same thing `times` times, and its end, for one of them.
 * Nobody else may use it meanwhile. `idleShare` of the time it spends anyhow: see {@link idleShareOf}.
 */
export async function usageOfEach(
  { redis, idleShare }: { readonly redis: RedisClient; readonly idleShare: number },
  times: number,
  act: () => Promise<unknown>,
): Promise<Usage> {
  const startedAt = performance.now();
  const before = await read(redis);
  await act();
  const after = await read(redis);
  // The first reading counts among what came behind it.
  const commands = after.commands - before.commands - 1;
  const idleSeconds = (idleShare * (performance.now() - startedAt)) / 1000;
  const microseconds = (after.cpuSeconds - before.cpuSeconds - idleSeconds) * 1e6;
  return { commands: commands / times, microseconds: Math.max(0, microseconds) / times };
}

const IDLE_MS = 500;

/** Share of a processor that Redis uses while it is asked nothing: it looks after itself ten times a second. */
export async function idleShareOf(redis: RedisClient): Promise<number> {
  const startedAt = performance.now();
  const before = await read(redis);
  await pause(IDLE_MS, new AbortController().signal);
  const after = await read(redis);
  return ((after.cpuSeconds - before.cpuSeconds) * 1000) / (performance.now() - startedAt);
}

/** Octets that Redis uses now. */
export async function memoryUsed(redis: RedisClient): Promise<number> {
  return Number(/^used_memory:(\d+)/m.exec(await redis.info('memory'))?.[1]);
}
