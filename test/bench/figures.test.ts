import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { describeFaults, faultsOf, figuresOf } from './figures.ts';
import type { LoadCase } from './loads.ts';

const load: LoadCase = {
  name: 'test',
  count: 4,
  size: 4096,
  sessions: 2,
  perConnection: 0,
  rate: 10,
  roundTripMs: 20,
  connections: 2,
  redisBytes: undefined,
};
const sent = {
  accepted: 4,
  deferred: 0,
  firstAt: 1000,
  lastAt: 3000,
  acceptedAt: [1500, 2000, 2500, 3000],
  accept: { count: 4, p50: 2, p99: 3, max: 3 },
};
const seen = {
  run: 'r',
  distinct: 4,
  doubled: 0,
  clearText: 0,
  foreign: 0,
  octets: 16_384,
  firstAt: 1510,
  lastAt: 5000,
  connections: 2,
  connectionsAtOnce: 2,
  arrivedAt: [1510, 2020, 2530, 5000],
  dueToArrival: undefined,
};
const cpu = { seconds: 4, groups: { system: 0.03, redis: 0.01, load: 0.004, sink: 0.004 }, foreign: 0 };
const figures = figuresOf({ load, sent, seen, cpu, peakBytes: 3 * 1024 * 1024 });

describe('the figures of a run', () => {
  it('rates count from the first message to the last answer, and to the last copy', () => {
    assert.equal(figures.acceptedPerSecond, 2);
    assert.equal(figures.copiesPerSecond, 1);
  });
  it('CPU is of the system with its Redis, for a thousand messages', () => {
    assert.equal(figures.cpuSecondsPerThousand, 10);
    assert.equal(figures.redisCpuSecondsPerThousand, 2.5);
    assert.equal(figures.harnessCpuSecondsPerThousand, 2);
  });
  it('the journey is from the answer to the arrival of the same message', () => {
    assert.equal(figures.acceptToDeliveredP50Ms, 20);
    assert.equal(figures.acceptToDeliveredP99Ms, 2000);
  });
  it('round trips are those that fitted into the time of all connections', () => {
    assert.equal(figures.roundTripsPerMessage, (2 * 3490) / 20 / 4);
  });
  it('a load in a closed loop has no journey: it measures the backlog', () => {
    const { rate: _, ...closed } = load;
    const { acceptToDeliveredP50Ms } = figuresOf({ load: closed, sent, seen, cpu, peakBytes: 1 });
    assert.equal(acceptToDeliveredP50Ms, undefined);
  });
});

describe('faults', () => {
  it('are none when every message came once, over TLS', () =>
    assert.equal(describeFaults(faultsOf(load, seen)), undefined));
  it('are named with their number', () =>
    assert.equal(
      describeFaults(faultsOf(load, { ...seen, distinct: 3, doubled: 2, clearText: 1 })),
      'lost 1, doubled 2, clearText 1',
    ));
});
