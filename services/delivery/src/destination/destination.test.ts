import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it, mock } from 'node:test';
import { DestinationBench, leaseOf } from '../../../../test/support/destination-bench.ts';

describe('the connections to a destination', () => {
  let bench: DestinationBench;
  beforeEach(() => {
    mock.timers.enable({ apis: ['setTimeout', 'Date'] });
    bench = new DestinationBench();
  });
  afterEach(() => mock.timers.reset());

  it('are three as soon as one copy waits; the first that stands takes it', async () => {
    const copy = await bench.acquire();
    assert.equal(bench.opening.length, 3);
    assert.equal(copy.now(), undefined);
    const connection = await bench.open();
    assert.equal(leaseOf(copy.now()).connection, connection);
  });

  it('are used again, the last used first, and closed when idle', async () => {
    const copy = await bench.acquire();
    const [first, second] = [await bench.open(), await bench.open()];
    leaseOf(copy.now()).release(0.1);
    const next = await bench.acquire();
    assert.equal(leaseOf(next.now()).connection, second);
    mock.timers.tick(5000);
    assert.equal(first?.quits, 1);
    assert.deepEqual(bench.closed, ['idle']);
    assert.equal(second?.quits, 0);
    leaseOf(next.now()).release(0.1);
    mock.timers.tick(5000);
    assert.equal(second?.quits, 1);
  });

  it('are replaced when they have carried their share', async () => {
    bench.messagesPerConnection = 2;
    const first = await bench.acquire();
    const connection = await bench.open();
    leaseOf(first.now()).release(0.1);
    const second = await bench.acquire();
    assert.equal(leaseOf(second.now()).connection, connection);
    leaseOf(second.now()).release(0.1);
    assert.equal(connection.quits, 1);
    assert.deepEqual(bench.closed, ['used-up']);
  });

  it('are closed when the settings they were opened under have changed', async () => {
    const copy = await bench.acquire();
    const connection = await bench.open();
    bench.ca = 'two';
    leaseOf(copy.now()).release(0.1);
    assert.equal(connection.quits, 1);
    assert.deepEqual(bench.closed, ['changed']);
  });

  it('at rest carry no copy that comes when the settings have changed', async () => {
    const copy = await bench.acquire();
    const [first, second] = [await bench.open(), await bench.open()];
    leaseOf(copy.now()).release(0.1);
    bench.ca = 'two';
    const next = await bench.acquire();
    assert.deepEqual([next.now(), first?.quits, second?.quits], [undefined, 1, 1]);
    await bench.open();
    const other = await bench.open();
    assert.equal(leaseOf(next.now()).connection, other);
  });

  it('are given to copies in the order in which they came', async () => {
    const copies = [await bench.acquire(), await bench.acquire(), await bench.acquire()];
    for (const [index, copy] of copies.entries()) {
      await bench.open();
      assert.deepEqual(
        copies.map((one) => one.now() !== undefined),
        copies.map((_, n) => n <= index),
      );
      leaseOf(copy.now());
    }
  });

  it('that are lost with a copy are replaced for those that wait', async () => {
    bench.connections = 1;
    const copy = await bench.acquire();
    const connection = await bench.open();
    const next = await bench.acquire();
    connection.close();
    leaseOf(copy.now()).release(0.1);
    await bench.settle();
    assert.deepEqual(bench.closed, ['lost']);
    const other = await bench.open();
    assert.equal(leaseOf(next.now()).connection, other);
  });

  it('are not waited for by a copy whose time is over', async () => {
    const over = new AbortController();
    const copy = await bench.acquire(over.signal);
    over.abort();
    await bench.settle();
    assert.equal(copy.now()?.kind, 'unavailable');
  });

  it('when the process stops, are ended, and copies that wait are handed back', async () => {
    const held = await bench.acquire();
    const busy = await bench.open();
    const idle = await bench.open();
    const waiting = [await bench.acquire(), await bench.acquire()];
    bench.destination.close();
    await bench.settle();
    assert.equal(idle.quits, waiting[0]?.now()?.kind === 'lease' ? 0 : 1);
    assert.equal(waiting[1]?.now()?.kind, 'unavailable');
    assert.equal(busy.quits, 0);
    leaseOf(held.now()).release(0.1);
    assert.equal(busy.quits, 1);
    assert.equal((await bench.acquire()).now()?.kind, 'unavailable');
  });

  it('that stand only after the process was told to stop are ended', async () => {
    await bench.acquire();
    bench.destination.close();
    const late = await bench.open();
    assert.equal(late.quits, 1);
  });

  it('given up because the process stops tell nothing of the host', async () => {
    await bench.acquire();
    bench.destination.close();
    for (let n = 0; n < 3; n += 1) await bench.fail();
    assert.equal(bench.destination.host.isDown, false);
    assert.ok(bench.hosts.every(({ up }) => up !== false));
    assert.deepEqual(bench.failures, []);
    assert.deepEqual(bench.log, []);
    assert.equal(bench.held.size, 0);
  });

  it('are all gone when the process may end', async () => {
    let empty = false;
    const copy = await bench.acquire();
    await bench.open();
    await bench.open();
    bench.destination.close();
    void bench.destination.whenEmpty().then(() => {
      empty = true;
    });
    await bench.fail();
    assert.equal(empty, false);
    leaseOf(copy.now()).release(0.1);
    await bench.settle();
    assert.equal(empty, true);
    assert.deepEqual([bench.closed, bench.held.size], [['draining', 'draining'], 0]);
  });
});
