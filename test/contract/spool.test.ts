import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { beforeEach, describe, it } from 'node:test';
import { toMid } from '@tdc/core';
import { createRedisKeys, createSpool, type RedisClient, type Spool, SpoolError } from '@tdc/platform';
import { useRedis } from '../support/use-redis.ts';
import { waitUntil } from '../support/wait-until.ts';

const redis = useRedis();
const keys = createRedisKeys();
const CHUNK = 256 * 1024;
const MID = toMid(1);
let spool: Spool;

beforeEach(() => {
  spool = createSpool(redis.client, keys, { ttlSeconds: 180 });
});

const bodyOf = (octets: Buffer) => ({
  sizeBytes: octets.length,
  sha256: createHash('sha256').update(octets).digest('hex'),
});
/** Spools octets in the given pieces and answers what the writer says of them. */
async function store(octets: Buffer, pieceBytes: number, mid = MID) {
  const writer = spool.open(mid);
  for (let at = 0; at < octets.length; at += pieceBytes)
    await writer.write(octets.subarray(at, at + pieceBytes));
  return writer.finish();
}
async function load(mid = MID, expected = bodyOf(Buffer.alloc(0))): Promise<Buffer[]> {
  const chunks: Buffer[] = [];
  for await (const chunk of spool.read(mid, expected)) chunks.push(chunk);
  return chunks;
}
const everyOctet = Buffer.from(Array.from({ length: 256 }, (_, octet) => octet));

describe('a spooled message', () => {
  const cases: readonly [name: string, octets: Buffer, pieceBytes: number][] = [
    ['empty', Buffer.alloc(0), 1],
    ['of one octet', Buffer.from('x'), 1],
    ['with all 256 octets, one by one', everyOctet, 1],
    ['just below a chunk', randomBytes(CHUNK - 1), 64 * 1024],
    ['of exactly one chunk', randomBytes(CHUNK), 64 * 1024],
    ['of exactly two chunks', randomBytes(2 * CHUNK), 64 * 1024],
    ['just above a chunk', randomBytes(CHUNK + 1), 64 * 1024],
    ['in pieces that do not divide a chunk', randomBytes(3 * CHUNK + 77), 10_007],
    ['larger than many chunks, in one piece', randomBytes(5 * CHUNK + 1), 10 * CHUNK],
    ['of 30 MB', randomBytes(30_000_000), 64 * 1024],
  ];
  for (const [name, octets, pieceBytes] of cases) {
    it(`${name} comes back octet for octet`, async () => {
      const body = await store(octets, pieceBytes);
      assert.deepEqual(body, { ...bodyOf(octets), unstored: undefined });
      const chunks = await load(MID, body);
      assert.ok(Buffer.concat(chunks).equals(octets));
      assert.ok(chunks.every((chunk) => chunk.length <= CHUNK));
    });
  }

  it('that is short is left to its commit, octet for octet', async () => {
    const brief = createSpool(redis.client, keys, { ttlSeconds: 180, shortBytes: 256 });
    for (const octets of [
      everyOctet,
      Buffer.alloc(0),
      Buffer.concat([everyOctet, everyOctet.subarray(0, 1)]),
    ]) {
      const writer = brief.open(MID);
      for (const octet of octets) await writer.write(Buffer.of(octet));
      const short = octets.length <= 256;
      assert.deepEqual(await writer.finish(), { ...bodyOf(octets), unstored: short ? octets : undefined });
      assert.equal(await redis.client.exists(keys.spool(MID)), short ? 0 : 1);
    }
  });

  it('is written a chunk a command, so that no other command waits long behind one', async () => {
    await redis.client.config('RESETSTAT');
    await store(randomBytes(4 * CHUNK + 1), 4 * CHUNK + 1);
    const stats = await redis.client.info('commandstats');
    // One of them begins the body.
    assert.match(stats, /cmdstat_hset:calls=6,/);
    const lengths = await Promise.all(
      [0, 1, 2, 3, 4, 5].map((n) => redis.client.hstrlen(keys.spool(MID), String(n))),
    );
    assert.deepEqual(lengths, [CHUNK, CHUNK, CHUNK, CHUNK, 1, 0]);
  });

  it('is read by a command for each chunk, and one for their number that goes with the first', async () => {
    const octets = randomBytes(3 * CHUNK);
    await store(octets, CHUNK);
    await redis.client.config('RESETSTAT');
    assert.ok(Buffer.concat(await load(MID, bodyOf(octets))).equals(octets));
    const calls = (await redis.client.info('commandstats')).match(/(?<=cmdstat_)[^:]+:calls=\d+/g);
    assert.deepEqual(calls?.filter((call) => !call.startsWith('config|')).sort(), [
      'hget:calls=3',
      'hlen:calls=1',
    ]);
  });

  it('is read where it is a string, too: a short one shares a job with longer ones', async () => {
    for (const octets of [everyOctet, randomBytes(2 * CHUNK + 5)]) {
      await redis.client.set(keys.spool(MID), octets);
      assert.ok(Buffer.concat(await load(MID, bodyOf(octets))).equals(octets));
    }
  });
});

describe('the life of a spooled message', () => {
  const life = async () => redis.client.pttl(keys.spool(MID));

  it('is bounded from its first octet on, and where there is none', async () => {
    const writer = spool.open(MID);
    await writer.write(randomBytes(CHUNK));
    assert.ok((await life()) > 170_000);
    await writer.abandon();
    await store(Buffer.alloc(0), 1);
    assert.ok((await life()) > 170_000);
  });

  it('begins anew with every chunk and with the end: a slow sender loses nothing', async () => {
    const writer = spool.open(MID);
    for (let chunk = 0; chunk < 3; chunk += 1) {
      await writer.write(randomBytes(CHUNK));
      assert.ok((await life()) > 170_000);
      await redis.client.pexpire(keys.spool(MID), 5000);
    }
    await writer.finish();
    assert.ok((await life()) > 170_000);
  });

  it('that ended while the message was coming in fails the message, and no rest of it stays for ever', async () => {
    const writer = spool.open(MID);
    await writer.write(randomBytes(CHUNK));
    await redis.client.unlink(keys.spool(MID));
    await assert.rejects(writer.write(randomBytes(CHUNK)), /lost its beginning/);
    assert.ok((await life()) > 0);
    const second = spool.open(toMid(2));
    await second.write(randomBytes(CHUNK));
    await redis.client.unlink(keys.spool(toMid(2)));
    await assert.rejects(second.finish(), /lost its beginning/);
  });
});

describe('an abandoned message', () => {
  it('leaves nothing, however much of it was stored', async () => {
    for (const bytes of [0, 10, CHUNK, 2 * CHUNK + 5]) {
      const writer = spool.open(MID);
      await writer.write(randomBytes(bytes));
      await writer.abandon();
    }
    assert.deepEqual(await redis.client.keys('*'), []);
  });

  it('is abandoned without complaint when Redis is away', async () => {
    const lost = await redis.connect();
    const writer = createSpool(lost, keys, { ttlSeconds: 180 }).open(MID);
    await writer.write(randomBytes(CHUNK));
    lost.disconnect();
    await writer.abandon();
  });

  it('is no reason to remove another one that has its MID', async () => {
    const body = await store(everyOctet, 256);
    const writer = spool.open(MID);
    await assert.rejects(writer.write(randomBytes(CHUNK)), /another message/);
    await writer.abandon();
    assert.ok(Buffer.concat(await load(MID, body)).equals(everyOctet));
  });
});

describe('a writer without Redis', () => {
  const without = async (use: (client: RedisClient) => Promise<unknown>): Promise<void> => {
    const lost = await redis.connect({ commandTimeoutSeconds: 0.2 });
    lost.disconnect();
    await waitUntil(() => lost.status === 'end');
    await assert.rejects(use(lost));
  };

  it('rejects, in the first command and in a later one', async () => {
    await without((lost) => createSpool(lost, keys, { ttlSeconds: 180 }).open(MID).finish());
    const dying = await redis.connect();
    const writer = createSpool(dying, keys, { ttlSeconds: 180 }).open(MID);
    await writer.write(randomBytes(CHUNK));
    dying.disconnect();
    await assert.rejects(writer.write(randomBytes(CHUNK)));
  });

  it('rejects in time when Redis is frozen', async () => {
    const hasty = await redis.connect({ commandTimeoutSeconds: 0.2 });
    const writer = createSpool(hasty, keys, { ttlSeconds: 180 }).open(MID);
    redis.server.signal('SIGSTOP');
    try {
      await assert.rejects(writer.write(randomBytes(CHUNK)), /timed out/);
    } finally {
      redis.server.signal('SIGCONT');
    }
    await writer.abandon();
    await waitUntil(async () => (await redis.client.exists(keys.spool(MID))) === 0);
  });

  it('leaves its octets alone while they may still be on their way, whoever writes next', async () => {
    const hasty = await redis.connect({ commandTimeoutSeconds: 3 });
    let complaints = 0;
    hasty.on('close', () => {
      complaints += 1;
    });
    // What is abandoned stays to be looked at.
    await redis.client.acl('SETUSER', 'keeper', 'on', '>secret', '~*', '+@all', '-unlink');
    await hasty.auth('keeper', 'secret');
    const own = createSpool(hasty, keys, { ttlSeconds: 180 });
    // More than the system takes for a server that does not read.
    const lost = Array.from({ length: 60 }, (_, n) => own.open(toMid(n + 1)));
    const octets = randomBytes(CHUNK);
    await Promise.all(lost.map((writer) => writer.write(octets)));
    redis.server.signal('SIGSTOP');
    try {
      await Promise.all(lost.map((writer) => assert.rejects(writer.write(octets), /timed out/)));
    } finally {
      redis.server.signal('SIGCONT');
    }
    // The last ones first: theirs have not left the process.
    const abandoned = lost.toReversed().map((writer) => writer.abandon());
    const next = Array.from({ length: 16 }, (_, n) => ({ mid: toMid(1001 + n), octets: randomBytes(CHUNK) }));
    await Promise.all(next.map((one) => own.open(one.mid).write(one.octets)));
    await Promise.all(abandoned);
    for (const one of next)
      assert.ok(
        (await redis.client.hgetBuffer(keys.spool(one.mid), '0'))?.equals(one.octets),
        `MID ${one.mid}`,
      );
    for (const n of lost.keys()) {
      const key = keys.spool(toMid(n + 1));
      assert.ok((await redis.client.hgetBuffer(key, '1'))?.equals(octets), `MID ${n + 1}`);
    }
    assert.equal(complaints, 0, 'Redis has closed the connection over what it was told');
  });
});

describe('a body of its own for each splinter', () => {
  const octets = randomBytes(CHUNK + 9);

  it('has the same octets and its own bounded life', async () => {
    const body = await store(octets, 9999);
    await spool.duplicate(MID, [toMid(2), toMid(3)]);
    await spool.duplicate(MID, []);
    await spool.remove([MID]);
    await spool.remove([]);
    for (const mid of [2, 3]) {
      assert.ok(Buffer.concat(await load(toMid(mid), body)).equals(octets));
      assert.ok((await redis.client.pttl(keys.spool(toMid(mid)))) > 170_000);
    }
    await assert.rejects(load(MID, body), { reason: 'missing' });
  });

  it('may be empty', async () => {
    await store(Buffer.alloc(0), 1);
    await spool.duplicate(MID, [toMid(2)]);
    assert.deepEqual(await load(toMid(2), bodyOf(Buffer.alloc(0))), []);
  });

  it('cannot be had of a message that is gone', async () => {
    await assert.rejects(spool.duplicate(MID, [toMid(2)]), SpoolError);
  });
});

describe('reading a message that is not the one received', () => {
  const octets = randomBytes(3 * CHUNK);
  const changed = Buffer.from(octets);
  changed.writeUInt8((changed.readUInt8(5) + 1) % 256, 5);
  const inString = (stored: Buffer): Promise<unknown> => redis.client.set(keys.spool(MID), stored);
  const inChunks = (stored: Buffer): Promise<unknown> => {
    const chunks = Array.from({ length: Math.ceil(stored.length / CHUNK) }, (_, n) => [
      String(n),
      stored.subarray(n * CHUNK, (n + 1) * CHUNK),
    ]);
    return redis.client.hset(keys.spool(MID), ...chunks.flat(), 'begun', '');
  };
  const cases: readonly [name: string, stored: Buffer | undefined, reason: string, yielded: number][] = [
    ['gone', undefined, 'missing', 0],
    ['empty', Buffer.alloc(0), 'mismatch', 0],
    ['one octet shorter', octets.subarray(0, -1), 'mismatch', 1],
    ['shorter by a chunk', octets.subarray(0, -CHUNK), 'mismatch', 1],
    ['one octet longer', Buffer.concat([octets, Buffer.from('x')]), 'mismatch', 2],
    ['changed in one octet', changed, 'mismatch', 2],
  ];
  /** How many chunks came, and why no more did. */
  const readSoFar = async (): Promise<{ yielded: number; reason: string }> => {
    let yielded = 0;
    try {
      for await (const _ of spool.read(MID, bodyOf(octets))) yielded += 1;
    } catch (error) {
      assert.ok(error instanceof SpoolError, String(error));
      return { yielded, reason: error.reason };
    }
    return { yielded, reason: '' };
  };
  for (const [form, put] of [
    ['a string', inString],
    ['chunks', inChunks],
  ] as const) {
    for (const [name, stored, reason, yielded] of cases) {
      it(`fails before the last chunk when it is ${name}, in ${form}`, async () => {
        if (stored !== undefined) await put(stored);
        assert.deepEqual(await readSoFar(), { yielded, reason });
      });
    }
  }

  it('fails where a chunk has another length than its place allows, and where one is missing', async () => {
    await inChunks(octets);
    await redis.client.hset(
      keys.spool(MID),
      '2',
      Buffer.concat([octets.subarray(2 * CHUNK), Buffer.from('x')]),
    );
    assert.deepEqual(await readSoFar(), { yielded: 1, reason: 'mismatch' });
    await redis.client.hdel(keys.spool(MID), '1');
    assert.deepEqual(await readSoFar(), { yielded: 0, reason: 'mismatch' });
  });

  it('fails where it goes while it is read', async () => {
    await inChunks(octets);
    const reading = spool.read(MID, bodyOf(octets));
    await reading.next();
    await redis.client.unlink(keys.spool(MID));
    await assert.rejects(reading.next(), { name: 'SpoolError', reason: 'missing' });
  });
});
