import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type StandIn, startStandIn } from '@tdc/stand-in';
import { freePort } from '../../deploy/local/ports.ts';
import { ensureSystemUser, installDebian, unpackDebian, whyNoDebian } from '../support/debian.ts';
import { readJournal } from '../support/embedded-original.ts';
import { recipeFile, recipeFiles } from '../support/recipe.ts';
import { openSender, sendMail } from '../support/smtp-sender.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { waitUntil } from '../support/wait-until.ts';

/** Exim cannot be installed beside another mail server: it is unpacked, with the libraries that it needs installed. */
const LIBRARIES = ['libidn12', 'libgnutls-dane0', 'libpcre2-8-0', 'libnsl2', 'libdb5.3'];

interface Gateway {
  readonly address: string;
  /** Tries what is deferred at once. */
  flush(): void;
  stop(): Promise<void>;
}

/** An Exim of the test's own, set up by the recipe of docs/integrate/exim.md. */
function startExim(options: {
  readonly port: number;
  readonly tapPort: string;
  readonly nextHop: number;
}): Gateway {
  const folder = mkdtempSync(join(tmpdir(), 'tdc-exim-'));
  chmodSync(folder, 0o755);
  unpackDebian(['exim4-daemon-light', 'exim4-base'], folder);
  for (const name of ['spool', 'log']) mkdirSync(join(folder, name));
  execFileSync('chown', ['Debian-exim', join(folder, 'spool'), join(folder, 'log')]);
  const program = join(folder, 'root/usr/sbin/exim4');
  const files = recipeFiles('integrate/exim.md');
  const values = [
    ['intake.example.net', '127.0.0.1'],
    ['port = 2525', `port = ${options.tapPort}\n  allow_localhost`],
    ['  unseen\n', '  unseen\n  self = send\n'],
  ] as const;
  const config = join(folder, 'exim.conf');
  writeFileSync(
    config,
    `exim_path = ${program}
primary_hostname = gateway.example.com
spool_directory = ${folder}/spool
log_file_path = ${folder}/log/%slog
exim_user = Debian-exim
exim_group = Debian-exim
never_users =
daemon_smtp_ports = ${options.port}
local_interfaces = 127.0.0.1
domainlist local_domains = example.com : example.net
acl_smtp_rcpt = acl_rcpt
keep_environment =
tls_advertise_hosts =
begin acl
acl_rcpt:
  accept domains = +local_domains
  deny message = relay not permitted
begin routers
${recipeFile(files, 'routers', values)}
next_hop:
  driver = manualroute
  domains = +local_domains
  transport = next_hop
  route_list = * 127.0.0.1
  self = send
begin transports
${recipeFile(files, 'transports', values)}
next_hop:
  driver = smtp
  port = ${options.nextHop}
  allow_localhost
begin retry
* * F,2h,1s
`,
  );
  chmodSync(config, 0o644);
  const daemon: ChildProcess = spawn(program, ['-C', config, '-bdf'], { stdio: 'ignore' });
  return {
    address: `127.0.0.1:${options.port}`,
    flush: () => void execFileSync(program, ['-C', config, '-qff'], { stdio: 'ignore' }),
    async stop() {
      daemon.kill();
      await once(daemon, 'exit');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

const message = (subject: string): Buffer =>
  Buffer.from(
    `From: bill@lawfirm.example\r\nTo: joe@example.com\r\nSubject: ${subject}\r\nMessage-ID: <${subject}@lawfirm.example>\r\n\r\n.dots\r\n\r\nText\r\n`,
  );

describe('Exim in front, by the recipe', { skip: whyNoDebian() ?? false }, () => {
  let stack: Stack;
  let nextHop: StandIn;
  let exim: Gateway;
  before(async () => {
    installDebian(LIBRARIES);
    ensureSystemUser('Debian-exim');
    stack = await startStack();
    nextHop = await startStandIn({
      certificates: { default: await stack.authority.issue({ names: ['localhost'] }) },
    });
    exim = startExim({
      port: await freePort(),
      tapPort: stack.smtp.split(':')[1] ?? '',
      nextHop: nextHop.port,
    });
    await waitUntil(async () => (await openSender(exim.address)).quit().then(() => true), {
      withinSeconds: 20,
      what: 'Exim to listen',
    });
  });
  after(async () => {
    await exim?.stop();
    await nextHop?.close();
    await stack?.stop();
  });

  it('the copy holds, octet for octet, what the next hop got, with the whole envelope', async () => {
    const envelope = { from: 'bill@lawfirm.example', to: ['joe@example.com', 'jane@example.net'] };
    assert.match(await sendMail(exim.address, envelope, message('one')), /^250/);
    await waitUntil(() => nextHop.messages.length === 1 && stack.standIn.messages.length === 1, {
      withinSeconds: 20,
      what: 'original and copy',
    });
    const copy = readJournal(stack.standIn.octets(1) ?? Buffer.alloc(0));
    assert.deepEqual(copy.report.slice(3), ['Recipient: joe@example.com', 'Recipient: jane@example.net']);
    assert.equal(copy.report[0], 'Sender: bill@lawfirm.example');
    assert.ok(copy.original.equals(nextHop.octets(1) ?? Buffer.alloc(0)));
  });

  it('with intake away the original flows, and the copy comes later', async () => {
    await stack.service('intake').process.stop('SIGKILL');
    await sendMail(exim.address, { from: 'bill@example.com', to: ['joe@example.com'] }, message('two'));
    await waitUntil(() => nextHop.messages.length === 2, {
      withinSeconds: 20,
      what: 'the original at the next hop',
    });
    await stack.restart('intake');
    await waitUntil(
      () => {
        exim.flush();
        return stack.standIn.messages.length === 2;
      },
      { withinSeconds: 30, what: 'the copy, once intake is back' },
    );
  });

  it('a copy that is refused for good makes no bounce to the sender', async () => {
    await stack.restart('intake');
    const oversized = Buffer.concat([
      message('three'),
      Buffer.alloc(1_200_000, 'x'.repeat(78).concat('\r\n')),
    ]);
    await stack.service('intake').process.stop();
    await stack.start('intake', {
      TDC_SMTP_PORT: stack.smtp.split(':')[1] ?? '',
      TDC_SMTP_MAX_MESSAGE_BYTES: '1000000',
    });
    await sendMail(exim.address, { from: 'bill@example.com', to: ['joe@example.com'] }, oversized);
    await waitUntil(() => nextHop.messages.length === 3, {
      withinSeconds: 20,
      what: 'the original at the next hop',
    });
    // A bounce would come right behind: send one more and see that nothing came in between.
    await sendMail(exim.address, { from: 'bill@example.com', to: ['joe@example.com'] }, message('four'));
    await waitUntil(() => nextHop.messages.length >= 4, { withinSeconds: 20, what: 'the next original' });
    assert.ok(
      nextHop.messages.every(({ mailFrom }) => mailFrom !== ''),
      'a bounce was made',
    );
  });
});
