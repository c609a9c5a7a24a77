import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, it } from 'node:test';
import { status } from '@grpc/grpc-js';
import { type HardBounceReason, type JournalCopy, renderTopHosts, toDcid, toMid } from '@tdc/core';
import {
  createConnectionCeiling,
  createHostStore,
  createLedger,
  createRedisKeys,
  type Ledger,
} from '@tdc/platform';
import { expositionProblems } from '../support/exposition.ts';
import { type MonitorProcess, startMonitor } from '../support/monitor-process.ts';
import { sampleOf } from '../support/prometheus-text.ts';
import { sampleCopy, toIntake } from '../support/sample-copy.ts';
import { type ServiceProcess, startService } from '../support/service-process.ts';
import { useRedis } from '../support/use-redis.ts';
import { waitUntil } from '../support/wait-until.ts';

const POLICY = `
version: 1
intakes:
  primary: { address: journal@setd.example }
  second: { address: journal@other.example, host: mx.other.example }
defaultIntake: primary
`;

const redis = useRedis();
const keys = createRedisKeys();
const folder = mkdtempSync(join(tmpdir(), 'tdc-monitor-'));
let policy: ServiceProcess;
let monitor: MonitorProcess;
let ledger: Ledger;

before(async () => {
  // Hooks of a file start together: Redis is on its way.
  await waitUntil(() => redis.server.url);
  const file = join(folder, 'policy.yaml');
  writeFileSync(file, POLICY);
  policy = startService('policy', {
    TDC_REDIS_URL: redis.server.url,
    TDC_POLICY_FILE: file,
    TDC_GRPC_HOST: '127.0.0.1',
    TDC_GRPC_PORT: '0',
  });
  const { grpc = '' } = await policy.ready();
  // No sweep after the first: nothing but the test moves the account.
  monitor = await startMonitor(redis.server.url, { TDC_POLICY_ADDRESS: grpc, TDC_SWEEP_SECONDS: '60' });
  await waitUntil(() => monitor.logged('is in force').length > 0);
});
after(async () => {
  await monitor?.stop();
  await policy?.stop();
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(() => {
  ledger = createLedger(redis.client, keys, { now: Date.now, trackingHours: 24 });
});

const copy = (mid: number, changes: Partial<JournalCopy> = {}): JournalCopy =>
  sampleCopy(mid, { enqueuedAt: Date.now(), ...changes });
const hardBounce = (mid: number, reason: HardBounceReason): Promise<boolean> =>
  ledger.finish(toMid(mid), { kind: 'hard-bounced', dcid: toDcid(9), reason, response: 'No' });

/** One copy of every fate for `primary`, and one for `second`; 3 messages skipped. */
async function everyFate(): Promise<void> {
  const copies = [1, 2, 3, 4, 5, 6].map((mid) => copy(mid));
  await ledger.commit({ enqueue: copies, skipped: ['spam', 'spam', 'no-scan'] });
  await ledger.commit({ enqueue: [toIntake(copy(7), 'second')], skipped: [] });
  await ledger.finish(toMid(1), { kind: 'delivered', dcid: toDcid(4), response: '250 2.0.0 Ok' });
  await hardBounce(2, '5xx');
  await hardBounce(3, 'expired');
  await ledger.finish(toMid(4), { kind: 'deleted' });
  await ledger.beginAttempts([toMid(5)], Date.now() + 60_000);
  const response = '451 4.3.0 Later';
  const bounce = { attempt: 1, dcid: toDcid(4), reason: '4xx', response, retryAt: Date.now() } as const;
  await ledger.softBounce(toMid(5), bounce);
}

/** The samples, once they are of this moment: a reading is kept for a second. */
const samplesOnce = (name: string, labels: Readonly<Record<string, string>>, value: number) =>
  waitUntil(
    async () => {
      const samples = await monitor.samples();
      return sampleOf(samples, name, labels) === value ? samples : undefined;
    },
    { what: `${name} of ${value}` },
  );

describe('the metrics', () => {
  it('exist at 0 for the intakes of the policy before anything was enqueued', async () => {
    const samples = await samplesOnce('tdc_messages_seen_total', {}, 0);
    for (const intake of ['primary', 'second']) {
      assert.equal(sampleOf(samples, 'tdc_delivered_recipients_total', { intake }), 0);
      assert.equal(sampleOf(samples, 'tdc_hard_bounced_recipients_total', { intake, reason: 'tls' }), 0);
    }
    assert.equal(sampleOf(samples, 'tdc_policy_revision'), 1);
  });

  it('are the ledger, number by number', async () => {
    await everyFate();
    const samples = await samplesOnce('tdc_messages_seen_total', {}, 10);
    const counters = await ledger.counters();
    for (const intake of ['primary', 'second']) {
      const kept = counters.intakes[intake];
      const of = (name: string, labels = {}) => sampleOf(samples, name, { intake, ...labels });
      assert.equal(of('tdc_active_recipients', { state: 'unattempted' }), kept?.unattempted);
      assert.equal(of('tdc_active_recipients', { state: 'attempted' }), kept?.attempted);
      assert.equal(of('tdc_enqueued_recipients_total'), kept?.enqueued);
      assert.equal(of('tdc_delivered_recipients_total'), kept?.delivered);
      assert.equal(of('tdc_deleted_recipients_total'), kept?.deleted);
      for (const [reason, count] of Object.entries(kept?.hardBounced ?? {}))
        assert.equal(of('tdc_hard_bounced_recipients_total', { reason }), count, reason);
      for (const [reason, count] of Object.entries(kept?.softBounced ?? {}))
        assert.equal(of('tdc_soft_bounced_events_total', { reason }), count, reason);
    }
    for (const [reason, count] of Object.entries(counters.skipped))
      assert.equal(sampleOf(samples, 'tdc_messages_skipped_total', { reason }), count, reason);
    assert.equal(sampleOf(samples, 'tdc_completed_recipients_total', { intake: 'primary' }), 4);
    assert.equal(sampleOf(samples, 'tdc_accounting_difference'), 0);
    assert.ok((sampleOf(samples, 'tdc_oldest_message_age_seconds', { intake: 'primary' }) ?? 0) > 0);
  });

  it('are an exposition that a scraper reads without complaint', async () => {
    const { status: code, type, text } = await monitor.get('/metrics');
    assert.equal(code, 200);
    assert.equal(type, 'text/plain; version=0.0.4; charset=utf-8');
    assert.deepEqual(expositionProblems(text), []);
  });

  it('count the connections of every worker and know which hosts are down', async () => {
    for (const worker of ['one', 'two']) {
      const ceiling = createConnectionCeiling(redis.client, keys, { worker, now: Date.now });
      await ceiling.acquire('primary', toDcid(1), 10);
      await ceiling.acquire('primary', toDcid(2), 10);
    }
    await createHostStore(redis.client, keys).save('second', { up: false });
    const samples = await samplesOnce('tdc_connections_out', { intake: 'primary' }, 4);
    assert.equal(sampleOf(samples, 'tdc_host_up', { intake: 'primary' }), 1);
    assert.equal(sampleOf(samples, 'tdc_host_up', { intake: 'second' }), 0);
  });
});

describe('the scaling signal', () => {
  const signal = async () => {
    const { status: code, text } = await monitor.get('/scaling');
    assert.equal(code, 200);
    return JSON.parse(text) as Record<string, number>;
  };

  it('is all zero when there is nothing to do', async () => {
    assert.deepEqual(await signal(), {
      demand: 0,
      waiting: 0,
      active: 0,
      delayed: 0,
      oldestAgeSeconds: 0,
    });
  });

  it('counts what waits, what is being handled and the retries that are due soon', async () => {
    const copies = [1, 2, 3, 4, 5].map((mid) => copy(mid, { enqueuedAt: Date.now() - 50_000 }));
    await ledger.commit({ enqueue: copies, skipped: [] });
    await ledger.beginAttempts([toMid(1), toMid(2), toMid(3)], Date.now() + 60_000);
    const bounce = { attempt: 1, dcid: toDcid(4), reason: '4xx', response: '451 Later' } as const;
    await ledger.softBounce(toMid(1), { ...bounce, retryAt: Date.now() + 10_000 });
    await ledger.softBounce(toMid(2), { ...bounce, retryAt: Date.now() + 600_000 });
    const { oldestAgeSeconds = 0, ...counts } = await signal();
    assert.deepEqual(counts, { demand: 4, waiting: 2, active: 1, delayed: 2 });
    assert.ok(oldestAgeSeconds >= 50);
  });
});

describe('tophosts', () => {
  it('shows the queue and its intakes to the letter', async () => {
    await everyFate();
    await createHostStore(redis.client, keys).save('second', {
      up: false,
      lastActivityAt: Date.now(),
    });
    const answer = await monitor.topHosts();
    assert.ok(answer.kind === 'ok');
    const asOf = Date.UTC(2026, 7, 13, 14, 29, 42);
    assert.equal(
      renderTopHosts({ asOf, rows: answer.value.rows }),
      `Status as of: Thu Aug 13 14:29:42 2026 UTC
Hosts marked with '*' were down as of the last delivery attempt.

                                     Active   Conn.     Deliv.       Soft       Hard
#    Recipient Host                  Recip.     Out     Recip.    Bounced    Bounced
1*   the.tdc.queue                        3       0          1          1          2
2    primary (setd.example)               2       0          1          1          2
3*   second (mx.other.example)            1       0          0          0          0
`,
    );
  });
});

describe('hoststatus', () => {
  it('answers for the queue, an alias, a mail domain and a host', async () => {
    await everyFate();
    for (const [host, active, completed] of [
      ['the.tdc.queue', 3, 4],
      ['primary', 2, 4],
      ['setd.example', 2, 4],
      ['mx.other.example', 1, 0],
    ] as const) {
      const answer = await monitor.hostStatus(host);
      assert.ok(answer.kind === 'ok', host);
      assert.deepEqual(
        [answer.value.host, answer.value.activeRecipients, answer.value.completedRecipients],
        [host, active, completed],
      );
    }
  });

  it('has no record of any other', async () => {
    assert.deepEqual(await monitor.hostStatus('nowhere.example'), {
      kind: 'failed',
      code: status.NOT_FOUND,
      message: 'No record of host: nowhere.example',
    });
  });
});

describe('tracking', () => {
  it('finds a copy by MID with all that is known of it', async () => {
    await everyFate();
    const answer = await monitor.track({ $case: 'mid', value: 1 });
    assert.ok(answer.kind === 'ok');
    const [found, ...rest] = answer.value.copies;
    assert.deepEqual(rest, []);
    assert.deepEqual(
      [found?.state, found?.lastResponse, found?.lastDcid, found?.intake, found?.recipients],
      ['delivered', '250 2.0.0 Ok', 4, 'primary', ['ann@example.com']],
    );
    assert.ok((found?.finishedAtMs ?? 0) > 0);
  });

  it('finds every copy of a message by its Message-ID', async () => {
    const messageIdHeader = '<same@lawfirm.example>';
    const copies = [1, 2].map((mid) => copy(mid, { messageIdHeader }));
    await ledger.commit({ enqueue: [...copies, copy(3)], skipped: [] });
    const answer = await monitor.track({ $case: 'messageId', value: messageIdHeader });
    assert.ok(answer.kind === 'ok');
    assert.deepEqual(
      answer.value.copies.map(({ mid }) => mid),
      [1, 2],
    );
  });

  it('refuses what names no message', async () => {
    const answer = await monitor.track(undefined);
    assert.ok(answer.kind === 'failed');
    assert.equal(answer.code, status.INVALID_ARGUMENT);
  });
});

describe('the account', () => {
  it('balances, and says by how much when it does not', async () => {
    await everyFate();
    const balanced = await monitor.accounting();
    assert.ok(balanced.kind === 'ok');
    assert.deepEqual(balanced.value, {
      seen: 10,
      enqueued: 7,
      skipped: 3,
      delivered: 1,
      hardBounced: 2,
      deleted: 1,
      active: 3,
      difference: 0,
    });
    await redis.client.hincrby(keys.counters, 'delivered:primary', 2);
    const off = await monitor.accounting();
    assert.ok(off.kind === 'ok');
    assert.equal(off.value.difference, 2);
  });
});
