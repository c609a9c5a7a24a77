import type { ClientReadableStream } from '@grpc/grpc-js';
import type { PolicySnapshot } from '@tdc/core';
import { policyV1 } from '@tdc/proto';
import { CLIENT_OPTIONS, grpcTarget } from '../grpc/client.ts';
import { connectionCause, securityProblem } from '../grpc/connection-problem.ts';
import type { ClientTransport } from '../grpc/transport.ts';
import type { HostPort } from '../process/env-reader.ts';
import type { Logger } from '../process/logger.ts';
import type { Metrics } from '../process/metrics.ts';
import { loadSnapshot, type SnapshotText, saveSnapshotText, toSnapshot } from './snapshot-file.ts';

/** Holds the newest policy revision in memory, so that no message waits for the policy service. */
export interface PolicyFollower {
  /** The revision in force; undefined when none was ever seen. */
  current(): PolicySnapshot | undefined;
  /** Called with each new revision, and at once when there is one. */
  onChange(listener: (snapshot: PolicySnapshot) => void): void;
  stop(): void;
}

export interface PolicyFollowerOptions {
  readonly address: HostPort;
  readonly transport: ClientTransport;
  /** Folder in which the last good revision is kept for a start without the service. */
  readonly stateFolder: string | undefined;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly now: () => number;
  /** Seconds without a word after which the stream counts as dead, whatever TCP says; 15 by default. */
  readonly silenceSeconds?: number;
}

/** Heartbeats come every 5 s: three of them missing. */
const SILENCE_SECONDS = 15;
const FIRST_RETRY_MS = 200;
const LAST_RETRY_MS = 5_000;

export function followPolicy(options: PolicyFollowerOptions): PolicyFollower {
  return new Follower(options);
}

class Follower implements PolicyFollower {
  readonly #options: PolicyFollowerOptions;
  readonly #client: policyV1.PolicyServiceClient;
  readonly #listeners: ((snapshot: PolicySnapshot) => void)[] = [];
  readonly #revision;
  #current: PolicySnapshot | undefined;
  #stream: ClientReadableStream<policyV1.WatchResponse> | undefined;
  #heardAt: number;
  #retryMs = FIRST_RETRY_MS;
  #retry: NodeJS.Timeout | undefined;
  #silence: NodeJS.Timeout | undefined;
  /** Whether the service's absence was logged: once per absence. */
  #absent = false;
  /** What was logged, in this absence, of a service that is there and cannot be spoken to. */
  readonly #problems = new Set<string>();
  #stopped = false;

  constructor(options: PolicyFollowerOptions) {
    this.#options = options;
    this.#heardAt = options.now();
    this.#revision = options.metrics.gauge({
      name: 'tdc_policy_revision',
      help: 'Revision of the policy document in force; 0 when there is none.',
      known: [{}],
    });
    const stale = options.metrics.gauge({
      name: 'tdc_policy_stale_seconds',
      help: 'Seconds since the policy service was last heard; it sends a heartbeat every 5 seconds.',
    });
    options.metrics.beforeScrape(async () => stale.set((options.now() - this.#heardAt) / 1000));
    this.#client = new policyV1.PolicyServiceClient(
      grpcTarget(options.address),
      options.transport.channel,
      CLIENT_OPTIONS,
    );
    this.#startFromFile();
    this.#watch();
  }

  current(): PolicySnapshot | undefined {
    return this.#current;
  }

  onChange(listener: (snapshot: PolicySnapshot) => void): void {
    this.#listeners.push(listener);
    if (this.#current !== undefined) listener(this.#current);
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#retry);
    clearTimeout(this.#silence);
    this.#stream?.cancel();
    this.#client.close();
  }

  #startFromFile(): void {
    const { stateFolder, log } = this.#options;
    const loaded = stateFolder === undefined ? undefined : loadSnapshot(stateFolder);
    if (loaded?.kind === 'unusable') {
      log.notice(
        'warning',
        'policy-file-unusable',
        `the last good copy of the policy in ${stateFolder} cannot be used`,
      );
    }
    if (loaded?.kind !== 'loaded') return;
    const { revision } = loaded.snapshot;
    this.#adopt(loaded.snapshot);
    log.notice('info', 'policy-from-file', `policy revision ${revision} taken from the last good copy`, {
      revision,
    });
  }

  #watch(): void {
    const stream = this.#client.watch({
      knownRevision: this.#current?.revision ?? 0,
      knownSha256: this.#current?.sha256 ?? '',
    });
    this.#stream = stream;
    let over = false;
    const lost = (why: string): void => {
      if (over) return;
      over = true;
      this.#lost(why);
    };
    const silent = (seconds: number): void => {
      lost(`silent for ${seconds} s`);
      stream.cancel();
    };
    this.#armSilence(silent);
    stream.on('data', (response: policyV1.WatchResponse) => {
      if (over) return;
      this.#heard();
      this.#armSilence(silent);
      if (response.event?.$case === 'snapshot') this.#receive(response.event.value);
    });
    stream.on('error', (error: Error) => lost(error.message));
    stream.on('end', () => lost('the stream ended'));
  }

  #heard(): void {
    if (this.#absent) this.#options.log.notice('info', 'policy-back', 'the policy service is back');
    this.#absent = false;
    this.#problems.clear();
    this.#heardAt = this.#options.now();
    this.#retryMs = FIRST_RETRY_MS;
  }

  #armSilence(silent: (seconds: number) => void): void {
    const seconds = this.#options.silenceSeconds ?? SILENCE_SECONDS;
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => silent(seconds), seconds * 1000);
    this.#silence.unref();
  }

  #lost(why: string): void {
    clearTimeout(this.#silence);
    if (this.#stopped) return;
    this.#tellLost(why);
    this.#absent = true;
    // Jitter, so that a restarted service is not met by everyone at once.
    const delay = this.#retryMs * (0.5 + Math.random());
    this.#retryMs = Math.min(this.#retryMs * 2, LAST_RETRY_MS);
    this.#retry = setTimeout(() => this.#watch(), delay);
  }

  /** Once per absence, and once more for each new reason why it cannot be spoken to: someone has to mend that. */
  #tellLost(why: string): void {
    const { log, transport } = this.#options;
    const problem = securityProblem(why, transport.secure);
    if (this.#absent && (problem === undefined || this.#problems.has(problem))) return;
    if (problem !== undefined) this.#problems.add(problem);
    const held =
      this.#current === undefined ? 'none yet' : `revision ${this.#current.revision} stays in force`;
    const what =
      problem === undefined
        ? `the policy service does not answer (${connectionCause(why)})`
        : `the policy service cannot be spoken to: ${problem} (${connectionCause(why)})`;
    log.notice('warning', 'policy-lost', `${what}; ${held}`);
  }

  #receive(text: SnapshotText): void {
    const { log, stateFolder } = this.#options;
    const snapshot = toSnapshot(text);
    if (snapshot === undefined) {
      log.notice(
        'critical',
        'policy-refused',
        `policy revision ${text.revision} cannot be read by this version`,
        {
          revision: text.revision,
        },
      );
      return;
    }
    this.#adopt(snapshot);
    log.notice('info', 'policy-revision', `policy revision ${snapshot.revision} is in force`, {
      revision: snapshot.revision,
    });
    if (stateFolder === undefined) return;
    try {
      saveSnapshotText(stateFolder, {
        revision: text.revision,
        sha256: text.sha256,
        documentJson: text.documentJson,
      });
    } catch (error) {
      log.notice('warning', 'policy-not-saved', `the policy cannot be kept for a restart: ${String(error)}`);
    }
  }

  #adopt(snapshot: PolicySnapshot): void {
    this.#current = snapshot;
    this.#revision.set(snapshot.revision);
    for (const listener of this.#listeners) listener(snapshot);
  }
}
