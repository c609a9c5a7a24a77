import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { after, before, beforeEach, describe, it } from 'node:test';
import type { Script } from '@tdc/stand-in';
import type { OutboundConnection } from '../../services/delivery/src/smtp/outbound-connection.ts';
import {
  inPieces,
  nameOf,
  open,
  opened,
  outboundMessage,
  type Peer,
  send,
  startPeer,
  TEXT,
} from '../support/outbound.ts';
import { waitUntil } from '../support/wait-until.ts';

let peer: Peer;
before(async () => {
  peer = await startPeer();
});
after(() => peer.standIn.close());
beforeEach(() => {
  peer.standIn.script({});
  peer.standIn.clear();
});

/** Longer than all buffers between sender and receiver together: it cannot be under way as a whole. */
const LONG = Buffer.from(`Subject: x\r\n\r\n${`${'x'.repeat(78)}\r\n`.repeat(200_000)}`);

/** Opens a connection while the peer behaves, and then lets it play. */
async function connect(
  script: Script,
  options: Parameters<typeof open>[2] = {},
): Promise<OutboundConnection> {
  const connection = await opened(open(peer, {}, options));
  peer.standIn.script(script);
  return connection;
}

const QUICK = { replyMs: 300, finalReplyMs: 300 };

type Row = readonly [situation: string, script: Script, result: string, usable: boolean];
const ROWS: readonly Row[] = [
  ['MAIL is refused', { steps: { mail: [{ reply: '450 4.2.1 Later' }] } }, 'smtp-reply/mail/450', true],
  ['RCPT is refused', { steps: { rcpt: [{ reply: '550 5.1.1 Unknown' }] } }, 'smtp-reply/rcpt/550', true],
  ['RCPT is answered 552', { steps: { rcpt: [{ reply: '552 5.2.2 Full' }] } }, 'smtp-reply/rcpt/552', true],
  ['DATA is refused', { steps: { data: [{ reply: '503 5.5.1 No' }] } }, 'smtp-reply/data/503', true],
  [
    'the message is refused',
    { steps: { 'final-dot': [{ reply: '554 5.7.1 No' }] } },
    'smtp-reply/final-dot/554',
    true,
  ],
  [
    'the message is answered in the class of intermediate replies',
    { steps: { 'final-dot': [{ reply: '354 Go on' }] } },
    'uncertain',
    false,
  ],
  [
    'MAIL is answered 421',
    { steps: { mail: [{ replyAndClose: '421 4.7.0 Bye' }] } },
    'smtp-reply/mail/421',
    false,
  ],
  [
    'RCPT is answered 421',
    { steps: { rcpt: [{ replyAndClose: '421 4.7.0 Bye' }] } },
    'smtp-reply/rcpt/421',
    false,
  ],
  [
    'DATA is answered 421',
    { steps: { data: [{ replyAndClose: '421 4.7.0 Bye' }] } },
    'smtp-reply/data/421',
    false,
  ],
  [
    'the message is answered 421',
    { steps: { 'final-dot': [{ replyAndClose: '421 4.7.0 Bye' }] } },
    'smtp-reply/final-dot/421',
    false,
  ],
  ['MAIL is not answered', { steps: { mail: [{ end: 'stall' }] } }, 'network/timeout', false],
  [
    'the answer to MAIL is dripped without end',
    { steps: { mail: [{ drip: '2' }] } },
    'network/timeout',
    false,
  ],
  ['MAIL is answered by no reply', { steps: { mail: [{ reply: 'what' }] } }, 'network/closed', false],
  [
    'RCPT is answered in no known class',
    { steps: { rcpt: [{ reply: '600 What' }] } },
    'network/closed',
    false,
  ],
  ['RCPT ends the connection', { steps: { rcpt: [{ end: 'close' }] } }, 'network/closed', false],
  ['DATA resets the connection', { steps: { data: [{ end: 'reset' }] } }, 'network/reset', false],
  [
    'the message is taken and the connection closes',
    { steps: { 'final-dot': [{ takeAnd: 'close' }] } },
    'uncertain',
    false,
  ],
  [
    'the message is taken and the connection is reset',
    { steps: { 'final-dot': [{ takeAnd: 'reset' }] } },
    'uncertain',
    false,
  ],
  [
    'the message is taken and never answered',
    { steps: { 'final-dot': [{ takeAnd: 'stall' }] } },
    'uncertain',
    false,
  ],
];

describe('a copy of which', () => {
  for (const offers of ['with PIPELINING', 'without PIPELINING'] as const) {
    for (const [situation, script, result, usable] of ROWS) {
      it(`${situation}, ${offers}, is ${result}`, async () => {
        const without = offers === 'with PIPELINING' ? {} : { without: ['PIPELINING'] };
        const connection = await opened(open(peer, without, QUICK));
        peer.standIn.script({ ...without, ...script });
        assert.equal(nameOf(await send(connection)), result);
        assert.equal(connection.isUsable(), usable);
        if (usable) {
          assert.equal(nameOf(await send(connection)), 'delivered', 'the next copy');
          connection.quit();
        }
        await waitUntil(() => peer.standIn.open === 0);
      });
    }
  }

  it('the end is lost in the midst of the message, is network and not uncertain', async () => {
    for (const end of ['close', 'reset'] as const) {
      const connection = await connect({ atByte: { byte: 1000, end } });
      assert.match(nameOf(await send(connection, LONG)), /^network\/(closed|reset)$/);
      assert.equal(connection.isUsable(), false);
    }
  });

  it('the peer stops reading half-way, is network and not uncertain', async () => {
    const connection = await connect({}, QUICK);
    peer.standIn.pauseReading();
    assert.equal(nameOf(await send(connection, LONG)), 'network/timeout');
    peer.standIn.dropConnections();
  });

  for (const [reply, result] of [
    ['552 5.3.4 Too much', 'smtp-reply/data/552'],
    ['250 2.0.0 Ok', 'network/closed'],
  ] as const) {
    it(`is answered ${reply.slice(0, 3)} before its end, is ${result}, and no other follows it`, async () => {
      const connection = await connect({ atByte: { byte: 1000, reply } });
      assert.equal(nameOf(await send(connection, LONG)), result);
      assert.equal(connection.isUsable(), false);
      await waitUntil(() => peer.standIn.open === 0);
    });
  }

  it('is longer than what may be under way, is not read ahead of the peer', async () => {
    const connection = await connect({}, QUICK);
    let read = 0;
    async function* content(): AsyncGenerator<Uint8Array> {
      peer.standIn.pauseReading();
      for await (const piece of inPieces(LONG)) {
        read += piece.length;
        yield piece;
      }
    }
    assert.equal(nameOf(await send(connection, LONG, { content: content() })), 'network/timeout');
    assert.ok(read < LONG.length);
    peer.standIn.dropConnections();
  });

  it('the answer is dripped without end, is uncertain', async () => {
    const connection = await connect({ steps: { 'final-dot': [{ drip: '2' }] } }, QUICK);
    assert.equal(nameOf(await send(connection)), 'uncertain');
  });
});

describe('a connection in use', () => {
  it('carries copy after copy, and says RSET only behind a refusal', async () => {
    const connection = await connect({ steps: { rcpt: [{ delayMs: 0 }, { reply: '550 5.1.1 No' }] } });
    const results = [];
    for (let n = 0; n < 4; n += 1) results.push(nameOf(await send(connection)));
    assert.deepEqual(results, ['delivered', 'smtp-reply/rcpt/550', 'delivered', 'delivered']);
    assert.equal(peer.standIn.messages.length, 3);
    assert.deepEqual(
      peer.standIn.connections[0]?.verbs.filter((verb) => ['MAIL', 'RSET'].includes(verb)),
      ['MAIL', 'MAIL', 'RSET', 'MAIL', 'MAIL'],
    );
    connection.quit();
  });

  const GONE: readonly (readonly [situation: string, script: Script, result: string])[] = [
    ['is answered 421', { steps: { mail: [{ replyAndClose: '421 4.7.0 Enough' }] } }, 'stale'],
    ['finds the connection closed', { steps: { mail: [{ end: 'close' }] } }, 'stale'],
    ['finds the connection reset', { steps: { mail: [{ end: 'reset' }] } }, 'stale'],
    ['is never answered', { steps: { mail: [{ end: 'stall' }] } }, 'network/timeout'],
    [
      'is answered 421 behind its MAIL',
      { steps: { rcpt: [{ replyAndClose: '421 4.7.0 Enough' }] } },
      'smtp-reply/rcpt/421',
    ],
    ['loses the connection behind its MAIL', { steps: { rcpt: [{ end: 'close' }] } }, 'network/closed'],
  ];
  for (const [situation, script, result] of GONE) {
    it(`whose next copy ${situation}: that copy is ${result}`, async () => {
      const connection = await connect({}, QUICK);
      assert.equal(nameOf(await send(connection)), 'delivered');
      peer.standIn.script(script);
      assert.equal(nameOf(await send(connection)), result);
      assert.equal(connection.isUsable(), false);
    });
  }

  it('whose RSET is refused carries no other copy', async () => {
    const connection = await connect({
      steps: { rcpt: [{ reply: '550 No' }] },
      always: { rset: { reply: '500 What' } },
    });
    assert.equal(nameOf(await send(connection)), 'smtp-reply/rcpt/550');
    assert.equal(nameOf(await send(connection)), 'stale');
    assert.equal(connection.isUsable(), false);
    await waitUntil(() => peer.standIn.open === 0);
  });

  for (const [how, act] of [
    ['closes it', () => peer.standIn.dropConnections()],
    ['says 421', () => peer.standIn.dropConnections('421 4.4.2 Idle too long')],
  ] as const) {
    it(`that the peer ends at rest (${how}) is not usable, and tells so once`, async () => {
      const connection = await connect({});
      await send(connection);
      let closed = 0;
      connection.onClosed(() => {
        closed += 1;
      });
      act();
      await waitUntil(() => closed > 0);
      assert.equal(connection.isUsable(), false);
      connection.quit();
      assert.equal(nameOf(await send(connection)), 'stale');
      assert.equal(closed, 1);
    });
  }

  it('outlives a rest longer than any reply may take, behind a refusal, too', async () => {
    const connection = await connect(
      { steps: { rcpt: [{ delayMs: 0 }, { reply: '550 No' }] } },
      { replyMs: 50, finalReplyMs: 2_000 },
    );
    for (const result of ['delivered', 'smtp-reply/rcpt/550', 'delivered']) {
      assert.equal(nameOf(await send(connection)), result);
      const restedUntil = Date.now() + 150;
      await waitUntil(() => Date.now() > restedUntil);
    }
    connection.quit();
  });

  it('says QUIT when it is not needed, and closes even if that is not answered', async () => {
    for (const script of [{}, { always: { quit: { end: 'stall' } } }] as const) {
      peer.standIn.clear();
      const connection = await connect(script);
      connection.quit();
      assert.equal(connection.isUsable(), false);
      await waitUntil(() => peer.standIn.open === 0);
      assert.equal(peer.standIn.connections[0]?.verbs.at(-1), 'QUIT');
    }
  });

  it('keeps no listener of the copies that it has carried', async () => {
    const connection = await connect({});
    const abort = new AbortController();
    for (let n = 0; n < 20; n += 1) await connection.send(outboundMessage(TEXT), abort.signal);
    assert.deepEqual(getEventListeners(abort.signal, 'abort'), []);
    connection.quit();
  });
});

describe('a copy that is cut off by its signal', () => {
  it('ends at once when its final dot is not out, and the connection with it', async () => {
    for (const verb of ['mail', 'rcpt', 'data'] as const) {
      const connection = await connect({ steps: { [verb]: [{ end: 'stall' }] } });
      const over = new AbortController();
      const sent = connection.send(outboundMessage(TEXT), over.signal);
      await waitUntil(() => peer.standIn.connections.at(-1)?.verbs.includes(verb.toUpperCase()));
      over.abort();
      assert.equal(nameOf(await sent), 'cut');
      assert.equal(connection.isUsable(), false);
      await waitUntil(() => peer.standIn.open === 0);
    }
    assert.equal(peer.standIn.messages.length, 0);
  });

  it('may finish when its final dot is out', async () => {
    const connection = await connect({ steps: { 'final-dot': [{ delayMs: 100 }] } });
    const over = new AbortController();
    const onFinalDot = (): void => over.abort();
    const result = await connection.send(outboundMessage(TEXT, { onFinalDot }), over.signal);
    assert.equal(nameOf(result), 'delivered');
    assert.equal(connection.isUsable(), true);
    connection.quit();
  });

  it('before it began leaves the connection as it was', async () => {
    const connection = await connect({});
    assert.equal(nameOf(await connection.send(outboundMessage(TEXT), AbortSignal.abort())), 'cut');
    assert.equal(nameOf(await send(connection)), 'delivered');
    connection.quit();
  });
});
