import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type HandPeer, type HandSession, startHandPeer } from '../support/hand-peer.ts';
import { NEVER, nameOf, outboundMessage, send, TEXT } from '../support/outbound.ts';
import { waitUntil } from '../support/wait-until.ts';

let peer: HandPeer;
before(async () => {
  peer = await startHandPeer();
});
after(() => peer.close());

const ENVELOPE = 'MAIL FROM:<>\r\nRCPT TO:<journal@setd.example>\r\nDATA\r\n';
const MESSAGE = `${TEXT.toString()}.\r\n`;

describe('what is said to a peer', () => {
  const pieces = [TEXT.subarray(0, 5), TEXT.subarray(5, 15), TEXT.subarray(15)];
  const oneByOne = async function* (): AsyncGenerator<Uint8Array> {
    yield* pieces;
  };
  for (const [how, content] of [
    ['at hand', () => TEXT],
    ['that comes in pieces', oneByOne],
  ] as const) {
    it(`that offers PIPELINING is the envelope in one record, and a short message ${how} in another`, async () => {
      const { connection, session } = await peer.open();
      const sent = send(connection, TEXT, { content: content() });
      assert.deepEqual(await session.hear('DATA\r\n'), [ENVELOPE]);
      session.say('250 Ok', '250 Ok', '354 Go on');
      assert.deepEqual(await session.hear('\r\n.\r\n'), [MESSAGE]);
      session.say('250 Ok');
      assert.equal(nameOf(await sent), 'delivered');
      connection.quit();
    });

    it(`that answers a message ${how} in one breath with DATA is nothing more: it has not seen it`, async () => {
      const { connection, session } = await peer.open();
      const sent = send(connection, TEXT, { content: content() });
      await session.hear('DATA\r\n');
      session.say('250 Ok', '250 Ok', '354 Go on', '250 Ok');
      assert.equal(nameOf(await sent), 'network/closed');
      await waitUntil(() => session.isClosed());
      assert.deepEqual(session.heard, []);
    });
  }

  it('that does not offer it is one command at a time', async () => {
    const { connection, session } = await peer.open({ extensions: ['8BITMIME'] });
    const sent = send(connection);
    const commands = ENVELOPE.split(/(?<=\n)/);
    for (const command of commands) {
      assert.deepEqual(await session.hear('\r\n'), [command]);
      session.say(command.startsWith('DATA') ? '354 Go on' : '250 Ok');
    }
    assert.deepEqual(await session.hear('\r\n.\r\n'), [MESSAGE]);
    session.say('250 Ok');
    assert.equal(nameOf(await sent), 'delivered');
    connection.quit();
  });

  it('behind a refusal begins with RSET, in the record of the envelope', async () => {
    const { connection, session } = await peer.open();
    const refused = send(connection);
    await session.hear('DATA\r\n');
    session.say('250 Ok', '550 No', '503 No');
    assert.equal(nameOf(await refused), 'smtp-reply/rcpt/550');
    const sent = send(connection);
    assert.deepEqual(await session.hear('DATA\r\n'), [`RSET\r\n${ENVELOPE}`]);
    session.say('250 Ok', '250 Ok', '250 Ok', '354 Go on');
    await session.hear('\r\n.\r\n');
    session.say('250 Ok');
    assert.equal(nameOf(await sent), 'delivered');
    connection.quit();
  });
});

describe('a peer that takes DATA', () => {
  for (const [answer, usable] of [
    ['554 No recipients', true],
    ['250 Ok', true],
    ['421 Bye', false],
    ['what', false],
  ] as const) {
    it(`though it has refused the recipient gets an empty message, and answers ${answer}`, async () => {
      const { connection, session } = await peer.open();
      const sent = send(connection);
      await session.hear('DATA\r\n');
      session.say('250 Ok', '550 No', '354 Go on');
      assert.deepEqual(await session.hear('.\r\n'), ['.\r\n']);
      session.say(answer);
      assert.equal(nameOf(await sent), 'smtp-reply/rcpt/550');
      assert.equal(connection.isUsable(), usable);
      connection.quit();
      session.close();
    });
  }

  it('though it has refused the recipient, and goes then, has refused the recipient', async () => {
    const { connection, session } = await peer.open();
    const sent = send(connection);
    await session.hear('DATA\r\n');
    session.say('250 Ok', '550 No', '354 Go on');
    await session.hear('.\r\n');
    session.close();
    assert.equal(nameOf(await sent), 'smtp-reply/rcpt/550');
    assert.equal(connection.isUsable(), false);
  });

  it('though it has refused the sender is left', async () => {
    const { connection, session } = await peer.open();
    const sent = send(connection);
    await session.hear('DATA\r\n');
    session.say('550 No', '503 No', '354 Go on');
    assert.equal(nameOf(await sent), 'smtp-reply/mail/550');
    await waitUntil(() => session.isClosed());
    assert.deepEqual(session.heard, []);
  });
});

describe('a connection', () => {
  for (const [how, act] of [
    ['and closes', (session: HandSession) => session.close()],
    ['and stays', () => undefined],
  ] as const) {
    it(`whose peer does not answer RSET ${how} carries nothing more, and the copy is stale`, async () => {
      const { connection, session } = await peer.open({}, { replyMs: 300 });
      const refused = send(connection);
      await session.hear('DATA\r\n');
      session.say('450 Later', '503 No', '503 No');
      assert.equal(nameOf(await refused), 'smtp-reply/mail/450');
      const sent = send(connection);
      await session.hear('DATA\r\n');
      act(session);
      assert.equal(nameOf(await sent), 'stale');
      assert.equal(connection.isUsable(), false);
    });
  }

  it('whose peer says more than it was asked is of no use', async () => {
    const { connection, session } = await peer.open({ behind: '421 4.3.2 Going down\r\n' });
    await waitUntil(() => !connection.isUsable());
    await waitUntil(() => session.isClosed());
  });

  it('that breaks below TLS is network in the midst of a copy, and uncertain behind it', async () => {
    for (const [replies, end, result] of [
      [[], 'DATA\r\n', 'network/closed'],
      [['250 Ok', '250 Ok', '354 Go on'], '\r\n.\r\n', 'uncertain'],
    ] as const) {
      const { connection, session } = await peer.open();
      const sent = send(connection);
      await session.hear('DATA\r\n');
      if (replies.length > 0) {
        session.say(...replies);
        await session.hear(end);
      }
      session.sayRaw('this is no record at all\r\n');
      assert.equal(nameOf(await sent), result);
      assert.equal(connection.isUsable(), false);
    }
  });

  it('that is given up in the midst of a copy tells the peer nothing that it would take for text', async () => {
    const { connection, session } = await peer.open();
    const never = async function* (): AsyncGenerator<Uint8Array> {
      yield TEXT;
      await new Promise(() => undefined);
    };
    const sent = connection.send(outboundMessage(TEXT, { content: never() }), NEVER);
    await session.hear('DATA\r\n');
    session.say('250 Ok', '250 Ok', '354 Go on');
    connection.quit();
    assert.equal(nameOf(await sent), 'network/closed');
    await waitUntil(() => session.isClosed());
    assert.ok(!session.heard.join('').includes('QUIT'));
  });
});
