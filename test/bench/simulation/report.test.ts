import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { COPY_COSTS } from './costs.ts';
import {
  clientsOf,
  copiesThatFit,
  figuresOf,
  jobTable,
  memoryTable,
  REDIS_BUSY,
  type Run,
  redisTable,
} from './report.ts';
import type { Outcome } from './scenario.ts';
import { Tally } from './tally.ts';

const NOTHING = { commands: 0, microseconds: 0 };

const runOf = (redis: Partial<Outcome['redis']>): Run => ({
  processes: 10,
  outcome: {
    connections: { max: 0, mean: 0 },
    drainSeconds: undefined,
    latency: { p50: undefined, p99: undefined },
    delivered: 0,
    expired: 0,
    doubled: 0,
    shares: { least: 0, most: 0, none: 0 },
    copiesPerJob: 1,
    putBacks: 0,
    counted: { seconds: 10, copies: 1000 },
    redis: {
      copies: { commands: 50_000, microseconds: 500_000 },
      looks: NOTHING,
      leases: NOTHING,
      workers: NOTHING,
      hosts: NOTHING,
      numbers: NOTHING,
      memory: NOTHING,
      sweep: NOTHING,
      ...redis,
    },
  },
});

describe('the report of a simulation', () => {
  it('says what Redis does for a copy, and what for processes', () => {
    const run = runOf({ looks: { commands: 1000, microseconds: 1_000_000 } });
    const cells = redisTable([run])
      .split('\n')
      .at(-1)
      ?.split('|')
      .map((cell) => cell.trim());
    assert.deepEqual(cells?.slice(1, -2), ['10', '50.0', '5,000', '100', '5.0 %', '10.0 %']);
  });

  it('gives copies what processes leave of Redis', () => {
    assert.equal(copiesThatFit(runOf({})), (REDIS_BUSY * 1e6) / 500);
    const half = { commands: 0, microseconds: (REDIS_BUSY / 2) * 1e7 };
    assert.equal(Math.round(copiesThatFit(runOf({ looks: half }))), Math.round((REDIS_BUSY * 1e6) / 1000));
    const more = { commands: 0, microseconds: 2e7 };
    assert.equal(copiesThatFit(runOf({ workers: more })), 0);
  });

  it('tells a simulation as a real run is told', () => {
    const { outcome } = runOf({ looks: { commands: 1000, microseconds: 0 } });
    const { copiesPerSecond, commandsPerSecond } = figuresOf(outcome);
    assert.deepEqual([copiesPerSecond, commandsPerSecond], [100, 5100]);
  });

  it('counts the connections to Redis of a whole installation', () => {
    assert.equal(clientsOf(10), 10 * (4 + 2) + 1 + 2);
  });

  it('shows that copies which share a job cost less, and what waits in memory', () => {
    const perCopy = jobTable([1, 20])
      .split('\n')
      .slice(2)
      .map((line) => Number(line.split('|')[2]));
    assert.ok((perCopy[0] ?? 0) > 3 * (perCopy[1] ?? 0));
    assert.match(memoryTable([10_000]), /10,000 +\| +75 MB \| +1,175 MB \| +23 MB/);
  });
});

describe('a tally', () => {
  it('adds up what calls cost, and what is in them, by purpose', () => {
    const tally = new Tally();
    tally.add('commit', 20);
    tally.add('add', 0, 3);
    tally.add('renew', 5);
    const { commit, add } = COPY_COSTS;
    const expected = commit.commands + 20 * commit.commandsEach + 3 * add.commands;
    assert.equal(tally.spentOn('copies').commands, expected);
    assert.equal(tally.spentOn('leases').commands, 2);
    assert.ok(tally.spentOn('leases').microseconds > 20);
    tally.reset();
    assert.equal(tally.spentOn('copies').commands, 0);
  });
});
