import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { IntakeProcess } from '../support/intake-process.ts';
import { sampleOf } from '../support/prometheus-text.ts';
import type { SmtpSender } from '../support/smtp-sender.ts';
import { useIntake } from '../support/use-intake.ts';
import { waitUntil } from '../support/wait-until.ts';

const LINES = `${'x'.repeat(78)}\r\n`.repeat(200);

const here = useIntake();

/** Begins a message of which so many octets are announced. */
async function begin(intake: IntakeProcess, bytes: number): Promise<SmtpSender> {
  const sender = await intake.open();
  assert.match(await sender.say(`MAIL FROM:<a@example.org> SIZE=${bytes}`), /^250 /);
  assert.match(await sender.say('RCPT TO:<joe@example.com>'), /^250 /);
  assert.match(await sender.say('DATA'), /^354 /);
  return sender;
}

/** Sends a little, and again, until it has come to what is expected. */
const sendUntil = (sender: SmtpSender, isSo: () => Promise<boolean>): Promise<unknown> =>
  waitUntil(async () => {
    if (await isSo()) return true;
    sender.write(LINES);
    return false;
  });

describe('a long message that waits for its room', () => {
  it('gives up its place when its client goes, and the next one comes in', async () => {
    const intake = await here.ground.start({ TDC_MAX_BYTES_IN_FLIGHT: '2000000' });
    const shown = async (name: string) => sampleOf(await intake.samples(), `tdc_intake_${name}`);
    const isShown = (name: string, value: number) => async () => (await shown(name)) === value;
    const first = await begin(intake, 1_500_000);
    await sendUntil(first, isShown('bytes_in_flight', 1_500_000));
    const leaving = await begin(intake, 1_500_000);
    await sendUntil(leaving, isShown('messages_waiting', 1));
    // There is room for it beside the first, but it is not its turn.
    const next = await begin(intake, 450_000);
    next.write(`${LINES.repeat(25)}.\r\n`);
    await waitUntil(isShown('messages_waiting', 2));
    const left = Date.now();
    leaving.destroy();
    assert.match(await next.reply(), /^250 /);
    assert.ok(Date.now() - left < 10_000);
    await intake.logged(/^Message aborted MID \d+ ICID \d+ - the client went away$/);
    await waitUntil(isShown('bytes_in_flight', 1_500_000));
    assert.equal(await shown('messages_waiting'), 0);
    assert.equal(
      sampleOf(await intake.samples(), 'tdc_intake_messages_refused_total', { reason: 'aborted' }),
      1,
    );
    first.destroy();
  });
});
