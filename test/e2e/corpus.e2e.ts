import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { asSent, CORPUS, corpusFiles } from '../support/corpus.ts';
import { readJournal } from '../support/embedded-original.ts';
import { dataBlock, openSender, transact } from '../support/smtp-sender.ts';
import { type Stack, startStack } from '../support/stack.ts';

/** What the server sees of octets that are sent as they are: the last line is ended, nothing else is touched. */
const asItIs = (octets: Buffer): Buffer =>
  octets.length === 0 || octets.subarray(-2).equals(Buffer.from('\r\n'))
    ? octets
    : Buffer.concat([octets, Buffer.from('\r\n')]);

const hashOf = (octets: Buffer): string => createHash('sha256').update(octets).digest('hex');

describe('every message of the corpus', {
  skip: corpusFiles.length === 0 ? `there is no corpus at ${CORPUS}` : false,
}, () => {
  let stack: Stack;
  before(async () => {
    // From a peer that is not trusted the verdicts in these messages count for nothing: every one is copied.
    stack = await startStack({ intake: { TDC_TRUSTED_PEERS: '192.0.2.1' } });
  });
  after(() => stack.stop());

  const sendAll = async (messages: readonly Buffer[]): Promise<number[]> => {
    const sender = await openSender(stack.smtp);
    await sender.say('EHLO corpus.example.org');
    const mids: number[] = [];
    for (const message of messages) {
      const reply = await transact(
        sender,
        { from: 'sender@example.org', to: ['joe@example.com'], parameters: 'BODY=8BITMIME' },
        message,
      );
      assert.match(reply, /^250 \S+ Ok: queued as MID \d+$/);
      mids.push(Number(/MID (\d+)/.exec(reply)?.[1]));
    }
    await sender.quit();
    return mids;
  };

  const originals = (): string[] =>
    stack.standIn.messages
      .map(({ id }) => hashOf(readJournal(stack.standIn.octets(id) ?? Buffer.alloc(0)).original))
      .sort();

  it('arrives octet for octet, none lost and none twice', async () => {
    const messages = corpusFiles.map((file) => asSent(readFileSync(file)));
    const mids = await sendAll(messages);
    const account = await stack.settled(120);
    assert.equal(new Set(mids).size, corpusFiles.length);
    assert.equal(account.delivered, corpusFiles.length);
    assert.deepEqual(originals(), messages.map(hashOf).sort());
  });

  it('arrives octet for octet with its bare line ends, in a wrapping that can carry them', async () => {
    stack.standIn.clear();
    const messages = corpusFiles
      .map((file) => asItIs(readFileSync(file)))
      // A bare line end in front of a dot is taken for dot stuffing by the server's library.
      .filter((octets) => !/\n\./.test(octets.toString('latin1').replace(/\r\n/g, '')))
      .filter((octets) => dataBlock(octets).indexOf('\r\n.\r\n') === dataBlock(octets).length - 5);
    await sendAll(messages);
    await stack.settled(120);
    assert.deepEqual(originals(), messages.map(hashOf).sort());
  });
});
