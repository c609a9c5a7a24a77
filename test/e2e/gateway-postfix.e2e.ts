import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type StandIn, startStandIn } from '@tdc/stand-in';
import { freePort } from '../../deploy/local/ports.ts';
import { installDebian, whyNoDebian } from '../support/debian.ts';
import { readJournal } from '../support/embedded-original.ts';
import { recipeFile, recipeFiles } from '../support/recipe.ts';
import { openSender, sendMail, transact } from '../support/smtp-sender.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { waitUntil } from '../support/wait-until.ts';

/** A Postfix of the test's own, set up by the recipe of docs/integrate/postfix.md. */
interface Gateway {
  readonly address: string;
  /** Tries what is deferred at once. */
  flush(): void;
  queue(): string;
  log(): readonly string[];
  stop(): void;
}

function startPostfix(options: {
  readonly port: number;
  readonly tap: string;
  readonly nextHop: number;
}): Gateway {
  const folder = mkdtempSync(join(tmpdir(), 'tdc-postfix-'));
  chmodSync(folder, 0o755);
  const etc = join(folder, 'etc');
  for (const name of ['etc', 'queue', 'data']) mkdirSync(join(folder, name));
  execFileSync('chown', ['postfix', join(folder, 'data')]);
  const files = recipeFiles('integrate/postfix.md');
  const values = [
    ['/etc/postfix/', `${etc}/`],
    ['[intake.example.net]:2525', `[127.0.0.1]:${options.tap.split(':')[1]}`],
  ] as const;
  for (const name of ['tdc_twins', 'tdc_transport', 'tdc_untwin'])
    writeFileSync(join(etc, name), recipeFile(files, name, values));
  writeFileSync(
    join(etc, 'main.cf'),
    `compatibility_level = 3.6
queue_directory = ${folder}/queue
data_directory = ${folder}/data
maillog_file = ${folder}/mail.log
maillog_file_prefixes = ${folder}
myhostname = gateway.example.com
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks =
mydestination =
alias_maps =
local_recipient_maps =
relay_domains = example.com, example.net
relay_transport = smtp:[127.0.0.1]:${options.nextHop}
smtpd_relay_restrictions = reject_unauth_destination
smtpd_authorized_xclient_hosts = 127.0.0.1
smtp_tls_security_level = may
minimal_backoff_time = 1s
tdc_destination_concurrency_limit = 1
${recipeFile(files, 'main.cf', values)}`,
  );
  const master = readFileSync('/usr/share/postfix/master.cf.dist', 'utf8')
    .replace(/^smtp( +)inet/m, `${options.port}$1inet`)
    // No service in a chroot: the test's folder is not one.
    .replace(/^(\S+ +(?:inet|unix|unix-dgram|fifo) +\S+ +\S+ +)[y-]/gm, '$1n');
  writeFileSync(join(etc, 'master.cf'), `${master}\n${recipeFile(files, 'master.cf', values)}`);
  const run = (...args: readonly string[]): string =>
    execFileSync(args[0] ?? '', args.slice(1), { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  run('postfix', '-c', etc, 'start');
  return {
    address: `127.0.0.1:${options.port}`,
    flush: () => void run('postqueue', '-c', etc, '-f'),
    queue: () => run('postqueue', '-c', etc, '-p'),
    log: () => readFileSync(join(folder, 'mail.log'), 'utf8').split('\n'),
    stop() {
      run('postfix', '-c', etc, 'stop');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

const message = (subject: string, header = ''): Buffer =>
  Buffer.from(
    `${header}From: bill@lawfirm.example\r\nTo: joe@example.com\r\nSubject: ${subject}\r\nMessage-ID: <${subject}@lawfirm.example>\r\n\r\n.dots\r\n\r\nText\r\n`,
  );

describe('Postfix in front, by the recipe', { skip: whyNoDebian() ?? false }, () => {
  let stack: Stack;
  let nextHop: StandIn;
  let postfix: Gateway;
  before(async () => {
    installDebian(['postfix'], ['postfix postfix/main_mailer_type select No configuration']);
    stack = await startStack({ intake: { TDC_SMTP_MAX_SESSION_MESSAGES: '3' } });
    nextHop = await startStandIn({
      certificates: { default: await stack.authority.issue({ names: ['localhost'] }) },
    });
    postfix = startPostfix({ port: await freePort(), tap: stack.smtp, nextHop: nextHop.port });
    await waitUntil(async () => (await openSender(postfix.address)).quit().then(() => true), {
      withinSeconds: 20,
      what: 'Postfix to listen',
    });
  });
  after(async () => {
    postfix?.stop();
    await nextHop?.close();
    await stack?.stop();
  });

  it('the copy holds, octet for octet, what the next hop got, with the envelope and the real client', async () => {
    const sender = await openSender(postfix.address);
    await sender.say('EHLO mail.lawfirm.example');
    await sender.say('XCLIENT ADDR=203.0.113.7 NAME=mail.lawfirm.example');
    await sender.say('EHLO mail.lawfirm.example');
    const envelope = { from: 'bill@lawfirm.example', to: ['joe@example.com', 'jane@example.net'] };
    assert.match(await transact(sender, envelope, message('one')), /^250/);
    await sender.quit();
    await waitUntil(() => nextHop.messages.length === 1 && stack.standIn.messages.length === 1, {
      withinSeconds: 20,
      what: 'original and copy',
    });
    const copy = readJournal(stack.standIn.octets(1) ?? Buffer.alloc(0));
    assert.deepEqual(copy.report, [
      'Sender: bill@lawfirm.example',
      'Subject: one',
      'Message-Id: <one@lawfirm.example>',
      'Recipient: joe@example.com',
      'Recipient: jane@example.net',
    ]);
    assert.equal(copy.headers.get('x-ironport-remoteip'), '203.0.113.7');
    assert.ok(copy.original.equals(nextHop.octets(1) ?? Buffer.alloc(0)));
    assert.deepEqual(nextHop.messages[0]?.rcptTo, ['joe@example.com', 'jane@example.net']);
  });

  it('a verdict header of the gateway counts: no copy of spam', async () => {
    const before = await stack.accounting();
    await sendMail(
      postfix.address,
      { from: 'bill@lawfirm.example', to: ['joe@example.com'] },
      message('two', 'X-Spam-Flag: YES\r\n'),
    );
    await waitUntil(async () => (await stack.accounting()).skipped === before.skipped + 1, {
      what: 'the message to be seen and skipped',
    });
    await waitUntil(() => nextHop.messages.length === 2, { what: 'the original at the next hop' });
  });

  it('with intake away the original flows, nobody is told, and the copy comes later', async () => {
    await stack.service('intake').process.stop('SIGKILL');
    await sendMail(postfix.address, { from: 'bill@example.com', to: ['joe@example.com'] }, message('three'));
    await waitUntil(() => nextHop.messages.length === 3, { what: 'the original at the next hop' });
    await waitUntil(() => /tdc\.invalid/.test(postfix.queue()), { what: 'the twin to be deferred' });
    await stack.restart('intake');
    await waitUntil(
      () => {
        postfix.flush();
        return stack.standIn.messages.length === 2;
      },
      { withinSeconds: 30, what: 'the copy, once intake is back' },
    );
    assert.ok(
      nextHop.messages.every(({ mailFrom }) => mailFrom !== ''),
      'a bounce was made',
    );
  });

  it('sessions that have had their share go on in others, and no twin waits for it', async () => {
    const before = { copies: stack.standIn.messages.length, originals: nextHop.messages.length };
    const BACKLOG = 20;
    await stack.service('intake').process.stop('SIGKILL');
    for (let n = 0; n < BACKLOG; n += 1)
      await sendMail(
        postfix.address,
        { from: 'bill@example.com', to: ['joe@example.com'] },
        message(`b${n}`),
      );
    const deferred = () => postfix.queue().split('joe@example.com.tdc.invalid').length - 1;
    await waitUntil(() => nextHop.messages.length === before.originals + BACKLOG && deferred() === BACKLOG, {
      withinSeconds: 30,
      what: 'the backlog',
    });
    await stack.restart('intake');
    const lines = postfix.log().length - 1;
    postfix.flush();
    await waitUntil(() => stack.standIn.messages.length === before.copies + BACKLOG, {
      withinSeconds: 30,
      what: 'all copies, by one flush',
    });
    const attempts = postfix
      .log()
      .slice(lines)
      .filter((line) => line.includes('.tdc.invalid>'));
    const uses = attempts.flatMap((line) => /conn_use=(\d+)/.exec(line)?.[1] ?? []).map(Number);
    assert.deepEqual(
      attempts.filter((line) => !line.includes('status=sent')),
      [],
    );
    assert.equal(Math.max(...uses), 3);
  });
});
