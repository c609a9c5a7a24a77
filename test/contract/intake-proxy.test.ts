import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { beforeEach, describe, it } from 'node:test';
import { type IntakeProcess, ONE_INTAKE } from '../support/intake-process.ts';
import { sampleOf } from '../support/prometheus-text.ts';
import { openSenderBehind, type SmtpSender, transact } from '../support/smtp-sender.ts';
import { useIntake } from '../support/use-intake.ts';
import { waitUntil } from '../support/wait-until.ts';

const ENVELOPE = { from: 'a@example.org', to: ['joe@example.com'] };
const MESSAGE = Buffer.from('From: a@example.org\r\nX-Spam-Flag: YES\r\nSubject: x\r\n\r\nText\r\n');

const v1 = (client: string): Buffer => Buffer.from(`PROXY TCP4 ${client} 10.0.0.1 40000 25\r\n`);
const v2 = (command: number, family: number, block: readonly number[]): Buffer =>
  Buffer.from([
    ...Buffer.from('\r\n\r\n\0\r\nQUIT\n'),
    command,
    family,
    block.length >> 8,
    block.length & 255,
    ...block,
  ]);
const v2Client = (address: readonly number[]): Buffer =>
  v2(0x21, 0x11, [...address, 10, 0, 0, 1, 0x9c, 0x40, 0, 25, 0x04, 0, 2, 0, 0]);
const LOCAL = v2(0x20, 0x00, []);

let intake: IntakeProcess;
const here = useIntake(ONE_INTAKE, async ({ ground }) => {
  intake = await ground.start({
    TDC_SMTP_PROXY_PORT: '0',
    TDC_SMTP_PROXY_TRUSTED: '127.0.0.1',
    TDC_TRUSTED_PEERS: '198.51.100.0/24',
    TDC_LOG_LEVEL: 'debug',
  });
});
beforeEach(() => here.stored.clear());

const proxied = (name = 'smtp-proxy'): string => intake.addresses[name] ?? '';
const open = async (header: Buffer): Promise<SmtpSender> => {
  const sender = await openSenderBehind(proxied(), header);
  await sender.say('EHLO gateway.example.org');
  return sender;
};
const headers = async (result: string): Promise<number> =>
  sampleOf(await intake.samples(), 'tdc_intake_proxy_headers_total', { result }) ?? 0;
const countedOnce = async (result: string, act: () => Promise<unknown>): Promise<void> => {
  const before = await headers(result);
  await act();
  await waitUntil(async () => (await headers(result)) === before + 1, { what: `one more ${result}` });
};

/** Writes octets on a raw connection, and hears all that it is answered until the other side closes. */
async function heardOf(octets: Buffer | string, address = proxied()): Promise<string> {
  const socket = raw(address);
  let heard = '';
  socket.on('data', (chunk) => {
    heard += chunk.toString('latin1');
  });
  socket.write(octets);
  await closedOf(socket);
  return heard;
}

/** A reset is an end as good as any. */
const closedOf = (socket: Socket): Promise<void> =>
  new Promise((resolve) => void socket.once('close', () => resolve()));

function raw(address = proxied(), from = '127.0.0.1'): Socket {
  const socket = connect({ host: '127.0.0.1', port: Number(address.split(':')[1]), localAddress: from });
  socket.on('error', () => undefined);
  return socket;
}

let marks = 0;
/** Lets a session begin, of which the log says one line behind all that was logged before; answers where that stands. */
async function markedLog(): Promise<number> {
  marks += 1;
  const client = `203.0.113.${100 + marks}`;
  await (await open(v1(client))).quit();
  const at = (): number =>
    intake.lines().findIndex((line) => line.includes(` is ${client} through the proxy `));
  await waitUntil(() => at() >= 0, { what: 'a mark in the log' });
  return at();
}

/** What was logged meanwhile. */
async function linesOf(act: () => Promise<unknown>): Promise<readonly string[]> {
  const from = await markedLog();
  await act();
  return intake.lines().slice(from + 1, await markedLog());
}

describe('the client of the PROXY header is the session’s', () => {
  for (const [name, header] of [
    ['version 1', v1('203.0.113.9')],
    ['version 2', v2Client([203, 0, 113, 9])],
  ] as const) {
    it(`${name}: a stranger’s word does not count, and the copy names it`, async () => {
      await countedOnce('accepted', async () => {
        const sender = await open(header);
        assert.match(await sender.say('XCLIENT ADDR=192.0.2.1'), /^500 /);
        assert.match(await transact(sender, ENVELOPE, MESSAGE), / queued as MID /);
        await sender.quit();
      });
      assert.deepEqual(
        (await here.stored.active()).map(({ clientAddress }) => clientAddress),
        ['203.0.113.9'],
      );
      await intake.logged(/^ICID \d+ is 203\.0\.113\.9 through the proxy 127\.0\.0\.1$/);
    });

    it(`${name}: the same under TLS`, async () => {
      const sender = await open(header);
      await sender.say('STARTTLS');
      await sender.upgrade();
      assert.doesNotMatch(await sender.say('EHLO a.example'), /XCLIENT|XFORWARD/);
      assert.match(await transact(sender, ENVELOPE, MESSAGE), / queued as MID /);
      await sender.quit();
      assert.equal((await here.stored.active())[0]?.clientAddress, '203.0.113.9');
    });
  }

  for (const [name, header] of [
    ['version 1', v1('198.51.100.7')],
    ['version 2', v2Client([198, 51, 100, 7])],
  ] as const) {
    it(`${name}: a trusted gateway’s word counts, behind the proxy too`, async () => {
      const sender = await open(header);
      assert.match(await transact(sender, ENVELOPE, MESSAGE), /no copy due$/);
      assert.match(await sender.say('XFORWARD ADDR=203.0.113.77'), /^250 /);
      const clean = MESSAGE.subarray(MESSAGE.indexOf('Subject'));
      assert.match(await transact(sender, ENVELOPE, clean), / queued as MID /);
      await sender.quit();
      assert.equal((await here.stored.active())[0]?.clientAddress, '203.0.113.77');
    });
  }

  it('IPv6, in both versions', async () => {
    const address = [0x20, 0x01, 0x0d, 0xb8, ...Array.from({ length: 11 }, () => 0), 7];
    const block = [...address, ...address, 1, 1, 0, 25];
    for (const header of [Buffer.from('PROXY TCP6 2001:db8::7 ::1 1 25\r\n'), v2(0x21, 0x21, block)]) {
      const sender = await open(header);
      await transact(sender, ENVELOPE, MESSAGE);
      await sender.quit();
    }
    assert.deepEqual(
      (await here.stored.active()).map(({ clientAddress }) => clientAddress),
      ['2001:db8::7', '2001:db8::7'],
    );
  });

  it('a header that comes octet by octet is read', async () => {
    const socket = raw();
    socket.setNoDelay(true);
    for (const octet of v2Client([203, 0, 113, 9])) socket.write(Buffer.from([octet]));
    const [banner] = await once(socket, 'data');
    assert.match(String(banner), /^220 /);
    socket.destroy();
  });

  it('who talks before the greeting, behind the header, is turned away: nothing of it is lost', async () => {
    assert.match(
      await heardOf(Buffer.concat([v1('203.0.113.9'), Buffer.from('EHLO a.example\r\n')])),
      /^421 /,
    );
  });
});

describe('a proxy that speaks for itself', () => {
  for (const [name, header] of [
    ['LOCAL', LOCAL],
    ['UNKNOWN', Buffer.from('PROXY UNKNOWN\r\n')],
  ] as const) {
    it(`${name} has the connection’s own address`, async () => {
      await countedOnce('local', async () => {
        const sender = await open(header);
        await transact(sender, ENVELOPE, MESSAGE);
        await sender.quit();
      });
      assert.equal((await here.stored.active())[0]?.clientAddress, '127.0.0.1');
    });

    it(`${name} may connect and leave, and nothing is said of it`, async () => {
      const leave = async (): Promise<void> => {
        const socket = raw();
        socket.end(header);
        socket.resume();
        await closedOf(socket);
      };
      assert.deepEqual(await linesOf(() => countedOnce('local', leave)), []);
    });
  }
});

describe('what is refused', () => {
  it('a peer that is no proxy of ours, whatever it sends', async () => {
    await countedOnce('untrusted', async () => {
      const socket = raw(proxied(), '127.0.0.2');
      socket.write(v1('198.51.100.7'));
      socket.resume();
      await closedOf(socket);
    });
    await intake.logged(
      /^connection from 127\.0\.0\.2 refused: its address is not in TDC_SMTP_PROXY_TRUSTED$/,
    );
  });

  for (const [reason, name, octets] of [
    ['missing', 'no header', 'EHLO a.example\r\n'],
    ['malformed', 'an address that is none', 'PROXY TCP4 evil.example 10.0.0.1 1 25\r\n'],
    ['malformed', 'too long a line', `PROXY ${'x'.repeat(200)}`],
    ['malformed', 'too long a block', Buffer.concat([LOCAL.subarray(0, 14), Buffer.from([0xff, 0xff])])],
  ] as const) {
    it(`${name}: closed without a word, and counted as ${reason}`, async () => {
      await countedOnce(reason, async () => assert.equal(await heardOf(octets), ''));
      await intake.logged(/^connection from 127\.0\.0\.1 refused: it/);
    });
  }

  it('a client that waits for a greeting instead: closed when the time is over', async () => {
    await countedOnce('late', async () => assert.equal(await heardOf('PROXY TCP4'), ''));
    await intake.logged(/refused: no whole PROXY header came within 5 s/);
  });

  it('a client that leaves within a header', async () => {
    await countedOnce('missing', async () => {
      const socket = raw();
      socket.end('PROXY ');
      await closedOf(socket);
    });
  });

  it('a client that leaves before its header is nobody’s fault, and nothing is said of it', async () => {
    const said = await linesOf(async () => {
      await countedOnce('gone', async () => {
        const socket = raw();
        socket.end();
        await closedOf(socket);
      });
      await countedOnce('gone', async () => {
        const socket = raw();
        await once(socket, 'connect');
        socket.resetAndDestroy();
      });
    });
    assert.deepEqual(said, []);
  });

  it('a PROXY header on the other port is none', async () => {
    assert.match(await heardOf(v1('198.51.100.7'), proxied('smtp')), /^421 .*talk too soon/);
  });
});

describe('limits and the end', () => {
  it('connections behind a proxy have the same limit', async () => {
    const small = await here.ground.start({
      TDC_SMTP_PROXY_PORT: '0',
      TDC_SMTP_PROXY_TRUSTED: '127.0.0.0/8',
      TDC_SMTP_MAX_CONNECTIONS: '1',
    });
    const address = small.addresses['smtp-proxy'] ?? '';
    const first = await openSenderBehind(address, v1('203.0.113.9'));
    assert.match((await openSenderBehind(address, v1('203.0.113.9'))).banner, /^421 /);
    await first.quit();
  });

  it('a stop does not wait for a header, and blames nobody for it', async () => {
    const stopped = await here.ground.start({
      TDC_SMTP_PROXY_PORT: '0',
      TDC_SMTP_PROXY_TRUSTED: '127.0.0.0/8',
    });
    const address = stopped.addresses['smtp-proxy'] ?? '';
    const waiting = raw(address);
    await once(waiting, 'connect');
    const session = await openSenderBehind(address, v1('203.0.113.9'));
    const closed = closedOf(waiting);
    stopped.process.signal('SIGTERM');
    await closed;
    assert.match(await session.reply(), /^421 4\.3\.2 /);
    assert.deepEqual(await stopped.process.exited, { code: 0, signal: null });
    assert.ok(!stopped.lines().some((line) => line.includes('refused')));
  });
});
