import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it, mock } from 'node:test';
import type { DeliveryFailure } from '@tdc/core';
import { DestinationBench, leaseOf } from '../../../../test/support/destination-bench.ts';

const network = (reason: 'refused' | 'reset' | 'closed' | 'timeout' | 'unreachable'): DeliveryFailure => ({
  kind: 'network',
  reason,
  detail: reason,
});
const banner = (code: number): DeliveryFailure => ({
  kind: 'smtp-reply',
  stage: 'banner',
  reply: { code, text: 'too many connections' },
});
const TURNED_AWAY = [banner(421), banner(450), network('refused'), network('reset'), network('closed')];
const NO_LIMITS: readonly DeliveryFailure[] = [
  banner(554),
  network('timeout'),
  network('unreachable'),
  { kind: 'tls', reason: 'certificate', detail: 'expired' },
  { kind: 'dns', domain: 'x.example', record: 'MX', code: 'ServFail' },
];

describe('connections that a peer turns away', () => {
  let bench: DestinationBench;
  beforeEach(() => {
    mock.timers.enable({ apis: ['setTimeout', 'Date'] });
    bench = new DestinationBench();
  });
  afterEach(() => mock.timers.reset());

  it('while it serves other workers, fail no copy: all go back untried', async () => {
    bench.servesOthers = true;
    for (const failure of TURNED_AWAY) {
      const copies = [await bench.acquire(), await bench.acquire()];
      mock.timers.tick(5000);
      await bench.settle();
      while (bench.opening.length > 0) await bench.fail(failure);
      for (const copy of copies) assert.equal(copy.now()?.kind, 'unavailable');
    }
    assert.equal(bench.destination.host.isDown, false);
    const copy = await bench.acquire();
    assert.equal(bench.opening.length, 0, 'not at once');
    mock.timers.tick(5000);
    await bench.settle();
    assert.equal(bench.opening.length, 1, 'and one at a time');
    await bench.open();
    leaseOf(copy.now());
    await bench.acquire();
    assert.equal(bench.opening.length, 2, 'until one stands');
  });

  it('that has served this worker until now, and may count a connection that is over, fail no copy for a second', async () => {
    bench.connections = 1;
    const served = await bench.acquire();
    const connection = await bench.open();
    leaseOf(served.now()).release(0.1);
    connection.close();
    const early = await bench.acquire();
    mock.timers.tick(999);
    await bench.fail(banner(421));
    assert.equal(early.now()?.kind, 'unavailable');
    const late = await bench.acquire();
    mock.timers.tick(5000);
    await bench.settle();
    await bench.fail(banner(421));
    assert.equal(late.now()?.kind, 'failed');
  });

  it('keep one copy, for the next of them, and send the others back for two seconds at most', async () => {
    bench.servesOthers = true;
    const first = await bench.acquire();
    while (bench.opening.length > 0) await bench.fail();
    assert.equal(first.now()?.kind, 'unavailable');
    const [one, ...others] = await Promise.all(Array.from({ length: 60 }, () => bench.acquire()));
    assert.equal(one?.now(), undefined);
    for (const other of others) {
      const answer = other.now();
      assert.ok(answer?.kind === 'unavailable' && answer.retryInMs <= 2000, JSON.stringify(answer));
    }
  });

  it('for a reason that no limit has, fail the copies all the same', async () => {
    bench.servesOthers = true;
    for (const failure of NO_LIMITS) {
      const copy = await bench.acquire();
      mock.timers.tick(5000);
      await bench.settle();
      while (bench.opening.length > 0) await bench.fail(failure);
      assert.equal(copy.now()?.kind, 'failed', JSON.stringify(failure));
    }
  });

  it('are followed by none until it is known whether it serves others; if not, those that waited fail', async () => {
    const first = await bench.acquire();
    const answers: ((servesOthers: boolean) => void)[] = [];
    bench.askOthers = () => new Promise((resolve) => answers.push(resolve));
    for (let n = 0; n < 3; n += 1) await bench.fail();
    const second = await bench.acquire();
    assert.deepEqual([first.now(), second.now()?.kind, bench.opening.length], [undefined, 'unavailable', 0]);
    answers[0]?.(false);
    await bench.settle();
    assert.equal(first.now()?.kind, 'failed');
  });

  for (const servesOthers of [true, false])
    it(`leave it to a probe that was made before it was known, when others are ${servesOthers ? '' : 'not '}served`, async () => {
      const copies = [await bench.acquire(), await bench.acquire()];
      const answers: ((servesOthers: boolean) => void)[] = [];
      bench.askOthers = () => new Promise((resolve) => answers.push(resolve));
      for (let n = 0; n < 3; n += 1) await bench.fail();
      bench.destination.setLoad({ activeRecipients: 2, workers: 1 });
      mock.timers.tick(5000);
      await bench.settle();
      await bench.open();
      answers[0]?.(servesOthers);
      await bench.settle();
      leaseOf(copies[0]?.now());
      assert.deepEqual([copies[1]?.now(), bench.opening.length], [undefined, 2]);
      assert.equal(bench.destination.isProbing, false);
    });

  it('are known to others by the word of those that are served: a connection that stands, a copy that is done', async () => {
    const copy = await bench.acquire();
    await bench.open();
    assert.equal(bench.served, 1);
    leaseOf(copy.now()).release(0.1);
    assert.equal(bench.served, 2);
    await bench.fail();
    assert.equal(bench.served, 2);
  });
});
