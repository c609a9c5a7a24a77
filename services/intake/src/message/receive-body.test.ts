import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { describe, it } from 'node:test';
import { toIcid } from '@tdc/core';
import type { IncomingMessage } from '../ports.ts';
import type { Room } from './admission.ts';
import { createBodyScan } from './body-scan.ts';
import { drained, receiveBody } from './receive-body.ts';

const LARGE = Buffer.alloc(21_000, 'x\r\n');

async function* chunksOf(...chunks: readonly Uint8Array[]) {
  yield* chunks;
}

const messageOf = (
  body: AsyncIterable<Uint8Array>,
  tooLarge: () => boolean = () => false,
): IncomingMessage => ({
  icid: toIcid(1),
  peer: { address: '127.0.0.1', trusted: true, forwardedAddress: undefined, login: false },
  sender: 'a@example.org',
  recipients: ['joe@example.com'],
  smtpUtf8: false,
  declaredBytes: undefined,
  body,
  tooLarge,
  whenGone: () => undefined,
});

/** A writer in memory that fails from the given write on. */
function writerThatFailsAt(failing = Number.POSITIVE_INFINITY) {
  const written: Uint8Array[] = [];
  let writes = 0;
  return {
    written,
    writes: () => writes,
    async write(chunk: Uint8Array) {
      writes += 1;
      if (writes >= failing) throw new Error('Redis does not answer');
      written.push(chunk);
    },
  };
}

const receive = (
  message: IncomingMessage,
  writer = writerThatFailsAt(),
  bareNewlines: 'reject' | 'note' | 'wrap' = 'wrap',
  room: Pick<Room, 'need'> = { need: async () => true },
) => receiveBody(message, { scan: createBodyScan(), writer, room, bareNewlines });

describe('the octets of a message', () => {
  it('are all with the writer when it is complete', async () => {
    const writer = writerThatFailsAt();
    const received = await receive(messageOf(chunksOf(Buffer.from('a\r\n'), LARGE)), writer);
    assert.deepEqual(received, { kind: 'complete', bareNewlines: 'none' });
    assert.equal(Buffer.concat(writer.written).length, LARGE.length + 3);
  });

  it('wait for room, and are read to their end without being stored when there is none', async () => {
    const writer = writerThatFailsAt();
    const asked: number[] = [];
    const room = {
      async need(bytes: number) {
        asked.push(bytes);
        return bytes <= LARGE.length;
      },
    };
    const received = await receive(messageOf(chunksOf(LARGE, LARGE, LARGE)), writer, 'wrap', room);
    assert.deepEqual(received, { kind: 'failed', acceptance: { kind: 'unavailable', reason: 'memory' } });
    assert.deepEqual(asked, [LARGE.length, 2 * LARGE.length]);
    assert.equal(writer.writes(), 1);
  });

  it('may be none', async () => {
    assert.deepEqual(await receive(messageOf(chunksOf())), { kind: 'complete', bareNewlines: 'none' });
  });

  for (const handling of ['note', 'wrap'] as const) {
    it(`with a bare line end are taken, with ${handling}`, async () => {
      const received = await receive(messageOf(chunksOf(Buffer.from('a\nb\r\n'))), undefined, handling);
      assert.deepEqual(received, { kind: 'complete', bareNewlines: handling });
    });
  }

  it('with a bare line end are refused where they are to be', async () => {
    const received = await receive(messageOf(chunksOf(Buffer.from('a\nb\r\n'))), undefined, 'reject');
    assert.deepEqual(received, {
      kind: 'failed',
      acceptance: { kind: 'refused', reason: 'bare-newlines' },
    });
  });

  it('beyond the limit are read to the end and not kept', async () => {
    let read = 0;
    async function* endless() {
      for (; read < 50; read += 1) yield LARGE;
    }
    const writer = writerThatFailsAt();
    const received = await receive(
      messageOf(endless(), () => read >= 2),
      writer,
    );
    assert.deepEqual(received, { kind: 'failed', acceptance: { kind: 'refused', reason: 'too-large' } });
    assert.equal(read, 50);
    assert.equal(writer.written.length, 2);
  });

  it('that cannot be stored are read to the end, without another try for each', async () => {
    const writer = writerThatFailsAt(2);
    const received = await receive(messageOf(chunksOf(LARGE, LARGE, LARGE, LARGE)), writer);
    assert.deepEqual(received, {
      kind: 'failed',
      acceptance: { kind: 'unavailable', reason: 'storage', detail: 'Redis does not answer' },
    });
    assert.equal(writer.writes(), 2);
  });

  it('are not taken faster than they are stored', async () => {
    const release = Promise.withResolvers<void>();
    let read = 0;
    async function* counted() {
      for (; read < 3; read += 1) yield LARGE;
    }
    const receiving = receive(messageOf(counted()), {
      ...writerThatFailsAt(),
      write: () => release.promise,
    });
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(read, 0);
    release.resolve();
    assert.equal((await receiving).kind, 'complete');
  });

  for (const [when, destroy] of [
    ['while they are read', (stream: PassThrough) => setImmediate(() => stream.destroy(new Error('gone')))],
    ['before they are read', (stream: PassThrough) => stream.destroy()],
  ] as const) {
    it(`of a client that goes away ${when} are no message`, async () => {
      const stream = new PassThrough();
      stream.write('half a mess');
      destroy(stream);
      assert.deepEqual(await receive(messageOf(stream)), { kind: 'failed', acceptance: { kind: 'aborted' } });
    });
  }
});

describe('a message that cannot be taken', () => {
  const unavailable = { kind: 'unavailable', reason: 'policy' } as const;

  it('is read to its end before it is answered', async () => {
    let read = 0;
    async function* counted() {
      for (; read < 3; read += 1) yield LARGE;
    }
    assert.deepEqual(await drained(messageOf(counted()), unavailable), unavailable);
    assert.equal(read, 3);
  });

  it('of a client that goes away is aborted', async () => {
    const stream = new PassThrough();
    stream.destroy();
    assert.deepEqual(await drained(messageOf(stream), unavailable), { kind: 'aborted' });
  });
});
