import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import type { IntakeProcess } from '../support/intake-process.ts';
import { sampleOf } from '../support/prometheus-text.ts';
import { dataBlock, type SmtpSender, transact } from '../support/smtp-sender.ts';
import { useIntake } from '../support/use-intake.ts';
import { waitUntil } from '../support/wait-until.ts';

const ENVELOPE = { from: 'a@example.org', to: ['joe@example.com'] };
const MESSAGE = Buffer.from('From: a@example.org\r\nSubject: x\r\n\r\nText\r\n');
const USED_UP = /^421 4\.3\.2 This session has had its share/;

const here = useIntake();

const handOne = async (sender: SmtpSender): Promise<void> =>
  assert.match(await transact(sender, ENVELOPE, MESSAGE), /^250 2\.0\.0 Ok: queued as MID \d+$/);

describe('a session that has carried as many messages as it may', () => {
  let intake: IntakeProcess;
  before(async () => {
    intake = await here.ground.start({ TDC_SMTP_MAX_SESSION_MESSAGES: '2' });
  });

  for (const command of ['RSET', 'NOOP', 'MAIL FROM:<a@example.org>', 'EHLO a.example', 'STARTTLS']) {
    it(`is ended at ${command}`, async () => {
      const sender = await intake.open();
      for (let n = 0; n < 2; n += 1) await handOne(sender);
      assert.match(await sender.say(command), USED_UP);
      await sender.closed;
    });
  }

  it('may say goodbye', async () => {
    const sender = await intake.open();
    for (let n = 0; n < 2; n += 1) await handOne(sender);
    assert.match(await sender.say('QUIT'), /^221 /);
  });

  it('has the same share under TLS', async () => {
    const sender = await intake.open();
    await sender.say('STARTTLS');
    await sender.upgrade();
    await sender.say('EHLO a.example');
    for (let n = 0; n < 2; n += 1) await handOne(sender);
    assert.match(await sender.say('RSET'), USED_UP);
  });

  it('takes no more than its share of what is pipelined, and answers the rest with nothing', async () => {
    const before = sampleOf(await intake.samples(), 'tdc_intake_messages_accepted_total', { copy: 'due' });
    const sender = await intake.open();
    const commands = 'MAIL FROM:<a@example.org>\r\nRCPT TO:<joe@example.com>\r\nDATA\r\n';
    for (let n = 0; n < 3; n += 1) sender.write(`${commands}${dataBlock(MESSAGE).toString('latin1')}`);
    const heard: string[] = [];
    for (let n = 0; n < 9; n += 1) heard.push((await sender.reply()).slice(0, 3));
    assert.deepEqual(heard, ['250', '250', '354', '250', '250', '250', '354', '250', '421']);
    await sender.closed;
    const after = sampleOf(await intake.samples(), 'tdc_intake_messages_accepted_total', { copy: 'due' });
    assert.equal((after ?? 0) - (before ?? 0), 2);
  });
});

describe('a session whose time is over', () => {
  it('brings its transaction to the end first', async () => {
    const intake = await here.ground.start({ TDC_SMTP_MAX_SESSION_SECONDS: '3' });
    const [inside, idle] = [await intake.open(), await intake.open()];
    await inside.say('MAIL FROM:<a@example.org>');
    await waitUntil(async () => USED_UP.test(await idle.say('NOOP')), {
      withinSeconds: 10,
      what: 'the idle session to be told',
    });
    assert.match(await inside.say('NOOP'), /^250 /);
    assert.match(await inside.say('RCPT TO:<joe@example.com>'), /^250 /);
    assert.match(await inside.say('DATA'), /^354 /);
    inside.write(dataBlock(MESSAGE));
    assert.match(await inside.reply(), /^250 2\.0\.0 Ok: queued as MID \d+$/);
    assert.match(await inside.say('MAIL FROM:<a@example.org>'), USED_UP);
  });
});
