import { type HostState, toDcid } from '@tdc/core';
import type { AttemptTicket, Ledger } from '@tdc/platform';
import { createDeliverJob } from '../../../services/delivery/src/copy/deliver-job.ts';
import { Destinations } from '../../../services/delivery/src/destination/destinations.ts';
import type { DestinationPorts } from '../../../services/delivery/src/ports.ts';
import { groupCalls } from '../../../services/platform/src/redis/grouped-calls.ts';
import { unobserved } from '../../support/unobserved-copies.ts';
import { createPeer, type PeerPace } from './destination-peer.ts';
import { QueueWorker } from './queue-worker.ts';
import { CONSTANTS, DELIVERY } from './rules.ts';
import type { Job, SharedStore } from './shared-store.ts';

/** How the intake is set that all processes deliver to, and how they are. */
export interface Settings {
  /** `TDC_MIN_CONNECTIONS`. */
  readonly minConnections: number;
  /** `limits.connections` of the intake. */
  readonly ceiling: number;
  readonly messagesPerConnection: number;
}

const DELIVERY_RULES = {
  retryDelaySeconds: DELIVERY.retryDelaySeconds,
  finalReplyMs: DELIVERY.finalReplySeconds * 1000,
};
const { FIRST_CAPACITY, RENEW_MS, TELL_SERVED_MS, DEFAULT_BLOCK, FINISH_GATHER_MS, MAX_GROUP } = CONSTANTS;
const NOTHING = Buffer.alloc(0);
const INTAKE = 'primary';

/**
 * A process that delivers: the product's own destinations, with their look at the queue, their growth and their waiting
 * lines, and its own handling of jobs, on top of the shared store and a simulated peer.
 */
export class DeliveryProcess {
  /** Copies that the peer took from it. */
  sent = 0;
  readonly #name: string;
  readonly #store: SharedStore;
  readonly #destinations: Destinations;
  readonly #worker: QueueWorker;
  readonly #timers: NodeJS.Timeout[] = [];
  #isGone = false;
  #dcids = 0;
  #toldServedAt = 0;

  constructor(
    name: string,
    store: SharedStore,
    { settings, pace }: { readonly settings: Settings; readonly pace: PeerPace },
  ) {
    this.#name = name;
    this.#store = store;
    let setCapacity: (copies: number) => void = () => undefined;
    this.#destinations = new Destinations({
      ports: this.#ports(settings, pace),
      rules: {
        minConnections: settings.minConnections,
        idleMs: DELIVERY.idleSeconds * 1000,
        probeMs: DELIVERY.probeSeconds * 1000,
      },
      load: this.#load(),
      setCapacity: (copies) => setCapacity(copies),
      maxCopies: DELIVERY.maxJobs,
    });
    const deliverJob = createDeliverJob(
      {
        ledger: this.#ledger(),
        spool: { read: () => unasked() },
        acquire: (copy, signal, along) => this.#destinations.acquire(copy, signal, along),
        log: () => undefined,
        observe: unobserved,
        now: store.time.now,
        offsetMinutes: () => 0,
      },
      DELIVERY_RULES,
    );
    this.#worker = new QueueWorker(store, deliverJob, FIRST_CAPACITY);
    setCapacity = (copies) => this.#worker.setCapacity(copies);
    this.#timers.push(
      setInterval(() => store.renewLeases(name), RENEW_MS),
      setInterval(() => store.tally.add(this.#worker.isBusy ? 'busyWorker' : 'idleWorker'), 1000),
    );
  }

  get openConnections(): number {
    return this.#isGone ? 0 : this.#destinations.openConnections;
  }

  /** Takes leave: finishes what it has begun, gives back the rest, and frees its places. */
  leave(): void {
    this.#destinations.close();
    this.#worker.leave();
    for (const timer of this.#timers) clearInterval(timer);
  }

  /** Ends without a word: answers the jobs that nobody else knows of yet. Its leases run out by themselves. */
  die(): readonly Job[] {
    this.#isGone = true;
    for (const timer of this.#timers) clearInterval(timer);
    return this.#worker.die();
  }

  /** What a dead process asks is never answered. */
  async #asked(): Promise<void> {
    await (this.#isGone ? new Promise<never>(() => undefined) : this.#store.time.roundTrip());
  }

  #ports(settings: Settings, pace: PeerPace): DestinationPorts {
    const store = this.#store;
    const open = createPeer(pace, () => {
      if (!this.#isGone) this.sent += 1;
    });
    return {
      resolve: async () => ({
        kind: 'resolved',
        candidates: [{ address: '192.0.2.2', hostName: 'mx.example', preference: 0 }],
        mxRecords: [],
      }),
      open,
      ceiling: {
        acquire: async (_intake, dcid, limit) => {
          await this.#asked();
          return store.acquireLease(this.#name, dcid, limit);
        },
        release: async (_intake, dcid) => {
          await this.#asked();
          store.releaseLease(this.#name, dcid);
        },
        served: () => {
          if (this.#isGone || store.time.now() < this.#toldServedAt + TELL_SERVED_MS) return;
          this.#toldServedAt = store.time.now();
          store.tally.add('tellServed');
        },
        // Nobody is turned away here.
        servesOthers: async () => false,
      },
      nextDcid: () => {
        if (this.#dcids % DEFAULT_BLOCK === 0) store.tally.add('takeIds');
        this.#dcids += 1;
        return toDcid(this.#dcids);
      },
      carriage: () => ({
        tls: { verify: true, maxVersion: 'TLSv1.3' },
        limits: { connections: settings.ceiling, messagesPerConnection: settings.messagesPerConnection },
      }),
      log: () => undefined,
      observe: { opened: () => undefined, failed: () => undefined, closed: () => undefined },
      saveHost: (_intake: string, _state: Partial<HostState>) => {
        if (!this.#isGone) store.tally.add('saveHost');
      },
      now: store.time.now,
    };
  }

  #load() {
    const store = this.#store;
    return {
      activeRecipients: async () => {
        await this.#asked();
        store.tally.add('lookAtCounters');
        return { [INTAKE]: store.active };
      },
      workers: async () => {
        await this.#asked();
        return store.countWorkers();
      },
    };
  }

  #ledger(): Pick<Ledger, 'beginAttempts' | 'extendLease' | 'releaseAttempt' | 'softBounce' | 'finish'> {
    const store = this.#store;
    const finish = groupCalls<Parameters<Ledger['finish']>, boolean>(
      async (outcomes) => {
        await this.#asked();
        store.tally.add('finish', outcomes.length);
        return outcomes.map(([mid, { kind }]) => store.finish(mid, kind));
      },
      {
        maxItems: MAX_GROUP,
        gatherMs: FINISH_GATHER_MS,
        expected: () => this.#worker.copiesInHand,
      },
    );
    return {
      beginAttempts: async (mids, leaseUntil) => {
        await this.#asked();
        store.tally.add('begin', mids.length);
        return mids.map((mid) => ticketOf(store, mid, leaseUntil));
      },
      extendLease: async () => this.#asked(),
      releaseAttempt: async (mid) => {
        await this.#asked();
        store.tally.add('giveBack', 1);
        const record = store.records.get(mid);
        if (record !== undefined) record.lease = 0;
      },
      softBounce: () => unasked(),
      finish: (mid, outcome) => finish([mid, outcome]),
    };
  }
}

function ticketOf(
  store: SharedStore,
  mid: Parameters<Ledger['finish']>[0],
  leaseUntil: number,
): AttemptTicket {
  const record = store.records.get(mid);
  if (record === undefined || record.outcome !== undefined) return { kind: 'finished' };
  record.lease = leaseUntil;
  return { kind: 'go', copy: record.copy, finishedAttempts: 0, body: NOTHING };
}

/** What no simulation comes to: its peer refuses nothing, and its bodies come with the attempt. */
function unasked(): never {
  throw new Error('the simulated peer takes every copy');
}
