import { hash } from 'node:crypto';
import { DEFAULT_MESSAGES_PER_CONNECTION, type JournalCopy, MAX_QUEUE_AGE_SECONDS, toMid } from '@tdc/core';
import { LOCK_MS, STALLED_CHECK_MS } from '../../../services/platform/src/queue/bullmq-settings.ts';
import { sampleCopy } from '../../support/sample-copy.ts';
import { percentile } from '../statistics.ts';
import { DeliveryProcess } from './delivery-process.ts';
import { type PeerPace, SETUP_SECONDS } from './destination-peer.ts';
import { IntakeProcess } from './intake-process.ts';
import { createRandom } from './random.ts';
import { MONITOR } from './rules.ts';
import { SharedStore } from './shared-store.ts';
import { type Purpose, type Spent, STANDING_PURPOSES } from './tally.ts';
import { VirtualTime } from './virtual-time.ts';

/** What happens to an installation, and how it is set. */
export interface Scenario {
  /** Processes that deliver, and as many that take mail. */
  readonly processes: number;
  /** `limits.connections` of the intake. */
  readonly ceiling: number;
  /** `TDC_MIN_CONNECTIONS` of the processes that deliver. */
  readonly minConnections: number;
  readonly secondsPerCopy: number;
  /** Messages in a second, at random times; 0: none but the burst. */
  readonly rate: number;
  /** Messages that come at once, at the beginning. */
  readonly burst: number;
  /** From this second on the destination takes so many times as long. */
  readonly slower?: { readonly atSecond: number; readonly times: number };
  /** At this second a process that delivers, the one with the most connections, is killed or takes leave. */
  readonly leaver?: { readonly atSecond: number; readonly how: 'killed' | 'drained' };
  /** Ends here, or when nothing is left to do and nothing comes. */
  readonly seconds: number;
  /** What is before this second is in no figure of the outcome, but for copies that expired. */
  readonly fromSecond: number;
}

/** What came of it. */
export interface Outcome {
  /** Places that are taken under the ceiling, looked at ten times a second. */
  readonly connections: { readonly max: number; readonly mean: number };
  /** Seconds until the last copy had its outcome; undefined where copies kept coming. */
  readonly drainSeconds: number | undefined;
  /** Seconds from the commit of a copy to its outcome. */
  readonly latency: { readonly p50: number | undefined; readonly p99: number | undefined };
  /** Copies with an outcome at the end, from the beginning on. */
  readonly delivered: number;
  /** Copies that ended at their deadline. */
  readonly expired: number;
  /** Copies that the peer took more than once; undefined where some are still under way, or were not counted. */
  readonly doubled: number | undefined;
  /** Copies that the peer took, by process: of the one that had the fewest, and of the one that had the most. */
  readonly shares: { readonly least: number; readonly most: number; readonly none: number };
  readonly copiesPerJob: number;
  /** Jobs that were put back because there was no room for them. */
  readonly putBacks: number;
  /** Seconds and copies over which Redis's commands were counted. */
  readonly counted: { readonly seconds: number; readonly copies: number };
  readonly redis: Readonly<Record<Purpose, Spent>>;
}

const SEED = 1;
const LIFE_MS = MAX_QUEUE_AGE_SECONDS * 1000;
const LOOK_MS = 100;
const EMPTY_SHA256 = hash('sha256', '', 'hex');

/** Lets it happen, in simulated time. The same scenario comes out the same every time. */
export async function simulate(scenario: Scenario): Promise<Outcome> {
  const time = new VirtualTime();
  try {
    return await new Simulation(scenario, time).run();
  } finally {
    await time.end();
  }
}

class Simulation {
  readonly #scenario: Scenario;
  readonly #time: VirtualTime;
  readonly #store: SharedStore;
  readonly #pace: PeerPace;
  readonly #intakes: readonly IntakeProcess[];
  readonly #deliveries: readonly DeliveryProcess[];
  readonly #random = createRandom(SEED);
  readonly #connections: number[] = [];
  #accepted = 0;
  /** When the next message comes, milliseconds since the beginning; many are less than a step apart. */
  #dueMs = 0;

  constructor(scenario: Scenario, time: VirtualTime) {
    const { processes, ceiling, minConnections, secondsPerCopy } = scenario;
    this.#scenario = scenario;
    this.#time = time;
    this.#store = new SharedStore(time);
    this.#pace = { secondsPerCopy, setupSeconds: SETUP_SECONDS };
    const messagesPerConnection = DEFAULT_MESSAGES_PER_CONNECTION.journal;
    const settings = { ceiling, minConnections, messagesPerConnection };
    const each = <T>(make: (name: string) => T): readonly T[] =>
      Array.from({ length: processes }, (_, index) => make(String(index)));
    this.#intakes = each(() => new IntakeProcess(this.#store));
    this.#deliveries = each((name) => new DeliveryProcess(name, this.#store, { settings, pace: this.#pace }));
  }

  async run(): Promise<Outcome> {
    const { seconds, fromSecond, burst, rate, slower, leaver } = this.#scenario;
    const { tally, latencies } = this.#store;
    setInterval(() => this.#store.sweep(), MONITOR.sweepSeconds * 1000);
    setInterval(() => this.#look(), LOOK_MS);
    for (let nth = 0; nth < burst; nth += 1) this.#accept();
    if (rate > 0) this.#acceptNext(rate);
    if (slower !== undefined)
      setTimeout(() => {
        this.#pace.secondsPerCopy *= slower.times;
      }, slower.atSecond * 1000);
    if (leaver !== undefined) setTimeout(() => this.#loseOne(leaver.how), leaver.atSecond * 1000);
    await this.#time.runUntil(fromSecond);
    tally.reset();
    latencies.length = 0;
    for (const process of this.#deliveries) process.sent = 0;
    const before = this.#store.finished;
    const isDrained = (): boolean => rate === 0 && burst > 0 && this.#accepted === this.#store.finished;
    await this.#time.runUntil(seconds, isDrained);
    const counted = { seconds: this.#time.seconds - fromSecond, copies: this.#store.finished - before };
    return this.#outcome(counted, isDrained());
  }

  #accept(): void {
    const { now } = this.#time;
    this.#accepted += 1;
    const enqueuedAt = now();
    const copy: JournalCopy = sampleCopy(this.#accepted, {
      mid: toMid(this.#accepted),
      sizeBytes: 0,
      sha256: EMPTY_SHA256,
      enqueuedAt,
      expiresAt: enqueuedAt + LIFE_MS,
    });
    const intake = this.#intakes[Math.floor(this.#random() * this.#intakes.length)];
    void intake?.accept(copy);
  }

  /** Poisson: the pauses between messages are independent of each other. */
  #acceptNext(rate: number): void {
    this.#dueMs += (-Math.log(1 - this.#random()) * 1000) / rate;
    setTimeout(
      () => {
        this.#accept();
        this.#acceptNext(rate);
      },
      Math.max(0, Math.round(this.#dueMs - this.#time.seconds * 1000)),
    );
  }

  #look(): void {
    if (this.#time.seconds > this.#scenario.fromSecond) this.#connections.push(this.#store.openConnections);
  }

  #loseOne(how: 'killed' | 'drained'): void {
    const byConnections = this.#deliveries.toSorted((a, b) => b.openConnections - a.openConnections);
    const [busiest] = byConnections;
    if (busiest === undefined) return;
    if (how === 'drained') {
      busiest.leave();
      return;
    }
    const jobs = busiest.die();
    const now = this.#time.now();
    // The lock was renewed a moment ago at best; who looks for stalled jobs next finds it gone.
    const freed = Math.ceil((now + LOCK_MS) / STALLED_CHECK_MS) * STALLED_CHECK_MS;
    for (const job of jobs) this.#store.putBack(job, freed);
  }

  #outcome(counted: Outcome['counted'], isDrained: boolean): Outcome {
    const { tally, latencies, records, finishedAt } = this.#store;
    const sorted = Float64Array.from(latencies).sort();
    const inSeconds = (share: number): number | undefined => {
      const milliseconds = percentile(sorted, share);
      return milliseconds === undefined ? undefined : milliseconds / 1000;
    };
    const sent = this.#deliveries.map((process) => process.sent);
    const outcomes = [...records.values()];
    const delivered = outcomes.filter(({ outcome }) => outcome === 'delivered').length;
    const looks = this.#connections;
    return {
      connections: {
        max: Math.max(0, ...looks),
        mean: looks.reduce((sum, one) => sum + one, 0) / Math.max(1, looks.length),
      },
      drainSeconds: isDrained ? this.#time.seconds - (this.#time.now() - finishedAt) / 1000 : undefined,
      latency: { p50: inSeconds(0.5), p99: inSeconds(0.99) },
      delivered,
      expired: outcomes.filter(({ outcome }) => outcome === 'hard-bounced').length,
      doubled:
        isDrained && this.#scenario.fromSecond === 0
          ? sent.reduce((sum, one) => sum + one, 0) - delivered
          : undefined,
      shares: {
        least: Math.min(...sent),
        most: Math.max(...sent),
        none: sent.filter((one) => one === 0).length,
      },
      copiesPerJob: tally.count('begin').items / Math.max(1, tally.count('begin').calls),
      putBacks: tally.count('putBack').calls,
      counted,
      redis: Object.fromEntries(
        (['copies', ...STANDING_PURPOSES] as const).map((purpose) => [purpose, tally.spentOn(purpose)]),
      ) as Record<Purpose, Spent>,
    };
  }
}
