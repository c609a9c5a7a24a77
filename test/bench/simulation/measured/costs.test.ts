import assert from 'node:assert/strict';
import { after, beforeEach, describe, it } from 'node:test';
import { loadDeliveryConfig } from '../../../../services/delivery/src/config.ts';
import { openStorage as openDeliveryStorage } from '../../../../services/delivery/src/storage.ts';
import { loadIntakeConfig } from '../../../../services/intake/src/config.ts';
import { openStorage as openIntakeStorage } from '../../../../services/intake/src/storage.ts';
import { loadMonitorConfig } from '../../../../services/monitor/src/config.ts';
import { createStorage as createMonitorStorage } from '../../../../services/monitor/src/storage.ts';
import { silentLog } from '../../../support/remembering-log.ts';
import { useRedis } from '../../../support/use-redis.ts';
import { waitUntil } from '../../../support/wait-until.ts';
import { COPY_COSTS, COPY_MEMORY, COSTS, type Cost, REDIS_CLIENTS, type Step } from '../costs.ts';
import { type Ground, openGround } from './ground.ts';
import { measureCopies, measureLoneJobs, measureMemory, measurePutBacks } from './measure-copies.ts';
import { measureLeases, measureStanding, measureWorkers, STANDING_STEPS } from './measure-standing.ts';

const redis = useRedis();
const blocking = () => redis.open({ role: 'blocking' });
const BODY_BYTES = 4096;

let opened: Ground | undefined;
beforeEach(async () => {
  await opened?.close();
  opened = await openGround(redis.client);
});
after(() => opened?.close());
const ground = (): Ground => opened ?? assert.fail();

/** A simulation that is off by more than a quarter misleads. */
function nearly(actual: number, expected: number, what: string): void {
  const text = `${what}: measured ${actual.toFixed(1)}, the simulation reckons with ${expected.toFixed(1)}`;
  assert.ok(Math.abs(actual - expected) <= expected / 4, text);
}

const commandsFor = ({ commands, commandsEach }: Cost, items: number): number =>
  commands + items * commandsEach;

describe('the commands of Redis that a simulation reckons with are those', () => {
  for (const size of [1, 8, 20]) {
    it(`for jobs of ${size}`, async () => {
      const used = await measureCopies(ground(), blocking, { size, calls: 40, bodyBytes: BODY_BYTES });
      for (const [step, { commands }] of Object.entries(used))
        nearly(commands, commandsFor(COPY_COSTS[step as keyof typeof used], size), `${step} of ${size}`);
    });
  }

  it('for a job that wakes a worker', async () => {
    const { commands } = await measureLoneJobs(ground(), await redis.connect({ role: 'blocking' }), 40);
    const { add, wake, handle } = COPY_COSTS;
    nearly(commands, add.commands + wake.commands + handle.commands, 'a lone job');
  });

  it('for a job that is put back', async () => {
    const { commands } = await measurePutBacks(ground(), blocking(), 60);
    nearly(commands, COPY_COSTS.putBack.commands + COPY_COSTS.handle.commands, 'a job put back and done');
  });

  it('for what processes ask without being asked', async () => {
    const used = await measureStanding(ground(), 40);
    for (const step of STANDING_STEPS) nearly(used[step].commands, COSTS[step as Step].commands, step);
  });

  it('for the leases of any number of connections', async () => {
    for (const leases of [1, 100]) {
      const { countWorkers, renew } = await measureLeases(ground(), leases, 20);
      nearly(countWorkers.commands, COSTS.countWorkers.commands, `workers of ${leases} leases counted`);
      nearly(renew.commands, COSTS.renew.commands, `${leases} leases renewed`);
    }
  });

  for (const [step, jobs] of [
    ['idleWorker', 0],
    ['busyWorker', 30],
  ] as const) {
    it(`for a second of a worker with ${jobs} jobs among ten`, async () => {
      const { commands } = await measureWorkers(ground(), blocking, { workers: 10, seconds: 10, jobs });
      nearly(commands, COSTS[step].commands, step);
    });
  }
});

describe('the memory of Redis that a simulation reckons with is that', () => {
  for (const [bodyBytes, calls, expected] of [
    [4096, 250, COPY_MEMORY.queued4Kb],
    [102_400, 125, COPY_MEMORY.queued100Kb],
  ] as const) {
    it(`of copies of ${bodyBytes} octets, waiting and with their outcome`, async () => {
      const { queued, tracked } = await measureMemory(ground(), { size: 8, calls, bodyBytes });
      nearly(queued, expected, 'a copy that waits');
      nearly(tracked, COPY_MEMORY.tracked, 'a copy that is tracked');
    });
  }
});

describe('the connections to Redis that a simulation reckons with are those', () => {
  const env = { TDC_REDIS_URL: '', TDC_SMTP_TLS_CERT_FILE: '', TDC_SMTP_TLS_KEY_FILE: '' };
  beforeEach(() => {
    env.TDC_REDIS_URL = redis.server.url;
    // It is only looked at whether they can be read.
    env.TDC_SMTP_TLS_CERT_FILE = import.meta.filename;
    env.TDC_SMTP_TLS_KEY_FILE = import.meta.filename;
  });
  const signal = new AbortController().signal;
  const clients = async (): Promise<number> =>
    Number(/^connected_clients:(\d+)/m.exec(await redis.client.info('clients'))?.[1]);
  /** Opened ones come up one after the other. */
  const grows = async (from: number, expected: number): Promise<void> => {
    await waitUntil(async () => (await clients()) - from >= expected, { what: `${expected} connections` });
    assert.equal((await clients()) - from, expected);
  };

  it('of a process that takes mail', async () => {
    const before = await clients();
    const storage = openIntakeStorage(loadIntakeConfig(env), silentLog, Date.now);
    await storage.opened;
    await grows(before, REDIS_CLIENTS.intake);
    await storage.close();
  });

  it('of a process that delivers', async () => {
    const before = await clients();
    const options = { worker: 'one', log: silentLog, now: Date.now, signal, unhandled: () => undefined };
    const storage = await openDeliveryStorage(loadDeliveryConfig(env), options);
    const worker = storage?.startWorker(async () => ({ kind: 'done' }), 1);
    await grows(before, REDIS_CLIENTS.delivery);
    await worker?.drain(Date.now() + 1000);
    await storage?.close();
  });

  it('of the monitor', async () => {
    const before = await clients();
    const storage = createMonitorStorage(loadMonitorConfig(env), silentLog, Date.now);
    await storage.open(signal);
    await grows(before, REDIS_CLIENTS.monitor);
    await storage.close();
  });
});
