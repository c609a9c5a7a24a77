import assert from 'node:assert/strict';
import { accountingDifference, activeRecipients, queueTotals, toDcid } from '@tdc/core';
import {
  createIdSequence,
  createJournalQueue,
  createJournalQueueWorker,
  createLedger,
  createRedisKeys,
  createRedisLink,
  type JournalQueue,
  type JournalQueueWorker,
  type Ledger,
  type RedisLink,
  type RedisSettings,
} from '@tdc/platform';
import { type RememberingLog, rememberingLog, silentLog } from './remembering-log.ts';
import { sampleCopy } from './sample-copy.ts';
import { waitUntil } from './wait-until.ts';

const keys = createRedisKeys();
const WITHIN = { withinSeconds: 40 };
/** No command may keep a client of the mail waiting for longer. */
const ANSWER_MS = 8000;

/** Copies that go in and out without a pause, as far as Redis lets them. */
export class Traffic {
  readonly log: RememberingLog = rememberingLog();
  /** How long the slowest commit took, whatever came of it. */
  slowestMs = 0;
  failures = 0;
  accepted = 0;
  delivered = 0;
  #stopped = false;
  #sending: Promise<void> | undefined;
  readonly #links: RedisLink[] = [];
  readonly #settings: RedisSettings;
  ledger!: Ledger;
  queue!: JournalQueue;
  worker!: JournalQueueWorker;

  constructor(settings: RedisSettings) {
    this.#settings = settings;
  }

  get command(): RedisLink {
    return this.#links[0] ?? assert.fail();
  }

  async start(): Promise<void> {
    const open = async (role: 'command' | 'blocking', log = silentLog) => {
      const link = createRedisLink(this.#settings, { role, log });
      this.#links.push(link);
      assert.equal(await link.whenUsable(AbortSignal.timeout(10_000)), true);
      return link.client;
    };
    const client = await open('command', this.log);
    this.ledger = createLedger(client, keys, { now: Date.now, trackingHours: 1 });
    this.queue = await createJournalQueue(client, { prefix: keys.prefix, onError: () => undefined });
    this.worker = createJournalQueueWorker(await open('blocking'), {
      prefix: keys.prefix,
      capacity: 5,
      now: Date.now,
      onError: () => undefined,
      onUnhandled: () => undefined,
      waitingJobs: async () => (await this.queue.depth()).waiting,
      lockMs: 2000,
      stalledCheckMs: 500,
      handler: async ({ mids: [mid] }) => {
        assert.ok(mid !== undefined);
        const outcome = { kind: 'delivered', dcid: toDcid(1), response: '250 ok' } as const;
        await waitUntil(async () => ({ told: await this.ledger.finish(mid, outcome) }), WITHIN);
        this.delivered += 1;
        return { kind: 'done' };
      },
    });
    this.#sending = this.#send(createIdSequence(client, keys.sequence('mid')));
  }

  async #send(numbers: ReturnType<typeof createIdSequence>): Promise<void> {
    while (!this.#stopped) {
      const mid = (await numbers.ready(AbortSignal.timeout(500))) ? numbers.next() : undefined;
      if (mid === undefined) continue;
      const copy = sampleCopy(mid, { enqueuedAt: Date.now() });
      const from = Date.now();
      try {
        await this.ledger.commit({ enqueue: [copy], skipped: [] });
        await this.queue.add([[copy]]);
        await this.ledger.confirmQueued([copy.mid]);
        this.accepted += 1;
      } catch {
        this.failures += 1;
      }
      this.slowestMs = Math.max(this.slowestMs, Date.now() - from);
    }
  }

  /** Waits until so many more copies have been delivered: a worker that hangs never gets there. */
  async flows(copies = 50): Promise<void> {
    const target = this.delivered + copies;
    await waitUntil(() => this.delivered >= target, { ...WITHIN, what: `${copies} more copies delivered` });
  }

  /** Ends the sending, queues what lost its job, and sees every copy to its end. */
  async settle(): Promise<void> {
    this.#stopped = true;
    await this.#sending;
    await waitUntil(
      async () => {
        for (const copy of await this.ledger.orphans(Date.now(), 1000)) {
          if ((await this.queue.find(copy.mid)) === undefined) await this.queue.add([[copy]]);
          await this.ledger.confirmQueued([copy.mid]);
        }
        return activeRecipients(queueTotals(await this.ledger.counters())) === 0;
      },
      { ...WITHIN, what: 'no copy without an outcome' },
    );
    assert.equal(accountingDifference(await this.ledger.counters()), 0);
    assert.ok(this.slowestMs < ANSWER_MS, `the slowest answer took ${this.slowestMs} ms`);
  }

  async close(): Promise<void> {
    this.#stopped = true;
    await this.#sending;
    await this.worker?.drain(Date.now());
    await this.queue?.close();
    await Promise.all(this.#links.map((link) => link.close()));
  }
}
