import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { INTAKE_DOMAIN, type PolicyContext, type Stack, startStack } from '../support/stack.ts';
import { waitUntil } from '../support/wait-until.ts';

const MAIN = resolve(fileURLToPath(import.meta.url), '../../../services/cli/src/main.ts');

interface Run {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

const POLICY = ({ port, caFile }: PolicyContext): string => `
version: 1
intakes:
  primary:
    address: journal@${INTAKE_DOMAIN}
    port: ${port}
    tls: { caFile: "${caFile}" }
  second:
    address: second@${INTAKE_DOMAIN}
    host: 127.0.0.1
    port: ${port}
    tls: { verify: false }
defaultIntake: primary
policies:
  - name: acquired
    users: [{ recipient: { listed: ["@newdomain.com"] } }]
    connector: { custom: second }
  - name: quiet
    users: [{ sender: { oneOf: [quiet@example.org] } }]
    connector: no-scan
  - name: unscanned
    users: [{ recipient: { listed: ["@unscanned.example"] } }]
    connector: no-scan
`;

describe('tdc against running services', () => {
  let stack: Stack;
  before(async () => {
    stack = await startStack({ policy: POLICY, intake: { TDC_SMTP_MAX_MESSAGE_BYTES: '20000' } });
  });
  after(() => stack?.stop());

  async function tdc(words: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Run> {
    const child = spawn(process.execPath, [MAIN, ...words], {
      env: {
        PATH: process.env['PATH'],
        TZ: 'America/Chicago',
        TDC_MONITOR_ADDRESS: stack.service('monitor').addresses['grpc'],
        TDC_POLICY_ADDRESS: stack.service('policy').addresses['grpc'],
        TDC_SMTP_ADDRESS: stack.smtp,
        ...env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const [out, err, [code]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, 'exit') as Promise<[number]>,
    ]);
    return { code, out, err };
  }
  const json = async (...words: string[]): Promise<Record<string, unknown>> => {
    const { code, out, err } = await tdc([...words, '--json']);
    assert.deepEqual([code, err], [0, ''], `tdc ${words.join(' ')}`);
    return JSON.parse(out) as Record<string, unknown>;
  };

  it('sends a message, and follows its copies to their outcome', async () => {
    const run = await tdc([
      'send',
      '--from',
      'bill@lawfirm.com',
      '--to',
      'jim@example.com',
      '--to',
      'jane@newdomain.com',
      '--wait',
    ]);
    assert.deepEqual([run.code, run.err], [0, '']);
    const [reply, ...lines] = run.out.trimEnd().split('\n');
    assert.match(reply ?? '', /^250 .*queued as MID \d+, \d+$/);
    assert.equal(lines.length, 2);
    for (const line of lines)
      assert.match(
        line,
        /^\d\d \w{3} \d{4} \d\d:\d\d:\d\d \(GMT -0[56]:00\) \| TDC: Message \d+ was successfully delivered for scanning with Cisco Secure Email Threat Defense\.$/,
      );
  });

  it('sends a file as it is: dots, LF line ends, octets above 127', async () => {
    const path = join(stack.folder, 'message.eml');
    writeFileSync(path, 'From: a@example.org\nMessage-ID: <file@example.org>\nSubject: s\n\n.dot\nGrüße\n');
    const sent = await json('send', '--to', 'jim@example.com', '--file', path, '--wait');
    assert.deepEqual(Object.keys(sent), ['accepted', 'tls', 'reply', 'mids', 'copies']);
    assert.deepEqual([sent['accepted'], sent['tls']], [true, true]);
    const { id = 0 } = stack.standIn.messages.at(-1) ?? {};
    const arrived = stack.standIn.octets(id)?.toString('utf8') ?? '';
    assert.ok(arrived.includes('Message-ID: <file@example.org>\r\nSubject: s\r\n\r\n.dot\r\nGrüße\r\n'));
  });

  it('says of a message without a copy that none was due', async () => {
    const run = await tdc(['send', '--from', 'quiet@example.org', '--wait']);
    assert.equal(run.code, 0);
    assert.match(run.out, /no copy due\n$/);
  });

  it('ends with status 1 when a copy fails, and tracks why', async () => {
    stack.standIn.script({ steps: { rcpt: [{ reply: '550 5.1.1 No such user' }] } });
    const run = await tdc(['send', '--wait', '--json']);
    assert.equal(run.code, 1);
    const { mids } = JSON.parse(run.out) as { mids: number[] };
    const tracked = await tdc(['track', String(mids[0])]);
    assert.match(tracked.out, / delivery failed to Cisco Secure Email Threat Defense: Hard Bounced\.\n$/);
    const verbose = await tdc(['track', String(mids[0]), '--verbose']);
    assert.match(verbose.out, /last answer .*5\.1\.1.*No such user/);
  });

  it('ends with status 1 when the message is refused', async () => {
    const path = join(stack.folder, 'large.eml');
    writeFileSync(path, `Subject: s\n\n${'text\n'.repeat(10_000)}`);
    const run = await tdc(['send', '--file', path, '--wait']);
    assert.deepEqual([run.code, run.out], [1, '']);
    assert.match(run.err, /^refused: 552 /);
    const asJson = await tdc(['send', '--file', path, '--json']);
    const { accepted, mids } = JSON.parse(asJson.out) as Record<string, unknown>;
    assert.deepEqual([asJson.code, accepted, mids], [1, false, []]);
  });

  it('tracks by Message-ID, with its brackets and without', async () => {
    for (const word of ['<file@example.org>', 'file@example.org']) {
      const run = await tdc(['track', word]);
      assert.equal(run.code, 0);
      assert.match(run.out, / was successfully delivered /);
    }
    const copies = (await json('track', '<file@example.org>')) as unknown as Record<string, unknown>[];
    assert.deepEqual(
      [copies.length, copies[0]?.['state'], copies[0]?.['messageId']],
      [1, 'delivered', '<file@example.org>'],
    );
  });

  it('has no record of a message that never was, with status 1', async () => {
    assert.deepEqual(await tdc(['track', '999999']), {
      code: 1,
      out: '',
      err: 'No record of message: 999999\n',
    });
    assert.deepEqual(await tdc(['track', '999999', '--json']), { code: 1, out: '[]\n', err: '' });
    const zero = await tdc(['track', '0']);
    assert.deepEqual([zero.code, zero.err], [1, '0 is no MID: they begin at 1\n']);
  });

  it('shows tophosts as the gateway does, and as JSON', async () => {
    await stack.settled();
    const run = await tdc(['tophosts', '--intakes', '--sort', 'delivered']);
    assert.match(run.out, /^Status as of: .+ UTC\nHosts marked with '\*' were down/);
    assert.match(run.out, /^# {4}Recipient Host +Recip\. +Out +Recip\. +Bounced +Bounced$/m);
    assert.match(
      run.out,
      /^1 +the\.tdc\.queue .*\n2 +primary \(setd\.example\) .*\n3 +second \(127\.0\.0\.1\) /m,
    );
    assert.equal((await tdc(['tophosts'])).out.trimEnd().split('\n').length, 6);
    const { rows } = (await json('tophosts', '--intakes')) as { rows: Record<string, unknown>[] };
    assert.deepEqual(
      rows.map(({ intake }) => intake),
      ['', 'primary', 'second'],
    );
    assert.equal(rows[0]?.['hardBouncedRecipients'], 1);
  });

  it('shows hoststatus, and has no record of a host that never was, with status 1', async () => {
    const run = await tdc(['hoststatus', 'the.tdc.queue']);
    assert.match(run.out, /^Host mail status for:\n'the\.tdc\.queue'\n/);
    assert.match(run.out, /5XX Hard Bounces +1$/m);
    assert.match(run.out, /550 5\.1\.1 No such user/);
    assert.equal((await json('hoststatus', 'primary'))['up'], true);
    assert.deepEqual(await tdc(['hoststatus', 'nowhere.example']), {
      code: 1,
      out: '',
      err: 'No record of host: nowhere.example\n',
    });
  });

  it('shows that the account balances', async () => {
    await stack.settled();
    const run = await tdc(['accounting']);
    assert.equal(run.code, 0);
    assert.match(run.out, /^difference +0$/m);
    const account = await json('accounting');
    assert.equal(account['difference'], 0);
    assert.equal(account['seen'], (account['enqueued'] as number) + (account['skipped'] as number));
  });

  it('shows the policy in force, its last column as the gateway has it', async () => {
    const run = await tdc(['policy', 'show']);
    assert.match(run.out, /^Revision 1, loaded /);
    assert.match(run.out, /^1 +acquired +to @newdomain\.com +Enabled/m);
    assert.match(run.out, /^2 +quiet +from quiet@example\.org +Disabled/m);
    assert.match(run.out, /^primary \(default\) +journal@setd\.example +journal/m);
    const shown = await json('policy', 'show');
    assert.deepEqual(Object.keys(shown), ['revision', 'sha256', 'loadedAtMs', 'loadError', 'document']);
  });

  it('explains a decision, the header of a message included', async () => {
    const words = ['policy', 'explain', '--from', 'bill@lawfirm.com', '--to', 'jane@newdomain.com'];
    const run = await tdc([...words, '--to', 'jim@example.com']);
    assert.match(run.out, /^Policy +acquired: /m);
    assert.match(run.out, /^Copy +to intake second <second@setd\.example>, format journal$/m);
    const path = join(stack.folder, 'spam.eml');
    writeFileSync(path, `X-Spam-Flag: YES\nSubject: s\n\n${'body\n'.repeat(1_000_000)}`);
    const spam = await json(...words, '--header-file', path);
    assert.equal(spam['verdict'], 'spam');
    assert.deepEqual(
      (spam['splinters'] as Record<string, unknown>[]).map(({ action, skipReason }) => [action, skipReason]),
      [['skip', 'spam']],
    );
    assert.equal((await json(...words, '--header-file', path, '--untrusted'))['verdict'], 'clean');
  });

  it('tests itself: a message under TLS, and its copy delivered', async () => {
    const run = await tdc(['selftest', '--to', 'jim@example.com', '--timeout', '20']);
    assert.deepEqual([run.code, run.err], [0, '']);
    assert.match(run.out, /^250 .*queued as MID \d+\n.* was successfully delivered for scanning .*\n$/);
    const { id = 0 } = stack.standIn.messages.at(-1) ?? {};
    assert.match(stack.standIn.octets(id)?.toString() ?? '', /^Subject: tdc self-test\r$/m);
  });

  it('fails its own test, and says why, when no copy is due', async () => {
    const run = await tdc(['selftest', '--to', 'nobody@unscanned.example', '--timeout', '0']);
    assert.deepEqual([run.code, run.out], [1, '']);
    assert.match(
      run.err,
      /^intake took the message, and no copy was due: .*--to nobody@unscanned\.example\)/,
    );
  });

  it('fails its own test, and says why, when intake does not answer', async () => {
    const run = await tdc(['selftest', '--server', '127.0.0.1:1', '--timeout', '0']);
    assert.deepEqual([run.code, run.out], [69, '']);
    assert.match(run.err, /^intake does not answer \(--server, TDC_SMTP_ADDRESS\): connect: .*ECONNREFUSED/);
  });

  it('fails its own test, and says why, when the copy fails', async () => {
    stack.standIn.script({ steps: { rcpt: [{ reply: '550 5.1.1 No such canary' }] } });
    const run = await tdc(['selftest', '--to', 'jim@example.com', '--timeout', '20']);
    assert.deepEqual([run.code, run.out], [1, '']);
    assert.match(run.err, /Hard Bounced\.\n[\s\S]*last answer +.*No such canary/);
  });

  it('says that a copy has no outcome in time, and that the message was taken all the same', async () => {
    await stack.service('delivery').process.stop();
    const run = await tdc(['send', '--wait', '--timeout', '0.5']);
    assert.equal(run.code, 75);
    assert.match(run.out, /queued as MID \d+\n.+ is enqueued for forwarding/);
    assert.match(run.err, /^MID \d+ has no outcome after 0\.5 s\n$/);
  });

  it('says that a message was taken when the monitor cannot be asked about it', async () => {
    const run = await tdc(['send', '--wait'], { TDC_MONITOR_ADDRESS: '127.0.0.1:1' });
    assert.equal(run.code, 69);
    assert.match(run.out, /queued as MID \d+\n$/);
    assert.match(run.err, /^the monitor does not answer at 127\.0\.0\.1:1 /);
  });

  it('says that Redis is away when the monitor says so', async () => {
    await stack.redis.stop();
    await waitUntil(async () => (await tdc(['accounting'])).code !== 0);
    const run = await tdc(['tophosts']);
    assert.equal(run.code, 69);
    assert.match(run.err, /^Redis does not answer/);
    const refused = await tdc(['send']);
    assert.equal(refused.code, 1);
    assert.match(refused.err, /^refused: 451 /);
  });
});
