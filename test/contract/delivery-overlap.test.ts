import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { after, before, describe, it } from 'node:test';
import { InvariantError } from '@tdc/core';
import type {
  OpenOptions,
  OutboundConnection,
  SendResult,
} from '../../services/delivery/src/smtp/outbound-connection.ts';
import { type HandPeer, type HandSession, startHandPeer } from '../support/hand-peer.ts';
import {
  inPieces,
  NEVER,
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

const ENVELOPE = 'MAIL FROM:<>\r\nRCPT TO:<journal@setd.example>\r\nDATA\r\n';
const MESSAGE = `${TEXT.toString()}.\r\n`;
const GRANTED = ['250 Ok', '250 Ok', '354 Go on'] as const;
const OTHER = Buffer.from('Subject: other\r\n\r\n.\r\n');
const QUICK = { replyMs: 300, finalReplyMs: 300 };

let peer: HandPeer;
before(async () => {
  peer = await startHandPeer();
});
after(() => peer.close());

/** Sends the copies one after the other, each as soon as the connection is free for it, after some microtasks. */
function sendAhead(
  connection: OutboundConnection,
  ...others: (() => Promise<SendResult>)[]
): Promise<SendResult>[] {
  const results: PromiseWithResolvers<SendResult>[] = others.map(() => Promise.withResolvers());
  let next = 0;
  const sendNext = async (): Promise<void> => {
    const at = next;
    next += 1;
    for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
    const result = await others[at]?.();
    if (result !== undefined) results[at]?.resolve(result);
  };
  connection.onFree(() => void sendNext());
  void sendNext();
  return results.map(({ promise }) => promise);
}

interface Two {
  readonly connection: OutboundConnection;
  readonly session: HandSession;
  /** Of the copy whose final dot is out, and of the one whose envelope was said with it. */
  readonly first: Promise<SendResult>;
  readonly second: Promise<SendResult>;
}

/** A connection with one copy whose answer is out, and another in front of its turn. */
async function two(changes: Partial<OpenOptions> = {}, signal: AbortSignal = NEVER): Promise<Two> {
  const { connection, session } = await peer.open({}, changes);
  const [first = assert.fail(), second = assert.fail()] = sendAhead(
    connection,
    () => send(connection),
    () => connection.send(outboundMessage(OTHER), signal),
  );
  await session.hear(ENVELOPE);
  session.say(...GRANTED);
  assert.deepEqual(await session.hear('DATA\r\n'), [MESSAGE + ENVELOPE]);
  return { connection, session, first, second };
}

const names = async ({ first, second }: Two): Promise<string[]> => [
  nameOf(await first),
  nameOf(await second),
];

describe('the envelope of the next copy', () => {
  it('leaves in one record with the end of the copy before it, copy after copy', async () => {
    const { connection, session } = await peer.open();
    const one = () => send(connection);
    const results = sendAhead(connection, one, one, one, one);
    assert.deepEqual(await session.hear('DATA\r\n'), [ENVELOPE]);
    session.say(...GRANTED);
    for (let n = 0; n < 3; n += 1) {
      assert.deepEqual(await session.hear('DATA\r\n'), [MESSAGE + ENVELOPE]);
      session.say('250 Ok', ...GRANTED);
    }
    assert.deepEqual(await session.hear('\r\n.\r\n'), [MESSAGE]);
    session.say('250 Ok');
    for (const result of results) assert.equal(nameOf(await result), 'delivered');
    connection.quit();
  });

  it('that comes later leaves by itself, holds up nothing, and waits for no answer', async () => {
    const { connection, session } = await peer.open();
    const first = send(connection);
    await session.hear('DATA\r\n');
    session.say(...GRANTED);
    assert.deepEqual(await session.hear('\r\n.\r\n'), [MESSAGE]);
    const second = send(connection);
    assert.deepEqual(await session.hear('DATA\r\n'), [ENVELOPE]);
    session.say('250 Ok', ...GRANTED);
    assert.equal(nameOf(await first), 'delivered');
    await session.hear('\r\n.\r\n');
    session.say('250 Ok');
    assert.equal(nameOf(await second), 'delivered');
    connection.quit();
  });

  it('is not asked for where the peer does not offer PIPELINING', async () => {
    const { connection, session } = await peer.open({ extensions: [] });
    let free = 0;
    connection.onFree(() => {
      free += 1;
    });
    const sent = send(connection);
    for (const reply of GRANTED) {
      await session.hear('\r\n');
      session.say(reply);
    }
    await session.hear('\r\n.\r\n');
    await assert.rejects(send(connection), InvariantError);
    session.say('250 Ok');
    assert.equal(nameOf(await sent), 'delivered');
    assert.equal(free, 0);
    connection.quit();
  });

  it('is the only one in front of its turn', async () => {
    const { connection, session, first, second } = await two();
    await assert.rejects(send(connection), InvariantError);
    session.say('250 Ok', ...GRANTED);
    await session.hear('\r\n.\r\n');
    session.say('250 Ok');
    assert.deepEqual([nameOf(await first), nameOf(await second)], ['delivered', 'delivered']);
    connection.quit();
  });
});

describe('a copy and the one in front of its turn behind it', () => {
  it('have each their own answers, in order', async () => {
    const both = await two();
    both.session.say('250 2.0.0 one', ...GRANTED);
    await both.session.hear('\r\n.\r\n');
    both.session.say('250 2.0.0 two');
    const replies = [await both.first, await both.second].map((result) =>
      result.kind === 'delivered' ? result.reply.text : result.kind,
    );
    assert.deepEqual(replies, ['one', 'two']);
    both.connection.quit();
  });

  it('leave each other alone: the first is refused, the second and the third go on without RSET', async () => {
    const both = await two();
    const third = new Promise<SendResult>((resolve) => {
      both.connection.onFree(() => resolve(send(both.connection)));
    });
    both.session.say('554 5.7.1 No', ...GRANTED);
    assert.deepEqual(await both.session.hear('DATA\r\n'), [`Subject: other\r\n\r\n..\r\n.\r\n${ENVELOPE}`]);
    both.session.say('250 Ok');
    assert.deepEqual(await names(both), ['smtp-reply/final-dot/554', 'delivered']);
    both.connection.quit();
    assert.equal(nameOf(await third), 'stale');
  });

  it('leave each other alone: the second is refused, and RSET comes before the third', async () => {
    const both = await two();
    both.session.say('250 Ok', '250 Ok', '550 No', '503 No');
    assert.deepEqual(await names(both), ['delivered', 'smtp-reply/rcpt/550']);
    const third = send(both.connection);
    assert.deepEqual(await both.session.hear('DATA\r\n'), [`RSET\r\n${ENVELOPE}`]);
    both.connection.quit();
    assert.equal(nameOf(await third), 'stale');
  });

  const ENDS: readonly (readonly [
    situation: string,
    act: (session: HandSession) => void,
    first: string,
    second: string,
  ])[] = [
    ['the connection closes before any answer', (session) => session.close(), 'uncertain', 'stale'],
    ['the connection is reset before any answer', (session) => session.reset(), 'uncertain', 'stale'],
    ['no answer comes', () => undefined, 'uncertain', 'stale'],
    ['the first is answered 421', (session) => session.say('421 Bye'), 'smtp-reply/final-dot/421', 'stale'],
    ['the first is answered in no known class', (session) => session.say('354 Go on'), 'uncertain', 'stale'],
    [
      'the second is answered 421',
      (session) => session.say('250 Ok', '421 Enough for one connection'),
      'delivered',
      'stale',
    ],
    [
      'the connection closes behind the answer to the first',
      (session) => {
        session.say('250 Ok');
        session.close();
      },
      'delivered',
      'stale',
    ],
    ['the second is not answered', (session) => session.say('250 Ok'), 'delivered', 'network/timeout'],
    [
      'the connection closes when MAIL of the second was answered',
      (session) => {
        session.say('250 Ok', '250 Ok');
        session.close();
      },
      'delivered',
      'network/closed',
    ],
  ];
  for (const [situation, act, first, second] of ENDS) {
    it(`are ${first} and ${second} when ${situation}`, async () => {
      const both = await two(QUICK);
      act(both.session);
      assert.deepEqual(await names(both), [first, second]);
      assert.equal(both.connection.isUsable(), false);
      await waitUntil(() => both.session.isClosed());
    });
  }

  it('are waited for one after the other: the second only when the first is answered', async () => {
    const both = await two({ replyMs: 100 });
    const saidAt = Date.now() + 300;
    await waitUntil(() => Date.now() > saidAt);
    both.session.say('250 Ok', ...GRANTED);
    await both.session.hear('\r\n.\r\n');
    both.session.say('250 Ok');
    assert.deepEqual(await names(both), ['delivered', 'delivered']);
    both.connection.quit();
  });

  it('are both over at once when the connection is given up', async () => {
    const both = await two();
    both.connection.quit();
    assert.deepEqual(await names(both), ['uncertain', 'stale']);
    await waitUntil(() => both.session.isClosed());
    assert.deepEqual(both.session.heard, []);
  });
});

describe('a copy in front of its turn that is cut off by its signal', () => {
  for (const [situation, act, result] of [
    ['is answered', (session: HandSession) => session.say('250 Ok', ...GRANTED), 'delivered'],
    ['is never answered', () => undefined, 'uncertain'],
  ] as const) {
    it(`ends at once; the one before it ${situation}, and only then the connection ends`, async () => {
      const over = new AbortController();
      const both = await two({ finalReplyMs: 300 }, over.signal);
      over.abort();
      assert.equal(nameOf(await both.second), 'cut');
      assert.deepEqual([both.connection.isUsable(), both.session.isClosed()], [false, false]);
      assert.equal(nameOf(await send(both.connection)), 'stale', 'nothing more is carried');
      act(both.session);
      assert.equal(nameOf(await both.first), result);
      await waitUntil(() => both.session.isClosed());
      assert.deepEqual(both.session.heard, []);
    });
  }

  it('ends with the connection when the one before it was answered', async () => {
    const over = new AbortController();
    const both = await two({}, over.signal);
    both.session.say('250 Ok');
    assert.equal(nameOf(await both.first), 'delivered');
    over.abort();
    assert.equal(nameOf(await both.second), 'cut');
    await waitUntil(() => both.session.isClosed());
  });
});

describe('copies that follow each other without a pause', () => {
  let standIn: Peer;
  before(async () => {
    standIn = await startPeer();
  });
  after(() => standIn.standIn.close());

  it('arrive octet for octet, short and long, and leave no listener behind', async () => {
    const connection = await opened(open(standIn));
    const over = new AbortController();
    const copies = Array.from({ length: 40 }, (_, n) =>
      Buffer.from(`Subject: ${n}\r\n\r\n${`.${'x'.repeat(n)}\r\n`.repeat(n % 8 === 0 ? 20_000 : n)}`),
    );
    const results = sendAhead(
      connection,
      ...copies.map((octets, n) => () => {
        const content = inPieces(octets, n % 3 === 0 ? 70_000 : 1_000);
        return connection.send(outboundMessage(octets, { content }), over.signal);
      }),
    );
    for (const result of results) assert.equal(nameOf(await result), 'delivered');
    for (const [n, octets] of copies.entries())
      assert.equal(standIn.standIn.octets(n + 1)?.compare(octets), 0);
    assert.deepEqual(getEventListeners(over.signal, 'abort'), []);
    connection.quit();
  });
});
