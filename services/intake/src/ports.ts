import type { BareNewlineHandling, Icid, JournalCopy, MailLogEvent, Mid, PolicySnapshot } from '@tdc/core';
import type { JournalIds, Ledger, ReplicaBarrier, Spool } from '@tdc/platform';
import type { Admission } from './message/admission.ts';

/** Whoever hands over the message, as the connection and its gateway commands tell. */
export interface Peer {
  /** Address of the socket's other end. */
  readonly address: string;
  /** Its headers and forwarded addresses count. */
  readonly trusted: boolean;
  /** ADDR of XCLIENT or XFORWARD; undefined when not given. */
  readonly forwardedAddress: string | undefined;
  /** LOGIN of XCLIENT: the gateway's client was authenticated. */
  readonly login: boolean;
}

/** One message as it comes in. */
export interface IncomingMessage {
  readonly icid: Icid;
  readonly peer: Peer;
  /** '' is the null sender. */
  readonly sender: string;
  readonly recipients: readonly string[];
  readonly smtpUtf8: boolean;
  /** SIZE of MAIL (RFC 1870); undefined when it was not given. */
  readonly declaredBytes: number | undefined;
  /** The octets behind DATA, unstuffed. Rejects when the client goes away before the end. */
  readonly body: AsyncIterable<Uint8Array>;
  /** Whether what was read so far passes the size limit: the rest is only drained. */
  readonly tooLarge: () => boolean;
  /**
   * Calls back when the client goes away before the end, at once where it has: for who waits in the midst of the body and
   * does not read. Only the last to ask is told. That it has gone is not seen while more of it is on its way than is taken
   * unread: its end stands behind that.
   */
  readonly whenGone: (tell: () => void) => void;
}

/** What became of a message: the listener makes a reply of it, the metrics a count. */
export type Acceptance = Accepted | NotAccepted;

/** Everything that is due is safe. */
export interface Accepted {
  readonly kind: 'accepted';
  readonly mid: Mid;
  /** The MIDs of the copies. */
  readonly queued: readonly Mid[];
  readonly sizeBytes: number;
  readonly bareNewlines: BareNewlineHandling;
  /** Verdict headers that were not believed, their peer not being trusted. */
  readonly ignoredHeaders: number;
}

export type NotAccepted =
  | { readonly kind: 'refused'; readonly reason: 'too-large' | 'bare-newlines' }
  | Unavailable
  | { readonly kind: 'aborted' };

/** What is needed is not to be had: the client keeps the message, and tries again. */
export interface Unavailable {
  readonly kind: 'unavailable';
  readonly reason: UnavailableReason;
  /** In the words of whatever failed, for the log. */
  readonly detail?: string;
}

export type UnavailableReason = 'storage' | 'replicas' | 'memory' | 'policy' | 'time';

/** The stores behind intake; present once Redis was seen to be fit. */
export interface Storage {
  readonly spool: Pick<Spool, 'open' | 'duplicate' | 'remove'>;
  readonly ledger: Pick<Ledger, 'commit' | 'confirmQueued' | 'withdraw'>;
  /** Queues the copies; rejects as the queue does. */
  readonly enqueue: (copies: readonly JournalCopy[]) => Promise<void>;
  readonly replicas: ReplicaBarrier;
  readonly journalIds: JournalIds;
}

/**
 * When messages must have been answered. An `AbortSignal` is one; what many messages share has no more than this, for a
 * signal goes through all its listeners for each that comes or goes.
 */
export interface Deadline {
  readonly aborted: boolean;
  addEventListener(type: 'abort', listener: () => void): void;
  removeEventListener(type: 'abort', listener: () => void): void;
}

/** What accepting a message needs. */
export interface AcceptancePorts {
  /** Undefined while Redis is away. */
  readonly storage: () => Storage | undefined;
  readonly policy: () => PolicySnapshot | undefined;
  /** So many numbers; undefined when they cannot be had soon. */
  readonly takeMids: (count: number) => Promise<readonly Mid[] | undefined>;
  readonly admission: Pick<Admission, 'open'>;
  /** Aborts when a message that is in must have been answered. */
  readonly storeDeadline: () => Deadline;
  readonly log: (event: MailLogEvent) => void;
  readonly now: () => number;
}
