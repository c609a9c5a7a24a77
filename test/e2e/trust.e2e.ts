import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, beforeEach, describe, it } from 'node:test';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { readJournal } from '../support/embedded-original.ts';
import { openSender, type SmtpSender, transact } from '../support/smtp-sender.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { waitUntil } from '../support/wait-until.ts';

const BODY = 'From: a@example.org\r\nSubject: trust\r\n\r\nText\r\n';
const ENVELOPE = { from: 'a@example.org', to: ['joe@example.com'] };
const BY = ' by gateway.example.com (Postfix) with ESMTP id 1; Fri, 16 Feb 2024 21:19:22 +0000\r\n';

interface Case {
  readonly name: string;
  /** Commands between EHLO and MAIL; after XCLIENT the dialogue begins anew. */
  readonly commands?: readonly string[];
  readonly header?: string;
  readonly outcome: 'copied' | 'skipped';
  /** X-IronPort-RemoteIP of the copy. */
  readonly client?: string;
}

async function run(stack: Stack, { commands = [], header = '', outcome, client }: Case): Promise<void> {
  stack.standIn.clear();
  const sender: SmtpSender = await openSender(stack.smtp);
  await sender.say('EHLO gateway.example.com');
  for (const command of commands) {
    await sender.say(command);
    await sender.say('EHLO gateway.example.com');
  }
  const reply = await transact(sender, ENVELOPE, Buffer.from(header + BODY));
  await sender.quit();
  assert.match(reply, outcome === 'copied' ? /queued as MID \d+$/ : /no copy due$/);
  if (outcome === 'skipped') return;
  await waitUntil(() => stack.standIn.messages.length === 1, { what: 'the copy' });
  const copy = readJournal(stack.standIn.octets(1) ?? Buffer.alloc(0));
  assert.equal(copy.headers.get('x-ironport-remoteip'), client);
}

describe('a trusted gateway', () => {
  let stack: Stack;
  before(async () => {
    stack = await startStack();
  });
  after(() => stack.stop());

  const CASES: readonly Case[] = [
    {
      name: 'gives the client by XCLIENT',
      commands: ['XCLIENT ADDR=203.0.113.7'],
      outcome: 'copied',
      client: '203.0.113.7',
    },
    {
      name: 'gives the client by XFORWARD',
      commands: ['XFORWARD ADDR=203.0.113.8'],
      outcome: 'copied',
      client: '203.0.113.8',
    },
    {
      name: 'gives an IPv6 client',
      commands: ['XFORWARD ADDR=IPV6:2001:db8::7'],
      outcome: 'copied',
      client: '2001:db8::7',
    },
    {
      name: 'gives the client by its Received field',
      header: `Received: from helo.example (host.example [203.0.113.9])${BY}`,
      outcome: 'copied',
      client: '203.0.113.9',
    },
    {
      name: 'is passed over in the Received chain',
      header: `Received: from gateway (localhost [127.0.0.1])${BY}Received: from [198.51.100.1] (host.example [203.0.113.10])${BY}`,
      outcome: 'copied',
      client: '203.0.113.10',
    },
    {
      name: 'says that its client was authenticated, by XCLIENT LOGIN',
      commands: ['XCLIENT ADDR=203.0.113.7 LOGIN=bill'],
      outcome: 'skipped',
    },
    {
      name: 'says that its client was authenticated, by its Received field',
      header: `Received: from helo.example (host.example [203.0.113.9])${BY.replace('ESMTP', 'ESMTPSA')}`,
      outcome: 'skipped',
    },
    { name: 'says that it is spam', header: 'X-Spam-Flag: YES\r\n', outcome: 'skipped' },
    {
      name: 'says that it is a virus',
      header: 'X-Virus-Status: Infected (Eicar-Test-Signature)\r\n',
      outcome: 'skipped',
    },
    {
      name: 'says that it is bulk mail',
      header: 'X-Forefront-Antispam-Report: SFV:NSPM;CAT:BULK;\r\n',
      outcome: 'copied',
    },
  ];
  for (const one of CASES) it(one.name, () => run(stack, one));

  it('gets a renewed certificate without a restart', async () => {
    const fingerprint = async (): Promise<string> => {
      const sender = await openSender(stack.smtp);
      await sender.say('EHLO a.example');
      await sender.say('STARTTLS');
      return new Promise((resolve, reject) => {
        const socket: TLSSocket = connectTls({ socket: sender.release(), rejectUnauthorized: false }, () => {
          resolve(socket.getPeerCertificate().fingerprint256);
          socket.destroy();
        });
        socket.on('error', reject);
      });
    };
    const first = await fingerprint();
    const renewed = await stack.authority.issue({ names: ['localhost'] });
    const certificate = join(stack.folder, 'intake.pem');
    const old = readFileSync(certificate, 'utf8');
    writeFileSync(certificate, renewed.cert);
    await stack.logged('intake', /^certificate .* cannot be used: /);
    assert.equal(await fingerprint(), first, 'the old pair is served while the new one is half there');
    writeFileSync(join(stack.folder, 'intake.key'), renewed.key);
    await waitUntil(async () => (await fingerprint()) !== first, { what: 'the new certificate' });
    assert.notEqual(readFileSync(certificate, 'utf8'), old);
  });
});

describe('a peer that is not trusted', () => {
  let stack: Stack;
  before(async () => {
    stack = await startStack({ intake: { TDC_TRUSTED_PEERS: '192.0.2.1' } });
  });
  after(() => stack.stop());
  beforeEach(() => stack.standIn.clear());

  it('is not offered XCLIENT and XFORWARD, and they do not work', async () => {
    const sender = await openSender(stack.smtp);
    assert.doesNotMatch(await sender.say('EHLO a.example'), /XCLIENT|XFORWARD/);
    assert.match(await sender.say('XCLIENT ADDR=203.0.113.7'), /^5\d\d /);
    assert.match(await sender.say('XFORWARD ADDR=203.0.113.7'), /^5\d\d /);
    await sender.quit();
  });

  const CASES: readonly Case[] = [
    {
      name: 'is the client itself, whatever it writes',
      header: `Received: from x (y [203.0.113.9])${BY}`,
      outcome: 'copied',
      client: '127.0.0.1',
    },
    {
      name: 'cannot keep its mail from being copied by calling it spam',
      header: 'X-Spam-Flag: YES\r\n',
      outcome: 'copied',
      client: '127.0.0.1',
    },
    {
      name: 'cannot make it outgoing',
      header: `Received: from x (y [203.0.113.9])${BY.replace('ESMTP', 'ESMTPA')}`,
      outcome: 'copied',
      client: '127.0.0.1',
    },
  ];
  for (const one of CASES) it(one.name, () => run(stack, one));
});
