import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import type { monitorV1 } from '@tdc/proto';
import type { Script } from '@tdc/stand-in';
import { sendMail } from '../support/smtp-sender.ts';
import { INTAKE_DOMAIN, type PolicyContext, type Stack, startStack } from '../support/stack.ts';
import { waitUntil } from '../support/wait-until.ts';

/** One intake whose host answers by the script, and one for each way in which DNS can fail. */
const DNS_CASES = ['nxdomain', 'nullmx', 'noaddress', 'servfail', 'refused', 'silent'] as const;

const policy = ({ port, caFile }: PolicyContext): string => `
version: 1
intakes:
  primary: { address: journal@${INTAKE_DOMAIN}, port: ${port}, tls: { caFile: "${caFile}" } }
  closed: { address: journal@closed.example, port: 1, tls: { caFile: "${caFile}" } }
${DNS_CASES.map((name) => `  ${name}: { address: journal@${name}.example, port: ${port} }`).join('\n')}
defaultIntake: primary
policies:
${['closed', ...DNS_CASES].map((name) => `  - { name: to_${name}, users: [{ recipient: { listed: ["${name}@"] } }], connector: { custom: ${name} } }`).join('\n')}
`;

interface Row {
  readonly name: string;
  readonly to?: string;
  readonly script?: Script;
  /** Attempts made, state at the end, and the reason of the last bounce. */
  readonly attempts: number;
  readonly state: 'delivered' | 'hard-bounced';
  readonly reason?: string;
  /** Octets of the message's body; a short one by default. */
  readonly bodyBytes?: number;
  /** Copies that the stand-in holds at the end. */
  readonly taken?: number;
}

const at = (
  verb: 'banner' | 'ehlo' | 'mail' | 'rcpt' | 'data' | 'final-dot',
  ...replies: string[]
): Script => ({
  steps: { [verb]: replies.map((reply) => ({ reply })) },
});
const always = (verb: 'mail' | 'rcpt' | 'final-dot', reply: string): Script => ({
  always: { [verb]: { reply } },
});

const ROWS: readonly Row[] = [
  {
    name: '550 at RCPT is not retried',
    script: always('rcpt', '550 5.1.1 No such user'),
    attempts: 1,
    state: 'hard-bounced',
    reason: '5xx',
  },
  {
    name: '554 behind the final dot is not retried',
    script: always('final-dot', '554 5.6.0 No'),
    attempts: 1,
    state: 'hard-bounced',
    reason: '5xx',
  },
  {
    name: '451 once is retried and delivered',
    script: at('final-dot', '451 4.3.0 Later'),
    attempts: 2,
    state: 'delivered',
  },
  {
    name: '450 twice is a hard bounce',
    script: always('rcpt', '450 4.2.1 Busy'),
    attempts: 2,
    state: 'hard-bounced',
    reason: '4xx',
  },
  {
    name: '421 at MAIL is retried once',
    script: at('mail', '421 4.7.0 Try later'),
    attempts: 2,
    state: 'delivered',
  },
  {
    name: '503 is retried once',
    script: at('rcpt', '503 5.5.1 Bad sequence'),
    attempts: 2,
    state: 'delivered',
  },
  {
    name: '503 twice is a hard bounce',
    script: always('rcpt', '503 5.5.1 Bad sequence'),
    attempts: 2,
    state: 'hard-bounced',
    reason: '5xx',
  },
  {
    name: '552 at MAIL is retried once',
    script: at('mail', '552 5.3.4 Too big now'),
    attempts: 2,
    state: 'delivered',
  },
  {
    name: '552 twice is a hard bounce',
    script: always('final-dot', '552 5.2.2 Full'),
    attempts: 2,
    state: 'hard-bounced',
    reason: '5xx',
  },
  {
    name: 'a 554 banner is not retried',
    script: { always: { banner: { replyAndClose: '554 5.3.2 No service' } } },
    attempts: 1,
    state: 'hard-bounced',
    reason: '5xx',
  },
  {
    name: 'STARTTLS missing is a TLS error',
    script: { tls: 'none' },
    attempts: 1,
    state: 'hard-bounced',
    reason: 'tls',
  },
  {
    name: 'STARTTLS answered 454 is a TLS error',
    script: { tls: 'refuse' },
    attempts: 1,
    state: 'hard-bounced',
    reason: 'tls',
  },
  {
    name: 'garbage in place of the handshake is a TLS error',
    script: { tls: 'garbage' },
    attempts: 1,
    state: 'hard-bounced',
    reason: 'tls',
  },
  {
    name: 'a handshake that hangs is a TLS error',
    script: { tls: 'hang' },
    attempts: 1,
    state: 'hard-bounced',
    reason: 'tls',
  },
  {
    name: 'a reset in the handshake is a TLS error',
    script: { tls: 'reset' },
    attempts: 1,
    state: 'hard-bounced',
    reason: 'tls',
  },
  {
    name: 'TLS 1.1 alone is a TLS error',
    script: { tls: 'old' },
    attempts: 1,
    state: 'hard-bounced',
    reason: 'tls',
  },
  {
    name: 'an expired certificate is a TLS error',
    script: { certificate: 'expired' },
    attempts: 1,
    state: 'hard-bounced',
    reason: 'tls',
  },
  {
    name: 'a certificate for another name is a TLS error',
    script: { certificate: 'wrong-name' },
    attempts: 1,
    state: 'hard-bounced',
    reason: 'tls',
  },
  {
    name: 'a self-signed certificate is a TLS error',
    script: { certificate: 'self-signed' },
    attempts: 1,
    state: 'hard-bounced',
    reason: 'tls',
  },
  {
    name: 'a connection cut in the message is retried once',
    script: { atByte: { byte: 100, end: 'close' } },
    bodyBytes: 16_000_000,
    attempts: 2,
    state: 'hard-bounced',
    reason: 'network',
  },
  {
    name: 'a reset before the banner is retried once',
    script: { always: { banner: { end: 'reset' } } },
    attempts: 2,
    state: 'hard-bounced',
    reason: 'network',
  },
  {
    name: 'silence in place of the banner is retried once',
    script: { always: { banner: { end: 'stall' } } },
    attempts: 2,
    state: 'hard-bounced',
    reason: 'network',
  },
  {
    name: 'silence behind RCPT is retried once',
    script: { always: { rcpt: { end: 'stall' } } },
    attempts: 2,
    state: 'hard-bounced',
    reason: 'network',
  },
  {
    name: 'a closed port is retried once',
    to: 'closed@example.com',
    attempts: 2,
    state: 'hard-bounced',
    reason: 'network',
  },
  {
    name: 'a lost answer to the final dot is retried once, and the copy doubled',
    script: { steps: { 'final-dot': [{ takeAnd: 'close' }] } },
    attempts: 2,
    state: 'delivered',
    taken: 2,
  },
  {
    name: 'two lost answers leave the outcome uncertain',
    script: { always: { 'final-dot': { takeAnd: 'reset' } } },
    attempts: 2,
    state: 'hard-bounced',
    reason: 'uncertain',
    taken: 2,
  },
  {
    name: 'NXDOMAIN is a hard bounce at once',
    to: 'nxdomain@example.com',
    attempts: 1,
    state: 'hard-bounced',
    reason: 'dns',
  },
  {
    name: 'a null MX is a hard bounce at once',
    to: 'nullmx@example.com',
    attempts: 1,
    state: 'hard-bounced',
    reason: 'dns',
  },
  {
    name: 'no MX and no address is a hard bounce at once',
    to: 'noaddress@example.com',
    attempts: 1,
    state: 'hard-bounced',
    reason: 'dns',
  },
  {
    name: 'SERVFAIL is retried once',
    to: 'servfail@example.com',
    attempts: 2,
    state: 'hard-bounced',
    reason: 'dns',
  },
  {
    name: 'REFUSED is retried once',
    to: 'refused@example.com',
    attempts: 2,
    state: 'hard-bounced',
    reason: 'dns',
  },
  {
    name: 'a name server that does not answer is retried once',
    to: 'silent@example.com',
    attempts: 2,
    state: 'hard-bounced',
    reason: 'dns',
  },
  {
    name: 'an 8-bit message is not sent to a server without 8BITMIME',
    script: { without: ['8BITMIME'] },
    attempts: 1,
    state: 'hard-bounced',
    reason: 'unconveyable',
  },
  {
    name: 'a message above the announced SIZE is not sent',
    script: { maxSizeBytes: 100 },
    attempts: 1,
    state: 'hard-bounced',
    reason: 'unconveyable',
  },
];

const HEAD = 'From: a@example.org\r\nSubject: retry\r\n\r\nGr\u00fc\u00dfe\r\n';

/** A message too long for the buffers between sender and receiver shows where it was cut. */
const messageOf = (bodyBytes: number): Buffer =>
  Buffer.from(HEAD + `${'x'.repeat(78)}\r\n`.repeat(Math.ceil(bodyBytes / 80)), 'utf8');

describe('the retry table', () => {
  let stack: Stack;
  before(async () => {
    stack = await startStack({ policy, env: { TDC_MAX_QUEUE_AGE_SECONDS: '60' } });
    stack.dns.set('closed.example', { mx: [{ exchange: 'mx.setd.example', preference: 10 }] });
    stack.dns.set('nullmx.example', { mx: [{ exchange: '', preference: 0 }] });
    stack.dns.set('noaddress.example', {});
    stack.dns.set('servfail.example', { fail: 'SERVFAIL' });
    stack.dns.set('refused.example', { fail: 'REFUSED' });
    stack.dns.set('silent.example', { fail: 'silence' });
  });
  after(() => stack.stop());
  beforeEach(async () => {
    // A connection of the former row would carry its script's settings into this one.
    await waitUntil(() => stack.standIn.open === 0, { what: 'idle connections to close' });
    stack.standIn.clear();
  });

  const outcome = async (to: string, bodyBytes: number): Promise<monitorV1.TrackedCopy> => {
    const reply = await sendMail(stack.smtp, { from: 'a@example.org', to: [to] }, messageOf(bodyBytes));
    const mid = Number(/queued as MID (\d+)/.exec(reply)?.[1]);
    return waitUntil(
      async () => {
        const copy = await stack.track(mid);
        return copy !== undefined && copy.finishedAtMs > 0 ? copy : undefined;
      },
      { withinSeconds: 40, what: `an outcome for ${to}` },
    );
  };

  for (const {
    name,
    to = 'joe@example.com',
    script = {},
    attempts,
    state,
    reason = '',
    taken,
    bodyBytes = 0,
  } of ROWS) {
    it(name, async () => {
      stack.standIn.script(script);
      const copy = await outcome(to, bodyBytes);
      stack.standIn.script({});
      assert.deepEqual(
        { state: copy.state, attempts: copy.finishedAttempts, reason: copy.lastReason },
        { state, attempts, reason },
        copy.lastResponse,
      );
      assert.equal(stack.standIn.messages.length, taken ?? (state === 'delivered' ? 1 : 0));
      if (taken === 2) assert.equal(new Set(stack.standIn.messages.map(({ id }) => journalId(id))).size, 1);
    });
  }

  const journalId = (id: number): string | undefined =>
    /^X-TDC-Journal-ID: (.+)$/m.exec(stack.standIn.octets(id)?.toString('latin1') ?? '')?.[1]?.trim();

  it('leaves an account that balances, with nothing active', async () => {
    const account = await stack.settled();
    assert.equal(account.seen, ROWS.length);
    assert.equal(account.delivered + account.hardBounced, ROWS.length);
  });
});
