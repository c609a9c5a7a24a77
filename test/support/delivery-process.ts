import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CopyRoute, type HostState, type JournalCopy, type Mid, toMid } from '@tdc/core';
import {
  createHostStore,
  createJournalQueue,
  createLedger,
  createRedisKeys,
  createSpool,
  type JournalQueue,
  type Ledger,
  type RedisClient,
  type RedisKeys,
  SHORT_BODY_BYTES,
  type TrackedCopy,
} from '@tdc/platform';
import { parsePrometheusText, type Samples } from './prometheus-text.ts';
import { sampleCopy } from './sample-copy.ts';
import { type Exit, type ServiceProcess, startService } from './service-process.ts';
import { waitUntil } from './wait-until.ts';

/** A delivery worker as its own process. */
export interface DeliveryProcess {
  readonly process: ServiceProcess;
  /** Its log lines without date and level. */
  lines(): readonly string[];
  get(path: string): Promise<{ readonly status: number; readonly text: string }>;
  samples(): Promise<Samples>;
  stop(signal?: NodeJS.Signals): Promise<Exit>;
}

/** Times shortened, so that a test sees every end of them. */
const QUICK: Readonly<Record<string, string>> = {
  TDC_POLICY_ADDRESS: '127.0.0.1:1',
  TDC_EHLO_NAME: 'delivery.example.net',
  TDC_RETRY_DELAY_SECONDS: '1',
  TDC_CONNECTION_IDLE_SECONDS: '1',
  TDC_PROBE_SECONDS: '1',
  TDC_SHUTDOWN_SECONDS: '10',
};

export interface DeliveryOptions {
  readonly redisUrl: string;
  /** The document that it remembers, undefined for none; the policy service itself is away. */
  readonly policy: unknown;
  readonly env?: Readonly<Record<string, string>>;
}

/** Starts a worker as if it had run before; it need not be serving yet. */
export function launchDelivery({ redisUrl, policy, env = {} }: DeliveryOptions): ServiceProcess {
  const folder = mkdtempSync(join(tmpdir(), 'tdc-delivery-'));
  if (policy !== undefined) {
    const documentJson = JSON.stringify(policy);
    const sha256 = createHash('sha256').update(documentJson).digest('hex');
    const snapshot = JSON.stringify({ revision: 1, sha256, documentJson });
    writeFileSync(join(folder, 'policy-snapshot.json'), snapshot);
  }
  const process = startService('delivery', {
    ...QUICK,
    TDC_REDIS_URL: redisUrl,
    TDC_STATE_DIR: folder,
    ...env,
  });
  void process.exited.then(() => rmSync(folder, { recursive: true, force: true }));
  return process;
}

/** Starts a worker and waits until it takes copies. */
export async function startDelivery(options: DeliveryOptions): Promise<DeliveryProcess> {
  const process = launchDelivery(options);
  const { http } = await process.ready();
  const get: DeliveryProcess['get'] = async (path) => {
    const response = await fetch(`http://${http}${path}`);
    return { status: response.status, text: await response.text() };
  };
  return {
    process,
    lines: () => process.lines().map((line) => line.replace(/^.{24} \w+: /, '')),
    get,
    samples: async () => parsePrometheusText((await get('/metrics')).text),
    stop: (signal) => process.stop(signal),
  };
}

/** The intake's side of Redis: what a worker is given, and what it made of it. */
export interface CopySource {
  readonly ledger: Ledger;
  readonly queue: JournalQueue;
  readonly keys: RedisKeys;
  /** Enqueues copies of this original, as intake does; answers their MIDs. */
  enqueue(original: Buffer, copies: readonly Partial<JournalCopy>[]): Promise<readonly Mid[]>;
  track(mid: Mid): Promise<TrackedCopy>;
  /** Waits for the outcome of a copy. */
  outcome(mid: Mid): Promise<TrackedCopy>;
  host(intake: string): Promise<HostState>;
  close(): Promise<void>;
}

/** What a copy's `route` looks like under the domain of the tests. */
export const routeTo = (intake: string, changes: Partial<CopyRoute> = {}): CopyRoute => ({
  intake,
  address: `journal@${intake}.example`,
  port: 25,
  format: 'journal',
  envelopeSender: '',
  remoteIpHeader: 'X-IronPort-RemoteIP',
  ...changes,
});

const OUTCOME_SECONDS = 30;

export async function openCopySource(redis: RedisClient): Promise<CopySource> {
  const keys = createRedisKeys();
  const life = 300;
  const spool = createSpool(redis, keys, { ttlSeconds: life, shortBytes: SHORT_BODY_BYTES });
  const ledger = createLedger(redis, keys, { now: Date.now, trackingHours: 1, bodySeconds: life });
  const hosts = createHostStore(redis, keys);
  const queue = await createJournalQueue(redis, { prefix: keys.prefix, onError: () => undefined });
  let last = 0;

  const commit = async (original: Buffer, changes: Partial<JournalCopy>): Promise<JournalCopy> => {
    last += 1;
    const mid = toMid(last);
    const writer = spool.open(mid);
    await writer.write(original);
    const { unstored, ...body } = await writer.finish();
    const eightBit = original.some((octet) => octet > 127);
    const copy = sampleCopy(mid, { ...body, eightBit, enqueuedAt: Date.now(), ...changes });
    await ledger.commit({ enqueue: [copy], skipped: [] }, unstored);
    return copy;
  };
  const track = async (mid: Mid): Promise<TrackedCopy> => {
    const [copy] = await ledger.track({ mid });
    if (copy === undefined) throw new Error(`nothing is known of MID ${mid}`);
    return copy;
  };
  return {
    ledger,
    queue,
    keys,
    async enqueue(original, changes) {
      const copies = [];
      for (const one of changes) copies.push(await commit(original, one));
      const mids = copies.map(({ mid }) => mid);
      await queue.add(copies.map((copy) => [copy]));
      await ledger.confirmQueued(mids);
      return mids;
    },
    track,
    outcome: (mid) =>
      waitUntil(
        async () => {
          const copy = await track(mid);
          return copy.finishedAt === undefined ? undefined : copy;
        },
        { withinSeconds: OUTCOME_SECONDS, what: `the outcome of MID ${mid}` },
      ),
    host: async (intake) => {
      const { [intake]: state } = await hosts.load([intake]);
      if (state === undefined) throw new Error(`nothing is known of ${intake}`);
      return state;
    },
    close: () => queue.close(),
  };
}
