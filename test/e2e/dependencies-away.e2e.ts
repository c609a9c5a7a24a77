import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { sampleOf } from '../support/prometheus-text.ts';
import { openSender, sendMail } from '../support/smtp-sender.ts';
import { type Stack, simplePolicy, startStack } from '../support/stack.ts';
import { waitUntil } from '../support/wait-until.ts';

const MESSAGE = 'From: a@example.org\r\nSubject: away\r\n\r\nText\r\n';
const ENVELOPE = { from: 'a@example.org', to: ['joe@example.com'] };

describe('without Redis', () => {
  let stack: Stack;
  before(async () => {
    stack = await startStack({ durableRedis: true });
  });
  after(() => stack.stop());

  it('intake answers 451 at once, and takes mail again without a restart', async () => {
    assert.match(await sendMail(stack.smtp, ENVELOPE, MESSAGE), /^250/);
    await stack.settled();
    await stack.redis.stop();
    const sender = await openSender(stack.smtp);
    await sender.say('EHLO a.example');
    await waitUntil(async () => (await sender.say('MAIL FROM:<a@example.org>')).startsWith('451 4.3.0 '), {
      what: 'the refusal',
    });
    await sender.quit();
    await stack.redis.start();
    await waitUntil(async () => (await sendMail(stack.smtp, ENVELOPE, MESSAGE)).startsWith('250'), {
      withinSeconds: 20,
      what: 'mail to be taken again',
    });
    const account = await waitUntil(() => stack.settled(20), { withinSeconds: 30 });
    assert.ok(account.delivered >= 2);
    assert.equal(account.hardBounced, 0);
  });

  it('the monitor says so instead of showing old numbers, and asks for no scale-in', async () => {
    await stack.redis.stop();
    await waitUntil(async () => sampleOf(await stack.metrics('monitor'), 'tdc_redis_up') === 0, {
      withinSeconds: 20,
    });
    assert.equal(sampleOf(await stack.metrics('monitor'), 'tdc_delivered_recipients_total'), undefined);
    const scaling = await fetch(`http://${stack.service('monitor').addresses['http']}/scaling`);
    assert.equal(scaling.status, 503);
    await stack.redis.start();
    await waitUntil(async () => sampleOf(await stack.metrics('monitor'), 'tdc_redis_up') === 1, {
      withinSeconds: 20,
    });
  });
});

describe('without the policy service', () => {
  let stack: Stack;
  before(async () => {
    stack = await startStack();
  });
  after(() => stack.stop());

  it('intake and delivery go on, and start, with the last good revision', async () => {
    await stack.service('policy').process.stop('SIGKILL');
    assert.match(await sendMail(stack.smtp, ENVELOPE, MESSAGE), /^250/);
    await stack.settled();
    await stack.restart('intake');
    await stack.restart('delivery');
    assert.match(await sendMail(stack.smtp, ENVELOPE, MESSAGE), /^250/);
    assert.equal((await stack.settled()).delivered, 2);
  });

  it('an edit is in force once the service is back; a bad one changes nothing', async () => {
    await stack.restart('policy');
    const good = simplePolicy({ port: stack.standIn.port, caFile: `${stack.folder}/ca.pem` });
    writeFileSync(stack.policyFile, `${good}default: { connector: no-scan }\n`);
    await stack.logged('intake', /^policy revision 2 is in force$/);
    assert.match(await sendMail(stack.smtp, ENVELOPE, MESSAGE), /no copy due$/);
    writeFileSync(stack.policyFile, `${good}default: { conector: no-scan }\n`);
    await stack.logged('policy', /default\.conector: unknown key; did you mean connector\?$/);
    assert.match(await sendMail(stack.smtp, ENVELOPE, MESSAGE), /no copy due$/);
    assert.equal((await stack.accounting()).skipped, 2);
  });
});
