import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  type HostState,
  type Intake,
  type IntakeCounters,
  NO_COUNTS,
  parsePolicyDocument,
  type QueueCounters,
  renderTopHosts,
  UNKNOWN_HOST,
} from '@tdc/core';
import { SAMPLE_REDIS_STATUS } from '../../../../test/support/sample-redis-status.ts';
import type { ViewPorts } from '../ports.ts';
import { hostStatus } from './host-status.ts';
import { createQueueReader } from './queue-reading.ts';
import { scaling } from './scaling.ts';
import { topHosts } from './top-hosts.ts';

const NOW = Date.UTC(2026, 7, 13, 14, 29, 42);

function intakesOf(intakes: Readonly<Record<string, object>>): Readonly<Record<string, Intake>> {
  const parsed = parsePolicyDocument({ version: 1, intakes, default: { connector: 'no-scan' } });
  assert.equal(parsed.kind, 'valid', JSON.stringify(parsed));
  return parsed.kind === 'valid' ? parsed.document.intakes : {};
}

interface Scene {
  readonly intakes?: Readonly<Record<string, object>>;
  readonly counted?: Readonly<Record<string, Partial<IntakeCounters>>>;
  readonly hosts?: Readonly<Record<string, Partial<HostState>>>;
  readonly connections?: Readonly<Record<string, number>>;
  readonly oldest?: Readonly<Record<string, number>>;
}

function portsOf(scene: Scene, changes: Partial<ViewPorts> = {}): ViewPorts {
  const counters: QueueCounters = {
    seen: 0,
    skipped: {},
    intakes: Object.fromEntries(
      Object.entries(scene.counted ?? {}).map(([alias, counts]) => [alias, { ...NO_COUNTS, ...counts }]),
    ),
  };
  const intakes = intakesOf(scene.intakes ?? {});
  return {
    ledger: {
      counters: async () => counters,
      oldestActive: async () => scene.oldest ?? {},
      track: async () => [],
      activeCopies: async () => ({ waiting: 4, attempting: 2, delayed: 9, dueSoon: 3 }),
    },
    server: async () => SAMPLE_REDIS_STATUS,
    connections: async (alias) => scene.connections?.[alias] ?? 0,
    hosts: async (aliases) =>
      Object.fromEntries(aliases.map((alias) => [alias, { ...UNKNOWN_HOST, ...scene.hosts?.[alias] }])),
    intakes: () => intakes,
    now: () => NOW,
    ...changes,
  };
}

const TWO: Scene = {
  intakes: {
    primary: { address: 'a@setd.example' },
    second: { address: 'b@Other.Example', host: 'mx.other.example' },
  },
  counted: {
    primary: {
      enqueued: 14_518,
      delivered: 14_501,
      unattempted: 10,
      attempted: 2,
      softBounced: { '4xx': 4 },
    },
    old: { enqueued: 1, hardBounced: { '5xx': 1 } },
  },
  hosts: {
    primary: {
      lastActivityAt: NOW - 1000,
      mxRecords: [{ priority: 10, exchange: 'mx' }],
      addresses: ['::1'],
    },
    old: { up: false, lastActivityAt: NOW - 9000, last5xx: '550 5.1.1 No such user' },
  },
  connections: { primary: 3 },
  oldest: { primary: NOW - 72_000 },
};

describe('tophosts', () => {
  it('shows the queue, then every intake of the policy and of the account, zero rows too', async () => {
    const rows = await topHosts(portsOf(TWO));
    assert.equal(
      renderTopHosts({ asOf: NOW, rows }),
      `Status as of: Thu Aug 13 14:29:42 2026 UTC
Hosts marked with '*' were down as of the last delivery attempt.

                                     Active   Conn.     Deliv.       Soft       Hard
#    Recipient Host                  Recip.     Out     Recip.    Bounced    Bounced
1    the.tdc.queue                       12       3     14,501          4          1
2*   old (removed)                        0       0          0          0          1
3    primary (setd.example)              12       3     14,501          4          0
4    second (mx.other.example)            0       0          0          0          0
`,
    );
  });

  it('shows the queue alone when nothing was ever enqueued and there is no policy', async () => {
    const rows = await topHosts(portsOf({}));
    assert.deepEqual(
      rows.map(({ host, intake, down }) => [host, intake, down]),
      [['the.tdc.queue', '', false]],
    );
  });

  const down: readonly [string, Scene['hosts'], boolean][] = [
    ['is up when nothing was ever sent', {}, false],
    [
      'is up while one intake in use is',
      { primary: { up: false, lastActivityAt: 1 }, second: { lastActivityAt: 1 } },
      false,
    ],
    [
      'is down when every intake in use is, whatever was never used',
      { primary: { up: false, lastActivityAt: 1 } },
      true,
    ],
  ];
  for (const [name, hosts = {}, expected] of down) {
    it(`the queue ${name}, in tophosts and hoststatus alike`, async () => {
      const ports = portsOf({ ...TWO, hosts });
      assert.equal((await topHosts(ports))[0]?.down, expected);
      assert.equal((await hostStatus(ports, 'the.tdc.queue'))?.state.up, !expected);
    });
  }
});

describe('hoststatus', () => {
  const found: readonly [string, string, number | undefined][] = [
    ["the queue's name", 'the.tdc.queue', 14_501],
    ["the queue's name in capitals", 'THE.TDC.Queue', 14_501],
    ["an intake's alias", 'primary', 14_501],
    ["an intake's mail domain", 'SETD.example', 14_501],
    ["an intake's host", 'mx.other.example', 0],
    ['the mail domain of an intake with a host', 'other.example', 0],
    ['the alias of an intake that is no longer in the policy', 'old', 0],
    ['a host that nothing was ever sent to', 'nowhere.example', undefined],
    ['the name of a property that every object has', 'constructor', undefined],
  ];
  for (const [name, host, delivered] of found) {
    it(`takes ${name}`, async () => {
      const view = await hostStatus(portsOf(TWO), host);
      assert.equal(view?.delivered, delivered);
    });
  }

  it('adds up the intakes of the queue and shows the newest of what was seen', async () => {
    const view = await hostStatus(portsOf(TWO), 'the.tdc.queue');
    assert.deepEqual(view, {
      asOf: NOW,
      host: 'the.tdc.queue',
      state: {
        up: true,
        lastActivityAt: NOW - 1000,
        last5xx: '550 5.1.1 No such user',
        mxRecords: [{ priority: 10, exchange: 'mx' }],
        addresses: ['::1'],
      },
      softBouncedEvents: 4,
      hardBounced: { dns: 0, fiveXx: 1, filter: 0, expired: 0, other: 0 },
      delivered: 14_501,
      deleted: 0,
      unattempted: 10,
      attempted: 2,
      currentConnections: 3,
      pendingConnections: 0,
      oldestMessageAt: NOW - 72_000,
    });
  });

  it('counts every reason of a hard bounce in one class', async () => {
    const hardBounced = {
      dns: 1,
      '5xx': 2,
      unconveyable: 4,
      expired: 8,
      '4xx': 16,
      tls: 32,
      network: 64,
      uncertain: 128,
      spool: 256,
    };
    const view = await hostStatus(portsOf({ counted: { primary: { hardBounced } } }), 'primary');
    assert.deepEqual(view?.hardBounced, { dns: 1, fiveXx: 2, filter: 4, expired: 8, other: 496 });
  });

  it('names what intakes of one domain share once', async () => {
    const same = { lastActivityAt: 1, mxRecords: [{ priority: 5, exchange: 'mx' }], addresses: ['::1'] };
    const view = await hostStatus(
      portsOf({ ...TWO, hosts: { primary: same, second: same } }),
      'the.tdc.queue',
    );
    assert.deepEqual(view?.state.mxRecords, [{ priority: 5, exchange: 'mx' }]);
    assert.deepEqual(view?.state.addresses, ['::1']);
  });
});

describe('the scaling signal', () => {
  it('is waiting, active and what is due soon, with the age of the oldest copy', async () => {
    const asked: number[] = [];
    const ports = portsOf(TWO);
    const activeCopies = (dueBy: number) => {
      asked.push(dueBy);
      return ports.ledger.activeCopies(dueBy);
    };
    const answer = await scaling({ ...ports, ledger: { ...ports.ledger, activeCopies } });
    assert.deepEqual(answer, {
      status: 200,
      body: { demand: 9, waiting: 4, active: 2, delayed: 9, oldestAgeSeconds: 72 },
    });
    assert.deepEqual(asked, [NOW + 30_000]);
  });

  it('has an age of 0 when nothing is active, and when a clock runs ahead', async () => {
    for (const oldest of [{}, { primary: NOW + 500 }]) {
      const { body } = await scaling(portsOf({ oldest }));
      assert.equal((body as { oldestAgeSeconds: number }).oldestAgeSeconds, 0);
    }
  });

  it('is 503 without Redis, never a false 0', async () => {
    const ports = portsOf({});
    const away = () => Promise.reject(new Error('away'));
    for (const changes of [
      { ledger: { ...ports.ledger, activeCopies: away } },
      { ledger: { ...ports.ledger, oldestActive: away } },
    ]) {
      assert.equal((await scaling({ ...ports, ...changes })).status, 503);
    }
  });
});

describe('the reading for metrics', () => {
  it('knows every alias of the policy and of the account', async () => {
    const reading = await createQueueReader(portsOf(TWO))();
    assert.deepEqual(reading.aliases, ['old', 'primary', 'second']);
    assert.deepEqual(reading.connections, { old: 0, primary: 3, second: 0 });
    assert.deepEqual(reading.up, { old: false, primary: true, second: true });
    assert.deepEqual(reading.oldestAgeSeconds, { old: 0, primary: 72, second: 0 });
  });

  it('is taken once a second at most', async () => {
    let now = NOW;
    let readings = 0;
    const ports = portsOf(TWO);
    const counters = async () => {
      readings += 1;
      return ports.ledger.counters();
    };
    const read = createQueueReader({ ...ports, ledger: { ...ports.ledger, counters }, now: () => now });
    await Promise.all([read(), read()]);
    now += 999;
    await read();
    assert.equal(readings, 1);
    now += 1;
    await read();
    assert.equal(readings, 2);
  });

  it('is given up in time', async () => {
    const ports = portsOf(TWO);
    const never = () => new Promise<never>(() => undefined);
    const read = createQueueReader({ ...ports, connections: never }, 0.01);
    await assert.rejects(read(), /no reading within 0.01 s/);
  });
});
