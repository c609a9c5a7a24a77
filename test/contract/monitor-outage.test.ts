import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { after, afterEach, before, describe, it } from 'node:test';
import { status } from '@grpc/grpc-js';
import { freePort } from '../../deploy/local/ports.ts';
import { type MonitorProcess, monitorEnvironment, startMonitor } from '../support/monitor-process.ts';
import { sampleOf } from '../support/prometheus-text.ts';
import { KEEP_ALL, type RedisServer, startRedisServer } from '../support/redis-server.ts';
import { type ServiceProcess, startService } from '../support/service-process.ts';
import { waitUntil } from '../support/wait-until.ts';

describe('a monitor whose Redis goes away and comes back', () => {
  let redis: RedisServer;
  let monitor: MonitorProcess;
  before(async () => {
    redis = await startRedisServer(KEEP_ALL);
    monitor = await startMonitor(redis.url);
  });
  after(async () => {
    await monitor?.stop();
    await redis?.remove();
  });

  const statusOf = async (path: string): Promise<number> => (await monitor.get(path)).status;

  /** What is to be true while Redis is away, however it is away. */
  async function expectAway(): Promise<void> {
    await waitUntil(async () => (await statusOf('/readyz')) === 503, { withinSeconds: 30 });
    assert.equal(await statusOf('/livez'), 200);
    const scaling = await monitor.get('/scaling');
    assert.equal(scaling.status, 503);
    assert.doesNotMatch(scaling.text, /demand/);
    const samples = await monitor.samples();
    assert.equal(sampleOf(samples, 'tdc_redis_up'), 0);
    assert.equal(sampleOf(samples, 'tdc_messages_seen_total'), undefined);
    assert.equal(sampleOf(samples, 'tdc_build_info'), 1);
    const answer = await monitor.accounting();
    assert.ok(answer.kind === 'failed');
    assert.equal(answer.code, status.UNAVAILABLE);
    assert.match(answer.message, /^Redis does not answer/);
  }

  /** What is to be true when it is back, without a restart. */
  async function expectBack(): Promise<void> {
    await waitUntil(async () => (await statusOf('/readyz')) === 200, { withinSeconds: 30 });
    await waitUntil(async () => sampleOf(await monitor.samples(), 'tdc_redis_up') === 1);
    assert.equal(sampleOf(await monitor.samples(), 'tdc_accounting_difference'), 0);
    await waitUntil(async () => (await statusOf('/scaling')) === 200);
    await waitUntil(async () => (await monitor.accounting()).kind === 'ok');
  }

  it('is not ready, alive, exports no stale number and no false 0, and serves again by itself', async () => {
    assert.equal(await statusOf('/readyz'), 200);
    await redis.stop();
    await expectAway();
    const failures = () =>
      monitor.samples().then((samples) => sampleOf(samples, 'tdc_monitor_sweep_failures_total') ?? 0);
    await waitUntil(async () => (await failures()) >= 2);
    await redis.start();
    await expectBack();
    await waitUntil(() => monitor.logged('is back').length > 0, { what: 'the line of its return' });
    for (const once of ['the sweep failed', 'does not answer: ', 'is back'])
      assert.equal(monitor.logged(once).length, 1, once);
  });

  it('is the same with a Redis that takes connections and never answers', async () => {
    redis.signal('SIGSTOP');
    try {
      await expectAway();
    } finally {
      redis.signal('SIGCONT');
    }
    await expectBack();
  });
});

describe('a monitor that starts', () => {
  let redis: RedisServer;
  let processes: ServiceProcess[] = [];
  before(async () => {
    redis = await startRedisServer();
  });
  after(() => redis?.remove());
  afterEach(async () => {
    await Promise.all(processes.map((process) => process.stop('SIGKILL')));
    processes = [];
  });

  const start = (env: Readonly<Record<string, string>>): ServiceProcess => {
    const process = startService('monitor', { ...monitorEnvironment(redis.url), ...env });
    processes.push(process);
    return process;
  };

  it('without Redis is alive and not ready, says so once, and serves as soon as Redis is there', async () => {
    await redis.stop();
    const port = await freePort();
    const process = start({ TDC_HTTP_PORT: String(port) });
    const get = (path: string) => fetch(`http://127.0.0.1:${port}${path}`);
    await waitUntil(async () => (await get('/readyz')).status === 503);
    assert.equal((await get('/livez')).status, 200);
    assert.equal((await get('/scaling')).status, 503);
    assert.match(await (await get('/metrics')).text(), /^tdc_redis_up 0$/m);
    await waitUntil(() => process.lines().some((line) => line.includes('does not answer')));
    await redis.start();
    await process.ready();
    assert.equal((await get('/readyz')).status, 200);
    assert.equal(process.lines().filter((line) => / Warning: Redis /.test(line)).length, 1);
  });

  it('without Redis still stops when it is told to', async () => {
    await redis.stop();
    const process = start({});
    await waitUntil(() => process.lines().some((line) => line.includes('does not answer')));
    assert.deepEqual(await process.stop(), { code: 0, signal: null });
    await redis.start();
  });

  it('over a Redis that may evict copies refuses, with status 78 and the reason', async () => {
    const evicting = await startRedisServer(['--maxmemory', '100mb', '--maxmemory-policy', 'allkeys-lru']);
    try {
      const process = start({ TDC_REDIS_URL: evicting.url });
      assert.equal((await process.exited).code, 78);
      assert.match(process.errors(), /maxmemory-policy allkeys-lru: it must be noeviction/);
    } finally {
      await evicting.remove();
    }
  });

  it('with a configuration that is no good refuses, with status 78 and every problem', async () => {
    const process = start({ TDC_SWEEP_SECONDS: 'often', TDC_GRPC_PORT: '-1' });
    assert.equal((await process.exited).code, 78);
    assert.match(process.errors(), /TDC_SWEEP_SECONDS/);
    assert.match(process.errors(), /TDC_GRPC_PORT/);
  });

  for (const variable of ['TDC_HTTP_PORT', 'TDC_GRPC_PORT']) {
    it(`on a port that is taken refuses, with status 78 and ${variable}`, async () => {
      const taken = createServer();
      await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
      const address = taken.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      try {
        const process = start({ [variable]: String(port) });
        assert.equal((await process.exited).code, 78);
        assert.match(process.errors(), new RegExp(`port ${port} .*in use \\(${variable}\\)`));
      } finally {
        await new Promise((resolve) => taken.close(resolve));
      }
    });
  }
});
