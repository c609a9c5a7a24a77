import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { sendMail } from '../support/smtp-sender.ts';
import { INTAKE_DOMAIN, type PolicyContext, type Stack, startStack } from '../support/stack.ts';

const policy = ({ port, caFile }: PolicyContext): string => `
version: 1
intakes:
  primary: { address: journal@${INTAKE_DOMAIN}, port: ${port}, tls: { caFile: "${caFile}", maxVersion: TLSv1.2 } }
  nowhere: { address: test@esa.example.com, port: ${port} }
  closed: { address: journal@closed.example, port: 1 }
  servfail: { address: journal@servfail.example, port: ${port} }
defaultIntake: primary
policies:
  - { name: to_nowhere, users: [{ recipient: { listed: ["nowhere@"] } }], connector: { custom: nowhere } }
  - { name: to_closed, users: [{ recipient: { listed: ["closed@"] } }], connector: { custom: closed } }
  - { name: to_servfail, users: [{ recipient: { listed: ["servfail@"] } }], connector: { custom: servfail } }
`;

const MESSAGE = 'From: a@example.org\r\nSubject: lines\r\n\r\nText\r\n';

/** The lines of spec §7 that the path of a good copy does not show, as they come out of real processes. */
describe('log lines', () => {
  let stack: Stack;
  before(async () => {
    stack = await startStack({ policy });
    stack.dns.set('closed.example', { a: ['127.0.0.1'] });
    stack.dns.set('servfail.example', { fail: 'SERVFAIL' });
    stack.standIn.script({ certificate: 'rsa' });
  });
  after(() => stack.stop());

  const send = async (to: string): Promise<number> => {
    const reply = await sendMail(stack.smtp, { from: 'a@example.org', to: [`${to}@example.com`] }, MESSAGE);
    return Number(/MID (\d+)/.exec(reply)?.[1]);
  };
  const linesOf = (mid: number): readonly string[] =>
    stack.log('delivery').filter((line) => new RegExp(`\\bMID ${mid}\\b`).test(line));

  it('a message without Message-ID logs an empty one', async () => {
    const mid = await send('joe');
    await stack.logged('intake', new RegExp(`^TDC: MID ${mid} with Message-ID '' enqueued for forwarding`));
  });

  it('TLS 1.2 is logged with the name that OpenSSL gives the cipher', async () => {
    await stack.logged(
      'delivery',
      /^DCID \d+ TLS success protocol TLSv1\.2 cipher ECDHE-RSA-AES\d+-GCM-SHA\d+$/,
    );
  });

  it('a connection that is closed says so', async () => {
    await stack.logged('delivery', /^DCID \d+ close$/);
  });

  it('an unknown domain: DNS error, hard bounced, failed, bounced, in this order', async () => {
    const mid = await send('nowhere');
    await stack.logged('delivery', new RegExp(`^Bounced: DCID 0 MID ${mid}`));
    const lines = stack.log('delivery');
    const start = lines.indexOf('DNS Error esa.example.com MX - NXDomain');
    assert.deepEqual(lines.slice(start, start + 4), [
      'DNS Error esa.example.com MX - NXDomain',
      "TDC: Hard bounced - 5.1.2 - Bad destination host ('000', ['DNS Hard Error looking up esa.example.com (MX) : NXDomain'])",
      `TDC: MID ${mid} delivery failed to Cisco Secure Email Threat Defense: Hard Bounced.`,
      `Bounced: DCID 0 MID ${mid} to RID 0 - Bounced by destination server with response: 5.1.2 - Bad destination host ('000', ['DNS Hard Error looking up esa.example.com (MX) : NXDomain'])`,
    ]);
  });

  it('a temporary DNS failure is delayed, pending, and then bounced', async () => {
    const mid = await send('servfail');
    await stack.logged('delivery', new RegExp(`^Bounced: DCID 0 MID ${mid}`));
    assert.ok(stack.log('delivery').includes('DNS Temporary Failure servfail.example MX - ServFail'));
    const [delayed, failed] = linesOf(mid);
    assert.match(
      delayed ?? '',
      /^TDC: Delayed: DCID 0 MID \d+ to RID 0 - 4\.4\.3 - .+ \('000', \['DNS Soft Error/,
    );
    assert.equal(
      failed,
      `TDC: MID ${mid} delivery failed to Cisco Secure Email Threat Defense: Hard Bounced.`,
    );
    await stack.logged(
      'delivery',
      new RegExp(
        `^Message ${mid} to RID \\[0\\] pending till \\w{3} \\w{3} [ \\d]\\d \\d\\d:\\d\\d:\\d\\d \\d{4}$`,
      ),
    );
  });

  it('a refused connection is a connection error of the queue', async () => {
    const mid = await send('closed');
    await stack.logged('delivery', new RegExp(`^Bounced: DCID \\d+ MID ${mid}`));
    await stack.logged(
      'delivery',
      /^TDC: Connection Error: DCID \d+ domain: the\.tdc\.queue IP: 127\.0\.0\.1 port: 1 details: refused interface: [\d.]+ reason: connection refused$/,
    );
  });

  it('a TLS error is one line, without the blank', async () => {
    stack.standIn.script({ certificate: 'expired' });
    await stack.logged('delivery', /^DCID \d+ close$/);
    const mid = await send('joe');
    await stack.logged(
      'delivery',
      new RegExp(`^TDC: MID ${mid} delivery failed to Cisco Secure Email Threat Defense:TLS Error\\.$`),
    );
    await stack.logged('delivery', /^DCID \d+ TLS failed: .+/);
    assert.deepEqual(linesOf(mid), [
      `TDC: MID ${mid} delivery failed to Cisco Secure Email Threat Defense:TLS Error.`,
    ]);
  });

  it('a refusal by the server names its reply', async () => {
    stack.standIn.script({ always: { rcpt: { reply: '550 5.1.1 No such journal' } } });
    const mid = await send('joe');
    await stack.logged(
      'delivery',
      new RegExp(
        `^Bounced: DCID \\d+ MID ${mid} to RID 0 - Bounced by destination server with response: 5\\.1\\.1 - .+ \\('550', \\['No such journal'\\]\\)$`,
      ),
    );
  });
});
