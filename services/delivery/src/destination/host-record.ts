import { type DeliveryFailure, formatReply, type HostState, UNKNOWN_HOST } from '@tdc/core';
import type { DestinationPorts } from '../ports.ts';
import type { Resolution } from './resolve-destination.ts';

/** What is not important is written this often at most. */
const SAVE_EVERY_MS = 2_000;

/** What is known of a destination's host; kept where tophosts and hoststatus find it. */
export class HostRecord {
  readonly #intake: string;
  readonly #ports: Pick<DestinationPorts, 'saveHost' | 'now'>;
  #state: HostState = UNKNOWN_HOST;
  /** Changes alone are saved: other workers, and this one before, have learned things that it does not know. */
  #unsaved: Partial<HostState> = {};
  #savedAt = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(intake: string, ports: Pick<DestinationPorts, 'saveHost' | 'now'>) {
    this.#intake = intake;
    this.#ports = ports;
  }

  /** Whether the last attempt to connect failed. */
  get isDown(): boolean {
    return !this.#state.up;
  }

  resolved({ mxRecords, candidates }: Extract<Resolution, { kind: 'resolved' }>): void {
    const addresses = [...new Set(candidates.map(({ address }) => address))];
    this.#change({ mxRecords, addresses }, false);
  }

  reached(): void {
    this.#change({ up: true, lastActivityAt: this.#ports.now() }, !this.#state.up);
  }

  active(): void {
    this.#change({ lastActivityAt: this.#ports.now() }, false);
  }

  /** The destination could not be reached. */
  failed(failure: DeliveryFailure): void {
    this.refused(failure);
    this.#change({ up: false, lastActivityAt: this.#ports.now() }, this.#state.up);
  }

  /** Remembers a 5XX reply, whoever it was for. */
  refused(failure: DeliveryFailure): void {
    if (failure.kind !== 'smtp-reply' || failure.reply.code < 500) return;
    this.#change({ last5xx: formatReply(failure.reply) }, true);
  }

  #change(change: Partial<HostState>, important: boolean): void {
    this.#state = { ...this.#state, ...change };
    this.#unsaved = { ...this.#unsaved, ...change };
    const waitMs = this.#savedAt + SAVE_EVERY_MS - this.#ports.now();
    if (important || waitMs <= 0) this.save();
    else this.#timer ??= setTimeout(() => this.save(), waitMs).unref();
  }

  /** Saves what is new, if anything is. */
  save(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (Object.keys(this.#unsaved).length === 0) return;
    this.#savedAt = this.#ports.now();
    this.#ports.saveHost(this.#intake, this.#unsaved);
    this.#unsaved = {};
  }
}
