import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it, mock } from 'node:test';
import {
  type CopyRoute,
  type Dcid,
  type DeliveryFailure,
  type HostState,
  type MailLogEvent,
  toDcid,
} from '@tdc/core';
import type { DestinationPorts } from '../ports.ts';
import type { OpenResult, OutboundConnection } from '../smtp/smtp-connection.ts';
import { type Acquisition, Destination, PREFETCH } from './destination.ts';

const ROUTE: CopyRoute = {
  intake: 'primary',
  address: 'journal@setd.example',
  port: 25,
  format: 'journal',
  envelopeSender: '',
  remoteIpHeader: 'X-IP',
};
const ENDS = { localAddress: '10.0.0.1', peerAddress: '10.0.0.2', port: 25 };
const REFUSED: DeliveryFailure = { kind: 'network', reason: 'refused', detail: 'connection refused' };
const NEVER = new AbortController().signal;

/** A connection whose end is in the test's hands. */
class FakeConnection implements OutboundConnection {
  readonly ends = ENDS;
  readonly protocol = 'TLSv1.3';
  readonly cipher = 'X';
  quits = 0;
  usable = true;
  #closed: () => void = () => undefined;
  isUsable(): boolean {
    return this.usable;
  }
  send(): never {
    throw new Error('not sent here');
  }
  onClosed(listener: () => void): void {
    this.#closed = listener;
  }
  quit(): void {
    this.quits += 1;
    this.close();
  }
  close(): void {
    this.usable = false;
    this.#closed();
  }
}

class Bench {
  readonly log: MailLogEvent[] = [];
  readonly hosts: HostState[] = [];
  /** Attempts to open that were not answered yet. */
  readonly opening: ((result: OpenResult) => void)[] = [];
  readonly held = new Set<Dcid>();
  connections = 100;
  messagesPerConnection = 50;
  ca = 'one';
  limit = Number.POSITIVE_INFINITY;
  #dcid = 0;
  readonly destination: Destination;

  constructor() {
    const ports: DestinationPorts = {
      resolve: async () => ({
        kind: 'resolved',
        candidates: [{ address: '10.0.0.2', hostName: 'mx', preference: 0 }],
        mxRecords: [],
      }),
      open: () => new Promise((resolve) => this.opening.push(resolve)),
      ceiling: {
        acquire: async (_intake, dcid) => this.held.size < this.limit && this.held.add(dcid).has(dcid),
        release: async (_intake, dcid) => void this.held.delete(dcid),
      },
      nextDcid: () => {
        this.#dcid += 1;
        return toDcid(this.#dcid);
      },
      carriage: () => ({
        tls: { verify: true, maxVersion: 'TLSv1.3', ca: this.ca },
        limits: { connections: this.connections, messagesPerConnection: this.messagesPerConnection },
      }),
      log: (event) => void this.log.push(event),
      observe: { opened: () => undefined, failed: () => undefined, closed: () => undefined },
      saveHost: (_intake, state) => void this.hosts.push(state),
      now: Date.now,
    };
    this.destination = new Destination(ROUTE, ports, { minConnections: 3, idleMs: 5000, probeMs: 5000 });
  }

  /** Lets everything that is ready happen. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
  }
  async acquire(signal: AbortSignal = NEVER): Promise<{ now: () => Acquisition | undefined }> {
    let answer: Acquisition | undefined;
    void this.destination.acquire(signal).then((acquisition) => {
      answer = acquisition;
    });
    await this.settle();
    return { now: () => answer };
  }
  async open(): Promise<FakeConnection> {
    const connection = new FakeConnection();
    this.opening.shift()?.({ kind: 'open', connection });
    await this.settle();
    return connection;
  }
  async fail(failure: DeliveryFailure = REFUSED): Promise<void> {
    this.opening.shift()?.({ kind: 'failed', failure, ends: undefined });
    await this.settle();
  }
}

const leaseOf = (acquisition: Acquisition | undefined) => {
  assert.equal(acquisition?.kind, 'lease');
  return acquisition?.kind === 'lease' ? acquisition.lease : assert.fail();
};

describe('the connections to a destination', () => {
  let bench: Bench;
  beforeEach(() => {
    mock.timers.enable({ apis: ['setTimeout', 'Date'] });
    bench = new Bench();
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
  });

  it('are closed when the settings they were opened under have changed', async () => {
    const copy = await bench.acquire();
    const connection = await bench.open();
    bench.ca = 'two';
    leaseOf(copy.now()).release(0.1);
    assert.equal(connection.quits, 1);
  });

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

  it('are not waited for by more copies than they can serve', async () => {
    const copies = await Promise.all(Array.from({ length: 3 + PREFETCH + 1 }, () => bench.acquire()));
    assert.equal(copies.at(-1)?.now()?.kind, 'unavailable');
    assert.equal(copies.filter((copy) => copy.now() === undefined).length, 3 + PREFETCH);
  });

  it('at the ceiling hand copies back untried', async () => {
    bench.limit = 0;
    const copy = await bench.acquire();
    mock.timers.tick(2000);
    await bench.settle();
    assert.equal(copy.now()?.kind, 'unavailable');
    assert.equal(bench.opening.length, 0);
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
});
