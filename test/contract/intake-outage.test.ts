import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { createRedisKeys } from '@tdc/platform';
import { handOver, type IntakeGround, type IntakeProcess, prepareIntake } from '../support/intake-process.ts';
import { sampleOf } from '../support/prometheus-text.ts';
import { KEEP_ALL, type RedisServer, startRedisServer } from '../support/redis-server.ts';
import { openSender, type SmtpSender, transact } from '../support/smtp-sender.ts';
import { openStoredCopies, type StoredCopies } from '../support/stored-copies.ts';
import { waitUntil } from '../support/wait-until.ts';

const ENVELOPE = { from: 'a@example.org', to: ['joe@example.com'] };
const HEAD = 'From: a@example.org\r\nSubject: x\r\n\r\n';
const MESSAGE = Buffer.from(`${HEAD}Text\r\n`);

let redis: RedisServer;
let ground: IntakeGround;
beforeEach(async () => {
  redis = await startRedisServer(KEEP_ALL);
  ground = await prepareIntake(redis.url);
});
afterEach(async () => {
  redis.signal('SIGCONT');
  await ground.remove();
  await redis.remove();
});

const mail = (sender: SmtpSender): Promise<string> => sender.say('MAIL FROM:<a@example.org>');

const handed = async (intake: IntakeProcess): Promise<string> =>
  (await handOver(intake, { envelope: ENVELOPE, message: MESSAGE })).reply;

async function beginData(sender: SmtpSender): Promise<void> {
  assert.match(await mail(sender), /^250 /);
  await sender.say('RCPT TO:<joe@example.com>');
  assert.match(await sender.say('DATA'), /^354 /);
}

/** Reads what is stored, and lets go of it. */
async function look<T>(read: (stored: StoredCopies) => Promise<T>): Promise<T> {
  const stored = await openStoredCopies(redis.url);
  try {
    return await read(stored);
  } finally {
    await stored.close();
  }
}

const takesMailAgain = (intake: IntakeProcess): Promise<boolean> =>
  waitUntil(async () => (await handed(intake)).startsWith('250 2.0.0 '), {
    withinSeconds: 30,
    what: 'mail to be taken again',
  });

describe('without Redis', () => {
  it('MAIL is put off at once, the session lives, and mail is taken again without a restart', async () => {
    const intake = await ground.start();
    assert.match(await handed(intake), /^250 /);
    const sender = await intake.open();
    await redis.stop();
    await intake.logged(/^Redis at .+ does not answer: /);
    const begun = Date.now();
    assert.match(await mail(sender), /^451 4\.3\.0 /);
    assert.ok(Date.now() - begun < 1000);
    // It is the gateway's part to wait: nobody is sent away from a door that opens again by itself.
    assert.equal((await intake.get('/readyz')).status, 200);
    assert.equal((await intake.get('/livez')).status, 200);
    assert.match((await openSender(intake.addresses['smtp'] ?? '')).banner, /^220 /);
    await redis.start();
    await takesMailAgain(intake);
    assert.match(await transact(sender, ENVELOPE, MESSAGE), /^250 /);
    await sender.quit();
    assert.equal(intake.lines().filter((line) => line.includes(' does not answer: ')).length, 1);
    assert.ok(
      (sampleOf(await intake.samples(), 'tdc_intake_messages_refused_total', { reason: 'storage' }) ?? 0) >=
        1,
    );
  });

  it('that goes away within a message, the message is put off at its end, and the connection goes on', async () => {
    const intake = await ground.start();
    const sender = await intake.open();
    await beginData(sender);
    sender.write(HEAD);
    await redis.stop();
    await intake.logged(/does not answer: /);
    sender.write(`${'line after line\r\n'.repeat(40_000)}.\r\n`);
    assert.match(await sender.reply(), /^451 4\.3\.0 /);
    assert.match(await mail(sender), /^451 4\.3\.0 /);
    await redis.start();
    await takesMailAgain(intake);
    assert.match(await transact(sender, ENVELOPE, MESSAGE), /^250 /);
    await look(async ({ active, ledger }) => {
      assert.equal((await active()).length, 2);
      assert.equal((await ledger.counters()).seen, 2);
    });
    await sender.quit();
  });

  it('that hangs, the answer comes in time, and the message is counted once when it comes again', async () => {
    const intake = await ground.start();
    assert.match(await handed(intake), /^250 /);
    const sender = await intake.open();
    await beginData(sender);
    redis.signal('SIGSTOP');
    const begun = Date.now();
    sender.write(`${HEAD}Text\r\n.\r\n`);
    assert.match(await sender.reply(), /^451 4\.3\.0 /);
    assert.ok(Date.now() - begun < 15_000);
    redis.signal('SIGCONT');
    await takesMailAgain(intake);
    await sender.quit();
    await look(async ({ active, ledger, redis: client }) => {
      const keys = createRedisKeys();
      await waitUntil(async () => (await client.zcard(keys.active)) === 2, { what: 'two active copies' });
      const { seen, intakes, skipped } = await ledger.counters();
      assert.equal(seen, (intakes['primary']?.enqueued ?? 0) + (skipped['enqueue-failed'] ?? 0));
      assert.equal(intakes['primary']?.enqueued, 2);
      assert.equal((await active()).length, 2);
    });
  });

  it('at the start, it answers all the same, says so once, and serves when Redis is there', async () => {
    await redis.stop();
    const intake = await ground.launch();
    const sender = await waitUntil(() => intake.open(), { withinSeconds: 20 });
    await waitUntil(async () => (await intake.get('/readyz')).status === 200, { withinSeconds: 20 });
    assert.match(await mail(sender), /^451 4\.3\.0 /);
    await redis.start();
    await takesMailAgain(intake);
    await sender.quit();
    assert.equal(intake.lines().filter((line) => line.includes(' does not answer: ')).length, 1);
    await intake.logged(/^ready: http /);
  });

  it('at the start, it still stops when it is told to', async () => {
    await redis.stop();
    const intake = await ground.launch();
    await waitUntil(() => intake.get('/livez'), { withinSeconds: 20 });
    assert.deepEqual(await intake.process.stop(), { code: 0, signal: null });
    await redis.start();
  });
});

describe('with a Redis that is nearly full', () => {
  it('MAIL is put off until there is room', async () => {
    const full = await startRedisServer(['--maxmemory', '50mb', '--maxmemory-policy', 'noeviction']);
    const small = await prepareIntake(full.url);
    const stored = await openStoredCopies(full.url);
    try {
      const intake = await small.start({ TDC_REDIS_MAX_MEMORY_PERCENT: '60' });
      const sender = await intake.open();
      assert.match(await transact(sender, ENVELOPE, MESSAGE), /^250 /);
      await stored.redis.setrange('ballast', 36_000_000, 'x');
      await waitUntil(
        async () => (await mail(sender)).startsWith('452 4.3.1 ') || (await sender.say('RSET')) === '',
      );
      await stored.redis.del('ballast');
      await waitUntil(async () => (await mail(sender)).startsWith('250 '));
      await sender.quit();
      const samples = await intake.samples();
      assert.ok((sampleOf(samples, 'tdc_intake_messages_refused_total', { reason: 'memory' }) ?? 0) >= 1);
    } finally {
      await stored.close();
      await small.remove();
      await full.remove();
    }
  });
});

describe('without a policy', () => {
  it('it is not ready, MAIL is put off, and goes on as soon as there is one', async () => {
    await ground.policy.stop('SIGKILL');
    const intake = await ground.launch();
    const sender = await waitUntil(() => intake.open(), { withinSeconds: 20 });
    await intake.logged(/^Redis at .+ is ready$/);
    await waitUntil(async () => (await intake.get('/readyz')).status === 503);
    assert.match((await intake.get('/readyz')).text, /no mail policy/);
    await waitUntil(
      async () => (await mail(sender)) === '451 4.3.0 No mail policy is loaded yet, try again later',
    );
    await ground.restartPolicy();
    await waitUntil(async () => (await mail(sender)).startsWith('250 '));
    assert.equal((await intake.get('/readyz')).status, 200);
    await sender.quit();
  });

  it('it starts with the last good one', async () => {
    const state = { TDC_STATE_DIR: `${ground.folder}/state` };
    const first = await ground.start(state);
    await first.process.stop();
    await ground.policy.stop('SIGKILL');
    const second = await ground.start(state);
    assert.match(await handed(second), /^250 /);
    assert.equal(sampleOf(await second.samples(), 'tdc_policy_revision'), 1);
  });
});

describe('told to stop', () => {
  it('it finishes the message that is coming in, tells the idle at once, and takes nobody new', async () => {
    const intake = await ground.start();
    const [busy, idle] = [await intake.open(), await intake.open()];
    await beginData(busy);
    busy.write(HEAD);
    intake.process.signal('SIGTERM');
    assert.match(await idle.reply(), /^421 4\.3\.2 Server shutting down$/);
    await idle.closed;
    assert.equal((await intake.get('/readyz')).status, 503);
    await assert.rejects(openSender(intake.addresses['smtp'] ?? ''));
    busy.write('the rest\r\n.\r\n');
    assert.match(await busy.reply(), /^250 2\.0\.0 Ok: queued as MID \d+$/);
    assert.match(await busy.reply(), /^421 4\.3\.2 Server shutting down$/);
    assert.deepEqual(await intake.process.exited, { code: 0, signal: null });
    await look(async (stored) => {
      const [copy = assert.fail('no copy')] = await stored.active();
      assert.equal((await stored.original(copy)).toString(), `${HEAD}the rest\r\n`);
    });
  });

  it('it does not wait beyond its time for a message that does not end; nothing is kept of it', async () => {
    const intake = await ground.start({ TDC_SHUTDOWN_SECONDS: '2' });
    const sender = await intake.open();
    await beginData(sender);
    sender.write(HEAD);
    intake.process.signal('SIGTERM');
    assert.match(await sender.reply(), /^421 /);
    assert.equal((await intake.process.exited).code, 0);
    await look(async ({ ledger, bodies }) => {
      assert.deepEqual([(await ledger.counters()).seen, await bodies()], [0, 0]);
    });
  });

  it('what is pipelined behind the last message is refused, not lost', async () => {
    const intake = await ground.start();
    const sender = await intake.open();
    await beginData(sender);
    intake.process.signal('SIGTERM');
    await intake.logged(/^draining: SIGTERM$/);
    sender.write(`${HEAD}Text\r\n.\r\nMAIL FROM:<b@example.org>\r\n`);
    assert.match(await sender.reply(), /^250 /);
    assert.match(await sender.reply(), /^421 /);
    assert.equal((await intake.process.exited).code, 0);
  });

  it('by force, in the middle of a message, nothing is counted and what was stored goes by itself', async () => {
    const intake = await ground.start();
    const sender = await intake.open();
    await beginData(sender);
    sender.write(`${HEAD}${'line after line\r\n'.repeat(40_000)}`);
    await look(({ bodies }) => waitUntil(async () => (await bodies()) === 1));
    await intake.process.stop('SIGKILL');
    await look(async ({ ledger, redis: client }) => {
      assert.equal((await ledger.counters()).seen, 0);
      const [body = ''] = await client.keys(`${createRedisKeys().prefix}:spool:*`);
      const ttl = await client.pttl(body);
      assert.ok(ttl > 0 && ttl <= 180_000, String(ttl));
    });
  });
});

describe('what cannot work is refused at the start, with status 78', () => {
  const refused = async (env: Readonly<Record<string, string>>, reason: RegExp): Promise<void> => {
    const { process } = await ground.launch(env);
    assert.equal((await process.exited).code, 78);
    assert.match(process.errors(), reason);
  };

  for (const variable of ['TDC_SMTP_PORT', 'TDC_LMTP_PORT', 'TDC_HTTP_PORT']) {
    it(`a port that is taken, by its variable ${variable}`, async () => {
      const taken = createServer();
      await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
      const address = taken.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      try {
        await refused(
          { [variable]: String(port) },
          new RegExp(`port ${port} on 127\\.0\\.0\\.1 is in use \\(${variable}\\)`),
        );
      } finally {
        await new Promise((resolve) => taken.close(resolve));
      }
    });
  }

  it('a Redis that may throw copies away', async () => {
    const evicting = await startRedisServer(['--maxmemory-policy', 'allkeys-lru']);
    try {
      await refused({ TDC_REDIS_URL: evicting.url }, /maxmemory-policy allkeys-lru: it must be noeviction/);
    } finally {
      await evicting.remove();
    }
  });

  it('no certificate, and a key that is not the certificate’s', async () => {
    await refused({ TDC_SMTP_TLS_CERT_FILE: '' }, /TDC_SMTP_TLS_CERT_FILE is not set/);
    await refused({ TDC_SMTP_TLS_KEY_FILE: `${ground.folder}/cert.pem` }, /cannot be used/);
  });
});
