import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { readJournal } from '../support/embedded-original.ts';
import { sendMail } from '../support/smtp-sender.ts';
import { INTAKE_DOMAIN, type PolicyContext, type Stack, startStack } from '../support/stack.ts';
import { waitUntil } from '../support/wait-until.ts';

/** The table of the acceptance data; one policy has an intake of its own, one has none. */
const policy = ({ port, caFile }: PolicyContext): string => `
version: 1
intakes:
  primary: { address: journal@${INTAKE_DOMAIN}, port: ${port}, tls: { caFile: "${caFile}" } }
  acquired: { address: acquired@${INTAKE_DOMAIN}, port: ${port}, format: bcc, tls: { caFile: "${caFile}" } }
defaultIntake: primary
groups:
  engineers: [bob@example.com, fred@example.com]
policies:
  - name: special_people
    users: [{ recipient: { listed: [joe@example.com, ann@example.com] } }]
  - name: from_lawyers
    users: [{ sender: { oneOf: ["@lawfirm.com"] } }]
  - name: acquired_domains
    users: [{ recipient: { listed: ["@newdomain.com", "@anotherexample.com"] } }]
    connector: { custom: acquired }
  - name: engineering
    users: [{ recipient: { listed: ["group:engineers"] } }]
    connector: no-scan
  - name: sales_team
    users: [{ recipient: { listed: ["jim@", "john@", "larry@"] } }]
`;

const message = (from: string): string =>
  `From: <${from}>\r\nSubject: example\r\nMessage-ID: <example@test>\r\n\r\nText\r\n`;

interface Example {
  readonly name: string;
  readonly from: string;
  readonly to: readonly string[];
  /** Policy and recipients of each copy that is due, in the order of the table. */
  readonly copies: readonly (readonly [policy: string, ...recipients: string[]])[];
  /** Splinters, skipped ones included. */
  readonly seen: number;
}

const EXAMPLES: readonly Example[] = [
  {
    name: 'bill@lawfirm.com to jim@example.com is under policy 2',
    from: 'bill@lawfirm.com',
    to: ['jim@example.com'],
    copies: [['from_lawyers', 'jim@example.com']],
    seen: 1,
  },
  {
    name: 'joe@yahoo.com to john, jane and bill makes three splinters',
    from: 'joe@yahoo.com',
    to: ['john@example.com', 'jane@newdomain.com', 'bill@example.com'],
    copies: [
      ['acquired_domains', 'jane@newdomain.com'],
      ['sales_team', 'john@example.com'],
      ['DEFAULT', 'bill@example.com'],
    ],
    seen: 3,
  },
  {
    name: 'bill@lawfirm.com to ann and larry makes two splinters',
    from: 'bill@lawfirm.com',
    to: ['ann@example.com', 'larry@example.com'],
    copies: [
      ['special_people', 'ann@example.com'],
      ['from_lawyers', 'larry@example.com'],
    ],
    seen: 2,
  },
  {
    name: 'a policy with No Scan has no copy and no TDC line',
    from: 'joe@yahoo.com',
    to: ['bob@example.com', 'jim@example.com'],
    copies: [['sales_team', 'jim@example.com']],
    seen: 2,
  },
];

describe('the worked policy examples', () => {
  let stack: Stack;
  before(async () => {
    stack = await startStack({ policy });
  });
  after(() => stack.stop());

  for (const { name, from, to, copies, seen } of EXAMPLES) {
    it(name, async () => {
      stack.standIn.clear();
      const before = await stack.accounting();
      const logged = stack.log('intake').length;
      const reply = await sendMail(stack.smtp, { from, to }, message(from));
      const mids = [...reply.matchAll(/\d{1,}(?=,|$)/g)].map(([mid]) => Number(mid));
      const account = await stack.settled();
      assert.equal(account.seen - before.seen, seen);
      assert.equal(account.delivered - before.delivered, copies.length);

      const tracked = await Promise.all(mids.map((mid) => stack.track(mid)));
      assert.deepEqual(
        tracked.map((copy) => [copy?.policy, ...(copy?.recipients ?? [])]),
        copies,
      );
      const lines = () => stack.log('intake').slice(logged);
      const enqueued = () => lines().filter((line) => line.startsWith('TDC: ')).length;
      await waitUntil(() => enqueued() >= copies.length, { what: 'a line of each copy' });
      assert.equal(enqueued(), copies.length);
      const splits = lines().filter((line) =>
        /was split creating MID \d+ due to a per-recipient policy/.test(line),
      );
      assert.equal(splits.length, seen > 1 ? seen : 0);
    });
  }

  it('each copy names the recipients of its own splinter and nobody else', async () => {
    stack.standIn.clear();
    const to = ['john@example.com', 'jane@newdomain.com', 'bill@example.com'];
    await sendMail(stack.smtp, { from: 'joe@yahoo.com', to }, message('joe@yahoo.com'));
    await stack.settled();
    const named = stack.standIn.messages.map(({ id, rcptTo }) => {
      const octets = stack.standIn.octets(id) ?? Buffer.alloc(0);
      const lines = rcptTo[0]?.startsWith('acquired')
        ? [/^X-CSE-RcptTo: (.+)$/m.exec(octets.toString('latin1'))?.[1]?.trim()]
        : readJournal(octets).report.flatMap((line) => /^Recipient: (.+)$/.exec(line)?.[1] ?? []);
      return [rcptTo[0], ...lines];
    });
    assert.deepEqual(
      named.toSorted((a, b) => String(a[1]).localeCompare(String(b[1]))),
      [
        [`journal@${INTAKE_DOMAIN}`, 'bill@example.com'],
        [`acquired@${INTAKE_DOMAIN}`, 'jane@newdomain.com'],
        [`journal@${INTAKE_DOMAIN}`, 'john@example.com'],
      ],
    );
  });
});
