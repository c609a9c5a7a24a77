import type { DeliveryFailure, NetworkFailureReason } from '@tdc/core';
import type { DestinationPorts } from '../ports.ts';

/** A peer may count a connection for so long behind its end. */
const STILL_COUNTED_MS = 1_000;
const TURNED_AWAY: ReadonlySet<string> = new Set<NetworkFailureReason>(['refused', 'reset', 'closed']);

/** Tells a peer that has no room for another connection from one that is gone: both end a new one in the same way. */
export class PeerLimit {
  readonly #intake: string;
  readonly #ports: Pick<DestinationPorts, 'ceiling' | 'now'>;
  /** When the last connection that stood was closed. */
  #goneAt = Number.NEGATIVE_INFINITY;

  constructor(intake: string, ports: Pick<DestinationPorts, 'ceiling' | 'now'>) {
    this.#intake = intake;
    this.#ports = ports;
  }

  /** It took a connection, or a copy over one. */
  served(): void {
    this.#ports.ceiling.served(this.#intake);
  }

  /** A connection that stood is closed. */
  gone(): void {
    this.#goneAt = this.#ports.now();
  }

  /** Whether a limit may be why a connection failed: it was answered by a 4XX before any mail, or by no word at all. */
  mayExplain(failure: DeliveryFailure): boolean {
    if (failure.kind === 'smtp-reply') return failure.reply.code < 500;
    return failure.kind === 'network' && TURNED_AWAY.has(failure.reason);
  }

  /** Whether the peer is there, for it serves other workers, or has served this one until now. */
  async isReached(): Promise<boolean> {
    if (this.#ports.now() < this.#goneAt + STILL_COUNTED_MS) return true;
    return this.#ports.ceiling.servesOthers(this.#intake);
  }
}
