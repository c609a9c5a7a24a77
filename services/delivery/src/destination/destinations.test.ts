import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it, mock } from 'node:test';
import type { JournalCopy } from '@tdc/core';
import { toDcid } from '@tdc/core';
import { FREE_CEILING } from '../../../../test/support/destination-bench.ts';
import { sampleCopy, toIntake } from '../../../../test/support/sample-copy.ts';
import type { OpenResult } from '../smtp/outbound-connection.ts';
import { type Acquisition, PREFETCH } from './destination.ts';
import { Destinations } from './destinations.ts';

const NEVER = new AbortController().signal;
const COPY = sampleCopy(1);

describe('all destinations of a worker', () => {
  let capacities: number[];
  let active: Record<string, number>;
  let workersAsked: string[];
  let servesOthers: boolean;
  let redisIsAway: boolean;
  let opening: ((result: OpenResult) => void)[];
  let destinations: Destinations;
  beforeEach(() => {
    mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'Date'], now: 1_000_000 });
    [capacities, active, workersAsked, redisIsAway, opening] = [[], {}, [], false, []];
    servesOthers = false;
    let dcid = 0;
    destinations = new Destinations({
      ports: {
        resolve: async () => ({
          kind: 'resolved',
          candidates: [{ address: '10.0.0.2', hostName: 'mx', preference: 0 }],
          mxRecords: [],
        }),
        open: () => new Promise((resolve) => opening.push(resolve)),
        ceiling: { ...FREE_CEILING, servesOthers: async () => servesOthers },
        nextDcid: () => {
          dcid += 1;
          return toDcid(dcid);
        },
        carriage: () => ({
          tls: { verify: true, maxVersion: 'TLSv1.3' },
          limits: { connections: 100, messagesPerConnection: 50 },
        }),
        log: () => undefined,
        observe: { opened: () => undefined, failed: () => undefined, closed: () => undefined },
        saveHost: () => undefined,
        now: Date.now,
      },
      rules: { minConnections: 3, idleMs: 5000, probeMs: 5000 },
      load: {
        async activeRecipients() {
          if (redisIsAway) throw new Error('away');
          return active;
        },
        async workers(intake) {
          workersAsked.push(intake);
          return 2;
        },
      },
      setCapacity: (copies) => void capacities.push(copies),
      maxCopies: 100,
    });
  });
  afterEach(() => {
    destinations.close();
    mock.timers.reset();
  });

  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < 30; turn += 1) await Promise.resolve();
  };
  const look = async (): Promise<void> => {
    mock.timers.tick(500);
    await settle();
  };
  const acquire = async (
    copy: JournalCopy = COPY,
    signal = NEVER,
  ): Promise<() => Acquisition | undefined> => {
    let answer: Acquisition | undefined;
    void destinations.acquire(copy, signal).then((acquisition) => {
      answer = acquisition;
    });
    await settle();
    return () => answer;
  };

  it('are given as many jobs as they can use, no more while nobody else has copies', async () => {
    active = { primary: 5 };
    await acquire();
    await look();
    assert.equal(capacities.at(-1), 3 + PREFETCH);
  });

  it('are given more jobs when there is more to do, shared with the other workers', async () => {
    await acquire();
    active = { primary: 2000 };
    await look();
    assert.equal(capacities.at(-1), 20 + PREFETCH);
    assert.equal(opening.length, 20);
    assert.deepEqual(workersAsked, ['primary']);
  });

  it('are given some jobs to spare as soon as another intake has copies', async () => {
    active = { primary: 5, other: 1 };
    await acquire();
    await look();
    assert.equal(capacities.at(-1), 3 + PREFETCH + 8);
    await acquire(toIntake(COPY, 'other'));
    assert.equal(capacities.at(-1), 2 * (3 + PREFETCH) + 8);
  });

  it('are never given more jobs than the process may have', async () => {
    await acquire();
    active = { primary: 1_000_000, other: 1 };
    await look();
    assert.equal(capacities.at(-1), 100);
  });

  it('keep what is known of them while Redis is away', async () => {
    active = { primary: 2000 };
    await acquire();
    await look();
    redisIsAway = true;
    await look();
    assert.equal(capacities.at(-1), 20 + PREFETCH);
  });

  it('are apart by intake and by where its copies go', async () => {
    await acquire();
    await acquire(toIntake(COPY, 'other'));
    await acquire({ ...COPY, route: { ...COPY.route, host: 'mx.example' } });
    await acquire({ ...COPY, route: { ...COPY.route, port: 26 } });
    await acquire({ ...COPY, route: { ...COPY.route, format: 'bcc' } });
    assert.equal(opening.length, 4 * 3);
    assert.deepEqual([destinations.openConnections, destinations.waitingCopies], [12, 5]);
  });

  for (const [what, others] of [
    ['a host that is down', false],
    ['a host without room', true],
  ] as const)
    it(`that are not used any more are forgotten, ${what} is not`, async () => {
      servesOthers = others;
      const over = new AbortController();
      await acquire(COPY, over.signal);
      over.abort();
      for (const answer of opening.splice(0))
        answer({
          kind: 'failed',
          failure: { kind: 'network', reason: 'refused', detail: '' },
          ends: undefined,
        });
      await settle();
      await look();
      await acquire();
      assert.equal(opening.length, 1, 'one connection at a time');
    });

  it('are handed back every copy when the process stops, and give no connection to one that comes late', async () => {
    const waiting = await acquire();
    destinations.close();
    await settle();
    assert.equal(waiting()?.kind, 'unavailable');
    assert.equal((await acquire(toIntake(COPY, 'other')))()?.kind, 'unavailable');
    assert.equal(opening.length, 3);
    let empty = false;
    void destinations.whenEmpty().then(() => {
      empty = true;
    });
    for (const answer of opening)
      answer({
        kind: 'failed',
        failure: { kind: 'network', reason: 'timeout', detail: '' },
        ends: undefined,
      });
    await settle();
    assert.equal(empty, true);
  });
});
