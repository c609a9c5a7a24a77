import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { type CertificateAuthority, createAuthority } from '../certificates.ts';
import { dataBlock, openSender, type SmtpSender, transact } from '../smtp-sender.ts';
import { waitUntil } from '../wait-until.ts';
import { createDataReader } from './data-reader.ts';
import { startHttpView } from './http-view.ts';
import type { Action, Script } from './script.ts';
import { type StandIn, startStandIn } from './stand-in.ts';

const MESSAGE = Buffer.from('Subject: x\r\n\r\n.one\r\n..two\r\n\r\n.\u00fc\r\n');
const ENVELOPE = { from: '', to: ['journal@setd.example'] };

describe('reading a message behind DATA', () => {
  const BODIES = [
    '',
    '.\r\n',
    '..\r\n',
    '.x\r\n',
    'x\r\n',
    '\r\n',
    '\r\n.\r\n',
    'a\r\n..\r\n.b\r\n',
    'bare\n.\nline\r\n',
  ];
  for (const body of BODIES) {
    it(`${JSON.stringify(body)}, cut anywhere`, () => {
      const wire = Buffer.concat([dataBlock(Buffer.from(body)), Buffer.from('NEXT')]);
      for (let cut = 0; cut <= wire.length; cut += 1) {
        const reader = createDataReader();
        const pieces = [wire.subarray(0, cut), wire.subarray(cut)];
        const first = reader.add(pieces[0] ?? Buffer.alloc(0));
        const ended = first ?? reader.add(pieces[1] ?? Buffer.alloc(0));
        assert.equal(ended?.message.toString(), body, `cut at ${cut}`);
        const rest = Buffer.concat([
          ended?.rest ?? Buffer.alloc(0),
          first === undefined ? Buffer.alloc(0) : (pieces[1] ?? Buffer.alloc(0)),
        ]);
        assert.equal(rest.toString(), 'NEXT');
      }
    });
  }
});

describe('the stand-in', () => {
  let authority: CertificateAuthority;
  let standIn: StandIn;
  before(async () => {
    authority = await createAuthority();
    standIn = await startStandIn({
      certificates: {
        default: await authority.issue({ names: ['mx.setd.example'] }),
        expired: await authority.issue({ names: ['mx.setd.example'], expired: true }),
      },
    });
  });
  after(() => standIn.close());
  beforeEach(async () => {
    await waitUntil(() => standIn.open === 0, { what: 'the connections of the test before to end' });
    standIn.script({});
    standIn.clear();
  });

  const plain = async (): Promise<SmtpSender & { readonly banner: string }> => {
    const sender = await openSender(`127.0.0.1:${standIn.port}`);
    await sender.say('EHLO test.example');
    return sender;
  };
  const secured = async (): Promise<SmtpSender> => {
    const sender = await plain();
    assert.match(await sender.say('STARTTLS'), /^220/);
    await sender.upgrade();
    assert.doesNotMatch(await sender.say('EHLO test.example'), /STARTTLS/);
    return sender;
  };

  it('takes messages under TLS, several on a connection, and shows each as it was', async () => {
    const sender = await secured();
    for (let n = 0; n < 3; n += 1) assert.match(await transact(sender, ENVELOPE, MESSAGE), /^250/);
    await sender.quit();
    assert.equal(standIn.messages.length, 3);
    assert.ok(standIn.octets(2)?.equals(MESSAGE));
    assert.deepEqual(standIn.messages[0]?.rcptTo, ENVELOPE.to);
    assert.ok(
      standIn.messages.every(
        ({ tls, connection }) => tls !== null && connection === standIn.messages[0]?.connection,
      ),
    );
  });

  it('takes none in clear text', async () => {
    const sender = await plain();
    assert.match(await sender.say('MAIL FROM:<>'), /^530/);
    await sender.quit();
  });

  it('takes pipelined transactions', async () => {
    const sender = await secured();
    const one = Buffer.concat([
      Buffer.from('MAIL FROM:<>\r\nRCPT TO:<a@setd.example>\r\nDATA\r\n'),
      dataBlock(MESSAGE),
    ]);
    sender.write(Buffer.concat([one, one, Buffer.from('QUIT\r\n')]));
    await sender.closed;
    assert.equal(standIn.messages.length, 2);
  });

  const REPLIES: readonly (readonly [verb: 'mail' | 'rcpt' | 'data' | 'final-dot', reply: string])[] = [
    ['mail', '451 4.3.0 mail'],
    ['rcpt', '550 5.1.1 rcpt'],
    ['data', '503 5.5.1 data'],
    ['final-dot', '552 5.2.2 dot'],
  ];
  for (const [verb, reply] of REPLIES) {
    it(`answers ${verb} by the script, once, and then as it should`, async () => {
      standIn.script({ steps: { [verb]: [{ reply }] } });
      const sender = await secured();
      assert.equal(await transact(sender, ENVELOPE, MESSAGE), reply);
      await sender.say('RSET');
      assert.match(await transact(sender, ENVELOPE, MESSAGE), /^250/);
      await sender.quit();
      assert.equal(standIn.messages.length, 1);
    });
  }

  const ENDS: readonly (readonly [name: string, script: Script, kept: number])[] = [
    ['closes at a verb', { always: { rcpt: { end: 'close' } } }, 0],
    ['resets at a verb', { always: { mail: { end: 'reset' } } }, 0],
    ['says 421 and closes', { always: { mail: { replyAndClose: '421 4.7.0 bye' } } }, 0],
    ['cuts a message', { atByte: { byte: 5, end: 'close' } }, 0],
    ['takes a message and loses the answer', { always: { 'final-dot': { takeAnd: 'reset' } } }, 1],
  ];
  for (const [name, script, kept] of ENDS) {
    it(name, async () => {
      standIn.script(script);
      const sender = await secured();
      await transact(sender, ENVELOPE, MESSAGE).catch(() => '');
      await sender.closed;
      assert.equal(standIn.messages.length, kept);
    });
  }

  const STALL: Action = { end: 'stall' };
  it('can be silent, with the connection open', async () => {
    standIn.script({ always: { mail: STALL } });
    const sender = await secured();
    sender.write('MAIL FROM:<>\r\nNOOP\r\n');
    await waitUntil(() => standIn.connections.at(-1)?.verbs.includes('MAIL'), {
      what: 'the command to arrive',
    });
    assert.equal(standIn.open >= 1, true);
    sender.destroy();
  });

  it('limits the messages of a connection, and connections', async () => {
    standIn.script({ messagesPerConnection: 1, maxConnections: 1 });
    const sender = await secured();
    assert.match(await transact(sender, ENVELOPE, MESSAGE), /^250/);
    const crowded = await openSender(`127.0.0.1:${standIn.port}`);
    assert.match(crowded.banner, /^421/);
    assert.match(await transact(sender, ENVELOPE, MESSAGE), /^421/);
    await sender.closed;
  });

  const TLS_MODES: readonly (readonly [mode: NonNullable<Script['tls']>, reply: RegExp])[] = [
    ['none', /^502/],
    ['refuse', /^454/],
  ];
  for (const [mode, reply] of TLS_MODES) {
    it(`TLS mode ${mode}`, async () => {
      standIn.script({ tls: mode });
      const sender = await plain();
      assert.match(await sender.say('STARTTLS'), reply);
      await sender.quit();
    });
  }

  it('is shown and scripted over HTTP', async () => {
    const view = await startHttpView(standIn, { host: '127.0.0.1', port: 0 });
    const url = (path: string) => `http://127.0.0.1:${view.port}${path}`;
    try {
      const sender = await secured();
      await transact(sender, ENVELOPE, MESSAGE);
      await sender.quit();
      const messages = (await (await fetch(url('/messages'))).json()) as {
        id: number;
        size: number;
        sha256: string;
      }[];
      assert.equal(messages[0]?.size, MESSAGE.length);
      const octets = Buffer.from(await (await fetch(url(`/messages/${messages[0]?.id}`))).arrayBuffer());
      assert.ok(octets.equals(MESSAGE));
      await fetch(url('/script'), {
        method: 'PUT',
        body: JSON.stringify({ always: { mail: { reply: '450 later' } } }),
      });
      const refused = await secured();
      assert.equal(await refused.say('MAIL FROM:<>'), '450 later');
      await refused.quit();
      await fetch(url('/script'), { method: 'DELETE' });
      await fetch(url('/reset'), { method: 'POST' });
      assert.deepEqual(await (await fetch(url('/messages'))).json(), []);
      assert.equal((await fetch(url('/messages/99'))).status, 404);
      assert.equal((await fetch(url('/script'), { method: 'PUT', body: 'no JSON' })).status, 400);
    } finally {
      await view.close();
    }
  });
});
