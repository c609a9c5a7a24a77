import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it, mock } from 'node:test';
import {
  DestinationBench,
  type FakeConnection,
  leaseOf,
} from '../../../../test/support/destination-bench.ts';
import { PREFETCH, SURPLUS } from './destination.ts';

type Waiting = Awaited<ReturnType<DestinationBench['acquire']>>;

describe('a copy in front of its turn', () => {
  let bench: DestinationBench;
  let connection: FakeConnection;
  let first: Waiting;
  beforeEach(async () => {
    mock.timers.enable({ apis: ['setTimeout', 'Date'] });
    bench = new DestinationBench();
    bench.connections = 1;
    first = await bench.acquire();
    connection = await bench.open();
  });
  afterEach(() => mock.timers.reset());

  /** The last octets of a copy leave, and its answer is out. */
  const free = async (): Promise<void> => {
    connection.free();
    await bench.settle();
  };

  it('is the one that waits longest, and no other', async () => {
    const waiting = [await bench.acquire(), await bench.acquire()];
    await free();
    assert.equal(leaseOf(waiting[0]?.now()).connection, connection);
    await free();
    assert.equal(waiting[1]?.now(), undefined);
  });

  it('is none when nothing waits, and then the next copy finds the connection busy', async () => {
    await free();
    const next = await bench.acquire();
    assert.equal(next.now(), undefined);
    leaseOf(first.now()).release(0.1);
    await bench.settle();
    assert.equal(leaseOf(next.now()).connection, connection);
  });

  it('goes over a connection at rest where there is one', async () => {
    bench.connections = 2;
    const second = await bench.acquire();
    const other = await bench.open();
    leaseOf(second.now()).release(0.1);
    const next = await bench.acquire();
    assert.equal(leaseOf(next.now()).connection, other);
  });

  it('makes the connection free for another when both are over, in whatever order', async () => {
    for (const order of [
      [0, 1],
      [1, 0],
    ]) {
      const ahead = await bench.acquire();
      await free();
      const pair = [leaseOf(first.now()), leaseOf(ahead.now())];
      const next = await bench.acquire();
      pair[order[0] ?? 0]?.release(0.1);
      await bench.settle();
      assert.equal(next.now(), undefined, 'one is on its way');
      mock.timers.tick(5000);
      assert.equal(connection.quits, 0);
      pair[order[1] ?? 0]?.release(0.1);
      await bench.settle();
      assert.equal(leaseOf(next.now()).connection, connection);
      first = next;
    }
  });

  it('is followed by another as soon as its own last octets leave', async () => {
    await bench.acquire();
    await free();
    const next = await bench.acquire();
    leaseOf(first.now()).release(0.1);
    assert.equal(next.now(), undefined);
    await free();
    assert.equal(leaseOf(next.now()).connection, connection);
  });

  const USELESS: readonly (readonly [why: string, change: () => unknown, closedFor: string])[] = [
    ['has carried its share', () => Object.assign(bench, { messagesPerConnection: 1 }), 'used-up'],
    ['was secured by other settings', () => Object.assign(bench, { ca: 'two' }), 'changed'],
    ['is of no use any more', () => Object.assign(connection, { usable: false }), 'lost'],
    ['is to be closed', () => bench.destination.close(), 'draining'],
  ];
  for (const [why, change, closedFor] of USELESS) {
    it(`is not given a connection that ${why}`, async () => {
      const next = await bench.acquire();
      change();
      await free();
      assert.notEqual(next.now()?.kind, 'lease');
      leaseOf(first.now()).release(0.1);
      await bench.settle();
      assert.deepEqual([bench.closed, connection.quits], [[closedFor], 1]);
    });
  }

  it('counts for the share of the connection', async () => {
    bench.messagesPerConnection = 2;
    const ahead = await bench.acquire();
    await free();
    leaseOf(first.now()).release(0.1);
    assert.equal(connection.quits, 0);
    leaseOf(ahead.now()).release(0.1);
    assert.deepEqual([bench.closed, connection.quits], [['used-up'], 1]);
  });

  it('is waited for when the process stops', async () => {
    const ahead = await bench.acquire();
    await free();
    bench.destination.close();
    leaseOf(first.now()).release(0.1);
    assert.equal(connection.quits, 0);
    leaseOf(ahead.now()).release(0.1);
    assert.equal(connection.quits, 1);
  });

  it('is lost with the connection, and both are given back', async () => {
    const ahead = await bench.acquire();
    await free();
    connection.close();
    leaseOf(first.now()).release(0.1);
    leaseOf(ahead.now()).release(0.1);
    await bench.settle();
    assert.deepEqual([bench.closed, bench.destination.isIdle], [['lost'], true]);
  });

  it('makes room for one more copy, where the peer takes copies so', async () => {
    assert.equal(bench.destination.capacity, 1 + 2 + PREFETCH, 'three at least, whatever may be opened');
    await free();
    assert.equal(bench.destination.capacity, 1 + 3 + PREFETCH);
  });

  it('takes the time of its own that it takes, not that of the one before it', async () => {
    const ahead = await bench.acquire();
    await free();
    mock.timers.tick(3000);
    leaseOf(first.now()).release(3);
    mock.timers.tick(3000);
    leaseOf(ahead.now()).release(6);
    const copies = await Promise.all(
      Array.from({ length: 4 + PREFETCH + SURPLUS + 3 }, () => bench.acquire()),
    );
    const waits = copies.flatMap((copy) => {
      const answer = copy.now();
      return answer?.kind === 'unavailable' ? [answer.retryInMs] : [];
    });
    assert.equal(waits[0], 3000);
  });
});
