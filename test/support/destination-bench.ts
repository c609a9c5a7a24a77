import assert from 'node:assert/strict';
import {
  type CopyRoute,
  type Dcid,
  type DeliveryFailure,
  type HostState,
  type MailLogEvent,
  toDcid,
} from '@tdc/core';
import {
  type Acquisition,
  Destination,
  type Lease,
} from '../../services/delivery/src/destination/destination.ts';
import type { Ceiling, CloseReason, DestinationPorts } from '../../services/delivery/src/ports.ts';
import type { OpenResult, OutboundConnection } from '../../services/delivery/src/smtp/outbound-connection.ts';

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
export class FakeConnection implements OutboundConnection {
  readonly ends = ENDS;
  readonly protocol = 'TLSv1.3';
  readonly cipher = 'X';
  quits = 0;
  usable = true;
  /** As its last octets leave, and its answer is out. */
  free: () => void = () => undefined;
  #closed: () => void = () => undefined;
  isUsable(): boolean {
    return this.usable;
  }
  send(): never {
    throw new Error('not sent here');
  }
  onFree(listener: () => void): void {
    this.free = listener;
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

/** A ceiling that nobody reaches, of workers that are alone. */
export const FREE_CEILING: Ceiling = {
  acquire: async () => true,
  release: async () => undefined,
  served: () => undefined,
  servesOthers: async () => false,
};

/** A destination whose every surrounding is in the test's hands. */
export class DestinationBench {
  readonly log: MailLogEvent[] = [];
  readonly hosts: Partial<HostState>[] = [];
  /** Attempts to open that were not answered yet. */
  readonly opening: ((result: OpenResult) => void)[] = [];
  readonly held = new Set<Dcid>();
  readonly closed: CloseReason[] = [];
  readonly failures: DeliveryFailure[] = [];
  /** Whether there are numbers for connections. */
  numbers = true;
  connections = 100;
  messagesPerConnection = 50;
  ca = 'one';
  limit = Number.POSITIVE_INFINITY;
  /** How often the other workers were told that the destination serves this one. */
  served = 0;
  servesOthers = false;
  askOthers: () => Promise<boolean> = async () => this.servesOthers;
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
        served: () => {
          this.served += 1;
        },
        servesOthers: () => this.askOthers(),
      },
      nextDcid: () => {
        this.#dcid += 1;
        return this.numbers ? toDcid(this.#dcid) : undefined;
      },
      carriage: () => ({
        tls: { verify: true, maxVersion: 'TLSv1.3', ca: this.ca },
        limits: { connections: this.connections, messagesPerConnection: this.messagesPerConnection },
      }),
      log: (event) => void this.log.push(event),
      observe: {
        opened: () => undefined,
        failed: (_intake, failure) => void this.failures.push(failure),
        closed: (_intake, reason) => void this.closed.push(reason),
      },
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

/** The connection that a copy must have been given. */
export const leaseOf = (acquisition: Acquisition | undefined): Lease => {
  assert.equal(acquisition?.kind, 'lease');
  return acquisition?.kind === 'lease' ? acquisition.lease : assert.fail();
};
