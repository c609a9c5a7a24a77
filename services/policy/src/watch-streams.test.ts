import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Writable } from 'node:stream';
import { describe, it, type TestContext } from 'node:test';
import type { policyV1 } from '@tdc/proto';
import type { Revision } from './ports.ts';
import { createWatchStreams, type WatchStreams } from './watch-streams.ts';

const revision = (number: number, sha256 = `hash of ${number}`): Revision => ({
  revision: number,
  sha256,
  documentJson: '{}',
  document: undefined as unknown as Revision['document'],
  loadedAt: 5000,
});

/** A watcher: reads all that it is sent, or nothing. */
function watcher(known: Partial<policyV1.WatchRequest> = {}, reads = true) {
  const received: string[] = [];
  const stream = new Writable({
    objectMode: true,
    highWaterMark: 2,
    write({ event }: policyV1.WatchResponse, _, done) {
      received.push(event === undefined ? '' : `${event.$case} ${event.value.revision}`);
      if (reads) done();
    },
  });
  const call = Object.assign(stream, { request: { knownRevision: 0, knownSha256: '', ...known } });
  return { call: call as unknown as Parameters<WatchStreams['open']>[0], received };
}

function setUp(context: TestContext) {
  context.mock.timers.enable({ apis: ['setInterval'] });
  const counts: number[] = [];
  return {
    counts,
    streams: createWatchStreams((open) => counts.push(open)),
    beat: () => context.mock.timers.tick(5000),
  };
}

describe('a watcher', () => {
  it('gets the revision in force first, a heartbeat every 5 s, and each new revision', (context) => {
    const { streams, beat } = setUp(context);
    const { call, received } = watcher();
    streams.open(call, revision(1));
    beat();
    streams.push(revision(2));
    beat();
    assert.deepEqual(received, ['snapshot 1', 'heartbeat 1', 'snapshot 2', 'heartbeat 2']);
  });

  const firsts: readonly [string, Partial<policyV1.WatchRequest>, string][] = [
    ['a heartbeat when it has that revision', { knownRevision: 4, knownSha256: 'hash of 4' }, 'heartbeat 4'],
    ['the revision when it has an older one', { knownRevision: 3, knownSha256: 'hash of 3' }, 'snapshot 4'],
    ['the revision when it has a newer one', { knownRevision: 9, knownSha256: 'hash of 9' }, 'snapshot 4'],
    ['the revision when it has another of that number', { knownRevision: 4, knownSha256: 'x' }, 'snapshot 4'],
    [
      'the revision when it has another number of it',
      { knownRevision: 3, knownSha256: 'hash of 4' },
      'snapshot 4',
    ],
  ];
  for (const [name, known, first] of firsts) {
    it(`gets ${name}`, (context) => {
      const { streams } = setUp(context);
      const { call, received } = watcher(known);
      streams.open(call, revision(4));
      assert.deepEqual(received, [first]);
    });
  }

  it('gets a heartbeat while nothing is in force', (context) => {
    const { streams } = setUp(context);
    const { call, received } = watcher();
    streams.open(call, undefined);
    assert.deepEqual(received, ['heartbeat 0']);
  });

  it('that does not read is let go, and keeps nobody else waiting', async (context) => {
    const { streams, counts, beat } = setUp(context);
    const slow = watcher({}, false);
    const quick = watcher();
    streams.open(slow.call, revision(1));
    streams.open(quick.call, revision(1));
    for (let n = 2; n <= 10; n += 1) streams.push(revision(n));
    beat();
    assert.deepEqual(counts, [1, 2, 1]);
    assert.ok(slow.call.writableEnded);
    assert.ok(slow.call.writableLength <= 2, 'little is kept for it');
    assert.equal(quick.received.length, 11);
  });

  it('that leaves is forgotten', async (context) => {
    const { streams, counts } = setUp(context);
    const { call } = watcher();
    streams.open(call, revision(1));
    call.destroy();
    await once(call, 'close');
    streams.push(revision(2));
    assert.deepEqual(counts, [1, 0]);
  });

  it('is ended when the service stops, and so is one that comes late', (context) => {
    const { streams } = setUp(context);
    const early = watcher();
    const late = watcher();
    streams.open(early.call, revision(1));
    streams.endAll();
    streams.open(late.call, revision(1));
    assert.ok(early.call.writableEnded);
    assert.ok(late.call.writableEnded);
    assert.deepEqual(late.received, []);
  });
});
