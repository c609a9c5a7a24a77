import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { DEFAULT_SETTINGS, ruleGroups } from '@tdc/observability';
import { connectRedis, createRedisKeys, type RedisClient } from '@tdc/platform';
import { createAuthority } from '@tdc/stand-in';
import { stringify } from 'yaml';
import { freePort } from '../../deploy/local/ports.ts';
import { whyNoDebian } from '../support/debian.ts';
import { mistrustedPolicy } from '../support/mistrusted-intake.ts';
import { type Alert, type PrometheusServer, startPrometheus } from '../support/prometheus-server.ts';
import { bringPrometheus } from '../support/promtool.ts';
import { sendMail } from '../support/smtp-sender.ts';
import { type ServiceName, type Stack, startStack } from '../support/stack.ts';
import { waitUntil } from '../support/wait-until.ts';

/** The product's own rules in a hurry: nothing is waited for longer than a second, and a copy lives 16. */
const LIFE_SECONDS = 16;
const RULES = stringify({
  groups: ruleGroups({
    ...DEFAULT_SETTINGS,
    thresholds: {
      ...DEFAULT_SETTINGS.thresholds,
      oldestSeconds: '3',
      saturatedOldestSeconds: '1',
      stuckSeconds: '6',
      // Heartbeats come every 5 s.
      policyStaleSeconds: '8',
    },
  }).map((group) => ({
    ...group,
    rules: group.rules.map((rule) => ('alert' in rule ? { ...rule, for: '1s' } : rule)),
  })),
});
/** Slow enough for copies to grow old, quick enough to end. */
const SLOW_MS = 2500;
const SLOTS = 4;
const FIRES_WITHIN_SECONDS = 40;

describe('an alert fires when what it warns of comes about', { skip: whyNoDebian() ?? false }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'tdc-alerts-'));
  const wrongCa = join(folder, 'wrong-ca.pem');
  const keys = createRedisKeys();
  let stack: Stack;
  let redis: RedisClient;
  let prometheus: PrometheusServer;
  let proxyPort: number;

  const send = (to: string, header = ''): Promise<string> =>
    sendMail(
      stack.smtp,
      { from: 'a@example.org', to: [`${to}@example.com`] },
      `From: a@example.org\r\n${header}Subject: ${to}\r\n\r\nText\r\n`,
    );
  /** Waits until the alert fires with these labels; its text must have come out whole. */
  const fires = async (alert: string, labels: Readonly<Record<string, string>> = {}): Promise<void> => {
    const { annotations } = await waitUntil<Alert | undefined>(
      async () =>
        (await prometheus.alerts()).find(
          (one) =>
            one.state === 'firing' &&
            one.labels['alertname'] === alert &&
            Object.entries(labels).every(([label, value]) => one.labels[label] === value),
        ),
      { withinSeconds: FIRES_WITHIN_SECONDS, what: `${alert} ${JSON.stringify(labels)}` },
    );
    for (const text of Object.values(annotations))
      assert.doesNotMatch(text, /error expanding|<no value>|NaN/);
  };
  const silent = (alert: string): Promise<true> =>
    waitUntil(
      async () =>
        (await prometheus.alerts()).every(({ labels }) => labels['alertname'] !== alert) || undefined,
      { withinSeconds: FIRES_WITHIN_SECONDS, what: `${alert} going` },
    );

  before(async () => {
    bringPrometheus();
    writeFileSync(wrongCa, (await createAuthority()).cert);
    proxyPort = await freePort();
    stack = await startStack({
      policy: mistrustedPolicy(wrongCa),
      env: { TDC_MAX_QUEUE_AGE_SECONDS: String(LIFE_SECONDS) },
      intake: {
        TDC_TRUSTED_PEERS: '192.0.2.0/24',
        TDC_SMTP_PROXY_PORT: String(proxyPort),
        TDC_SMTP_PROXY_TRUSTED: '127.0.0.0/8',
      },
      delivery: { TDC_MAX_JOBS: String(SLOTS) },
    });
    redis = connectRedis(stack.redis.url, { role: 'command' });
    const http = (name: ServiceName): string => stack.service(name).addresses['http'] ?? assert.fail(name);
    prometheus = await startPrometheus({
      targets: {
        'tdc-intake': [http('intake')],
        'tdc-delivery': [http('delivery')],
        'tdc-policy': [http('policy')],
        'tdc-monitor': [http('monitor')],
      },
      labels: { namespace: 'mail' },
      rules: RULES,
    });
  });
  after(async () => {
    redis?.disconnect();
    await prometheus?.stop();
    await stack?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it('and none while all is well', async () => {
    assert.match(await send('jim'), /^250/);
    await stack.settled();
    await waitUntil(async () => (await prometheus.query('intake:tdc_copies_ended:rate5m > 0')).length > 0, {
      withinSeconds: 20,
    });
    assert.deepEqual(await prometheus.alerts(), []);
  });

  it('an intake whose certificate is signed by nobody we trust', async () => {
    for (let n = 0; n < 4; n += 1) assert.match(await send('mistrusted'), /^250/);
    const intake = 'mistrusted';
    await fires('TDCHardBounceConfig', { intake, reason: 'tls', severity: 'critical' });
    await fires('TDCHostDown', { intake });
    await fires('TDCJournalBudgetBurn', { intake, window: '1h', severity: 'critical' });
    await fires('TDCJournalBudgetBurn', { intake, window: '3d', severity: 'warning' });
  });

  it('a verdict from a peer that is not trusted', async () => {
    assert.match(await send('jim', 'X-Spam-Flag: YES\r\n'), /^250/);
    await fires('TDCVerdictHeadersIgnored');
  });

  it('a connection without a PROXY header', async () => {
    const socket = connect(proxyPort, '127.0.0.1');
    socket.on('error', () => undefined).end('EHLO no.proxy.example\r\n');
    await fires('TDCProxyHeadersRefused', { result: 'missing' });
  });

  it('a policy document that is refused, until it is mended', async () => {
    writeFileSync(stack.policyFile, 'version: 99\n');
    await fires('TDCPolicyReloadFailing');
    const { port } = stack.standIn;
    writeFileSync(
      stack.policyFile,
      mistrustedPolicy(wrongCa)({ port, caFile: join(stack.folder, 'ca.pem') }),
    );
    await silent('TDCPolicyReloadFailing');
  });

  it('an intake that is too slow for the workers there are', async () => {
    stack.standIn.script({ always: { 'final-dot': { delayMs: SLOW_MS } } });
    for (let n = 0; n < 3 * SLOTS; n += 1) assert.match(await send('jim'), /^250/);
    await fires('TDCDeliverySaturated');
    await fires('TDCOldestMessageOld', { intake: 'primary' });
    stack.standIn.script({});
    await stack.settled();
    await silent('TDCOldestMessageOld');
  });

  it('workers that take nothing', async () => {
    const paused = `${keys.prefix}:the.tdc.queue:meta`;
    await redis.hset(paused, 'paused', '1');
    assert.match(await send('jim'), /^250/);
    await fires('TDCWorkersStuck');
    await redis.hdel(paused, 'paused');
    await stack.settled();
  });

  it('no worker, copies that run out of time, an original that is gone', async () => {
    await stack.service('delivery').process.stop('SIGKILL');
    assert.match(await send('jim'), /^250/);
    await fires('TDCNoWorkers');
    await fires('TDCTargetDown', { job: 'tdc-delivery' });
    await fires('TDCProcessAbsent', { component: 'delivery' });
    await fires('TDCMessagesExpired', { intake: 'primary' });
    const [, mid] = /MID (\d+)/.exec(await send('jim')) ?? [];
    assert.equal(await redis.del(`${keys.prefix}:spool:${mid}`), 1);
    await stack.restart('delivery');
    await fires('TDCOriginalsLost', { intake: 'primary' });
    await silent('TDCNoWorkers');
    await silent('TDCProcessAbsent');
  });

  it('a memory that is nearly used up, and messages left with the gateway for it', async () => {
    const used = Number(/^used_memory:(\d+)/m.exec(await redis.info('memory'))?.[1]);
    await redis.config('SET', 'maxmemory', String(Math.ceil(used * 1.1)));
    await fires('TDCRedisMemoryHigh');
    await waitUntil(async () => (await send('jim')).startsWith('452'), { what: 'the door to close' });
    await send('jim');
    await redis.config('SET', 'maxmemory', '0');
    await fires('TDCIntakeDeferring');
  });

  it('a Redis that throws data away', async () => {
    const used = Number(/^used_memory:(\d+)/m.exec(await redis.info('memory'))?.[1]);
    await redis.config('SET', 'maxmemory-policy', 'volatile-ttl');
    await redis.config('SET', 'maxmemory', String(used + 2_000_000));
    for (let n = 0; n < 40; n += 1) await redis.set(`junk:${n}`, 'x'.repeat(100_000), 'EX', 2);
    await fires('TDCRedisEvicting');
    await redis.config('SET', 'maxmemory', '0');
    await redis.config('SET', 'maxmemory-policy', 'noeviction');
  });

  it('a Redis that cannot write to its disk', async () => {
    // Where the snapshot is to go, there is a folder.
    const inTheWay = join(dirname(stack.redis.url), 'dump.rdb');
    mkdirSync(inTheWay);
    await redis.bgsave();
    await fires('TDCRedisPersistenceFailing');
    rmdirSync(inTheWay);
    await redis.bgsave();
    await silent('TDCRedisPersistenceFailing');
  });

  it('an account that does not balance', async () => {
    await redis.hincrby(keys.counters, 'seen', 1);
    await fires('TDCAccountingDifference');
    await redis.hincrby(keys.counters, 'seen', -1);
    await silent('TDCAccountingDifference');
  });

  it('a sweep that fails', async () => {
    assert.equal(await redis.exists(keys.unqueued), 0);
    await redis.set(keys.unqueued, 'not what is expected here');
    await fires('TDCSweepFailing');
    await redis.del(keys.unqueued);
  });

  it('a certificate at its end', async () => {
    const { cert, key } = await stack.authority.issue({ names: ['localhost'], expired: true });
    writeFileSync(join(stack.folder, 'intake.pem'), cert);
    writeFileSync(join(stack.folder, 'intake.key'), key);
    await fires('TDCCertificateExpiring', { component: 'intake', use: 'smtp', severity: 'critical' });
    await fires('TDCCertificateExpiring', { component: 'intake', use: 'smtp', severity: 'warning' });
  });

  it('no policy service', async () => {
    await stack.service('policy').process.stop('SIGKILL');
    await fires('TDCPolicyAway', { component: 'intake' });
    await fires('TDCProcessAbsent', { component: 'policy' });
  });

  it('no Redis', async () => {
    await stack.redis.stop();
    await fires('TDCRedisDown');
    await silent('TDCOldestMessageOld');
  });
});
