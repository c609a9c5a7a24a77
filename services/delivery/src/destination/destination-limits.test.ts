import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it, mock } from 'node:test';
import { DestinationBench, leaseOf } from '../../../../test/support/destination-bench.ts';
import { PREFETCH, SURPLUS } from './destination.ts';

describe('connections to a destination', () => {
  let bench: DestinationBench;
  beforeEach(() => {
    mock.timers.enable({ apis: ['setTimeout', 'Date'] });
    bench = new DestinationBench();
  });
  afterEach(() => mock.timers.reset());

  it('grow with the backlog, up to the limit of the intake', async () => {
    bench.connections = 7;
    bench.destination.setLoad({ activeRecipients: 100_000, workers: 1 });
    await bench.acquire();
    assert.equal(bench.opening.length, 7);
  });

  it('give back their places under the ceiling when they end', async () => {
    const copy = await bench.acquire();
    const connection = await bench.open();
    assert.equal(bench.held.size, 3);
    leaseOf(copy.now()).release(0.1);
    connection.close();
    await bench.settle();
    assert.equal(bench.held.size, 2);
    assert.ok(bench.log.some(({ kind }) => kind === 'dcid-close'));
  });

  it('failing beside one that stands fail no copy', async () => {
    const copy = await bench.acquire();
    const second = await bench.acquire();
    await bench.open();
    await bench.fail();
    await bench.fail();
    leaseOf(copy.now()).release(0.1);
    await bench.settle();
    leaseOf(second.now());
  });

  it('failing all, fail every copy that waits, once, with the last failure', async () => {
    const copies = [await bench.acquire(), await bench.acquire(), await bench.acquire()];
    await bench.fail();
    await bench.fail();
    assert.equal(copies[0]?.now(), undefined);
    await bench.fail({ kind: 'tls', reason: 'certificate', detail: 'expired' });
    for (const copy of copies) {
      const acquisition = copy.now();
      assert.equal(acquisition?.kind, 'failed');
      if (acquisition?.kind === 'failed') assert.equal(acquisition.failure.kind, 'tls');
    }
    assert.equal(bench.hosts.at(-1)?.up, false);
  });

  it('to a host that is down are one at a time, and not at once', async () => {
    await bench.acquire();
    for (let n = 0; n < 3; n += 1) await bench.fail();
    const copy = await bench.acquire();
    assert.equal(bench.opening.length, 0);
    mock.timers.tick(1000);
    await bench.settle();
    assert.equal(bench.opening.length, 1);
    await bench.open();
    leaseOf(copy.now());
    assert.equal(bench.hosts.at(-1)?.up, true);
  });

  it('are asked for by no more copies than they can serve, those that have one included', async () => {
    bench.connections = 3;
    const copies = await Promise.all(Array.from({ length: 3 + PREFETCH + SURPLUS }, () => bench.acquire()));
    for (let n = 0; n < 3; n += 1) await bench.open();
    assert.equal(copies.filter((copy) => copy.now()?.kind === 'lease').length, 3);
    const oneMore = await bench.acquire();
    assert.equal(oneMore.now()?.kind, 'unavailable');
    leaseOf(copies[0]?.now()).release(0.1);
    await bench.settle();
    assert.equal((await bench.acquire()).now(), undefined, 'there is room again');
  });

  it('send copies that find no room back at different times, at their own pace', async () => {
    bench.connections = 3;
    const held = await bench.acquire();
    for (let n = 0; n < 3; n += 1) await bench.open();
    leaseOf(held.now()).release(3);
    const copies = await Promise.all(
      Array.from({ length: 3 + PREFETCH + SURPLUS + 4 }, () => bench.acquire()),
    );
    const waits = copies.flatMap((copy) => {
      const answer = copy.now();
      return answer?.kind === 'unavailable' ? [answer.retryInMs] : [];
    });
    assert.deepEqual(waits, [1000, 2000, 3000, 4000]);
  });

  it('are not made more for a while when one failed beside others, and then are', async () => {
    await bench.acquire();
    await bench.open();
    await bench.fail();
    await bench.fail();
    await bench.acquire();
    bench.destination.setLoad({ activeRecipients: 10, workers: 1 });
    await bench.settle();
    assert.equal(bench.opening.length, 0);
    mock.timers.tick(5000);
    bench.destination.setLoad({ activeRecipients: 10, workers: 1 });
    await bench.settle();
    assert.equal(bench.opening.length, 2);
  });

  it('cannot be opened without a number: copies are handed back', async () => {
    bench.numbers = false;
    assert.equal((await bench.acquire()).now()?.kind, 'unavailable');
    assert.equal(bench.destination.openConnections, 0);
  });

  it('to a host that stays down are tried less and less often, and more are opened when one stands', async () => {
    await bench.acquire();
    for (let n = 0; n < 3; n += 1) await bench.fail();
    for (const wait of [500, 1000, 2000, 4000, 5000, 5000]) {
      const copy = await bench.acquire();
      mock.timers.tick(wait - 1);
      await bench.settle();
      assert.equal(bench.opening.length, 0, `before ${wait} ms`);
      mock.timers.tick(1);
      await bench.settle();
      assert.equal(bench.opening.length, 1, `after ${wait} ms`);
      await bench.fail();
      assert.equal(copy.now()?.kind, 'failed');
    }
    await bench.acquire();
    await bench.acquire();
    mock.timers.tick(5000);
    await bench.settle();
    await bench.open();
    assert.equal(bench.opening.length, 2);
  });

  it('to a host that is down are asked for by a bounded number of copies', async () => {
    bench.connections = 3;
    await bench.acquire();
    for (let n = 0; n < 3; n += 1) await bench.fail();
    const copies = await Promise.all(Array.from({ length: 60 }, () => bench.acquire()));
    assert.equal(copies.filter((copy) => copy.now() === undefined).length, 3 + PREFETCH + SURPLUS);
    assert.ok(copies.every((copy) => copy.now()?.kind !== 'failed'));
    const waits = copies.flatMap((copy) => {
      const answer = copy.now();
      return answer?.kind === 'unavailable' ? [answer.retryInMs] : [];
    });
    assert.ok(
      waits.every((wait, index) => index === 0 || wait > (waits[index - 1] ?? 0)),
      String(waits),
    );
  });

  it('to a name that does not exist fail at once, time and again', async () => {
    for (let n = 0; n < 2; n += 1) {
      const copy = await bench.acquire();
      while (bench.opening.length > 0)
        await bench.fail({ kind: 'dns', domain: 'x.example', record: 'MX', code: 'NXDomain' });
      assert.equal(copy.now()?.kind, 'failed');
    }
  });

  it('at the ceiling hand copies back untried', async () => {
    bench.limit = 0;
    const copy = await bench.acquire();
    mock.timers.tick(2000);
    await bench.settle();
    assert.equal(copy.now()?.kind, 'unavailable');
    assert.equal(bench.opening.length, 0);
  });
});
