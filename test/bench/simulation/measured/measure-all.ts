import { closeRedis, connectRedis, type RedisClient, whenRedisReady } from '@tdc/platform';
import { startRedisServer } from '../../../support/redis-server.ts';
import { formatNumber, renderTable } from '../../table.ts';
import { type Ground, openGround } from './ground.ts';
import {
  COPY_STEPS,
  type CopyMemory,
  measureCopies,
  measureLoneJobs,
  measureMemory,
  measurePutBacks,
} from './measure-copies.ts';
import { measureLeases, measureStanding, measureWorkers } from './measure-standing.ts';
import { idleShareOf, type Usage } from './redis-usage.ts';

const SIZES = [1, 8, 20] as const;
const BODY_BYTES = 4096;
const CALLS = 400;
const READY_MS = 10_000;

/** Measures all that a simulation reckons with, as `say` is told; takes a minute. Needs `redis-server`. */
export async function measureAll(say: (...texts: readonly string[]) => void): Promise<void> {
  const server = await startRedisServer();
  const clients: RedisClient[] = [];
  const open = (role: 'command' | 'blocking'): RedisClient => {
    const client = connectRedis(server.url, { role });
    clients.push(client);
    return client;
  };
  const redis = open('command');
  await whenRedisReady(redis, AbortSignal.timeout(READY_MS));
  const ground = await openGround(redis, await idleShareOf(redis));
  const blocking = (): RedisClient => open('blocking');
  try {
    say('## Commands, and µs, for a call with so many copies', await copyTable(ground, blocking));
    say('## For a call, and for a second of a worker', await standingTable(ground, blocking));
    say('## Octets for a copy', await memoryTable(ground));
  } finally {
    await ground.close();
    await Promise.all(clients.map(closeRedis));
    await server.remove();
  }
}

const show = ({ commands, microseconds }: Usage): string =>
  `${formatNumber(commands)}, ${formatNumber(microseconds)}`;

async function copyTable(ground: Ground, blocking: () => RedisClient): Promise<string> {
  const columns: Awaited<ReturnType<typeof measureCopies>>[] = [];
  for (const size of SIZES)
    columns.push(await measureCopies(ground, blocking, { size, calls: CALLS, bodyBytes: BODY_BYTES }));
  return renderTable(
    ['step', ...SIZES.map(String)],
    COPY_STEPS.map((step) => [step, ...columns.map((column) => show(column[step]))]),
  );
}

async function standingTable(ground: Ground, blocking: () => RedisClient): Promise<string> {
  const ready = async (): Promise<RedisClient> => {
    const client = blocking();
    await whenRedisReady(client, AbortSignal.timeout(READY_MS));
    return client;
  };
  const rows: [string, Usage][] = [
    ['add, wake and handle', await measureLoneJobs(ground, await ready(), CALLS)],
    ['putBack and handle', await measurePutBacks(ground, await ready(), CALLS)],
    ...Object.entries(await measureStanding(ground, CALLS)),
  ];
  for (const leases of [1, 100, 1000]) {
    const { countWorkers, renew } = await measureLeases(ground, leases, CALLS);
    rows.push([`countWorkers of ${leases}`, countWorkers], [`renew of ${leases}`, renew]);
  }
  const run = { workers: 20, seconds: 10 };
  rows.push(['idleWorker', await measureWorkers(ground, blocking, { ...run, jobs: 0 })]);
  rows.push(['busyWorker', await measureWorkers(ground, blocking, { ...run, jobs: 3 * run.workers })]);
  return renderTable(
    ['step', 'commands, µs'],
    rows.map(([step, usage]) => [step, show(usage)]),
  );
}

async function memoryTable(ground: Ground): Promise<string> {
  const rows: [string, CopyMemory][] = [];
  for (const bodyBytes of [4096, 102_400])
    rows.push([`${bodyBytes} octets`, await measureMemory(ground, { size: 8, calls: 250, bodyBytes })]);
  return renderTable(
    ['body', 'queued', 'tracked'],
    rows.map(([body, { queued, tracked }]) => [body, formatNumber(queued), formatNumber(tracked)]),
  );
}
