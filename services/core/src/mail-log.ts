import type { DeliveryFailure, HardBounceReason } from './delivery-failure.ts';
import type { Dcid, Icid, Mid, Rid } from './ids.ts';

export type LogLevel = 'debug' | 'info' | 'warning' | 'critical';

/** A connection's two ends, as a log line names them. */
export interface ConnectionEnds {
  readonly localAddress: string;
  readonly peerAddress: string;
  readonly port: number;
}

/**
 * Every event that is logged, in one union; the text and the JSON form are two renderings of it and cannot drift.
 * The wording is a contract (spec §7): other people's parsers read it.
 */
export type MailLogEvent =
  // Intake.
  | { readonly kind: 'start'; readonly mid: Mid; readonly icid: Icid }
  | { readonly kind: 'from'; readonly mid: Mid; readonly icid: Icid; readonly sender: string }
  | {
      readonly kind: 'to';
      readonly mid: Mid;
      readonly icid: Icid;
      readonly rid: Rid;
      readonly recipient: string;
    }
  | { readonly kind: 'aborted'; readonly mid: Mid; readonly icid: Icid; readonly reason: string }
  | { readonly kind: 'message-id'; readonly mid: Mid; readonly messageIdHeader: string }
  | { readonly kind: 'subject'; readonly mid: Mid; readonly subject: string }
  | { readonly kind: 'ready'; readonly mid: Mid; readonly sizeBytes: number; readonly sender: string }
  | { readonly kind: 'policy-matched'; readonly mid: Mid; readonly policy: string }
  | { readonly kind: 'split'; readonly mid: Mid; readonly newMid: Mid; readonly policy: string }
  | {
      readonly kind: 'enqueued';
      readonly mid: Mid;
      readonly messageIdHeader: string;
      readonly intake: string;
      readonly address: string;
    }
  // Delivery.
  | { readonly kind: 'new-dcid'; readonly dcid: Dcid; readonly intake: string; readonly ends: ConnectionEnds }
  | { readonly kind: 'tls-success'; readonly dcid: Dcid; readonly protocol: string; readonly cipher: string }
  | { readonly kind: 'tls-failed'; readonly dcid: Dcid; readonly reason: string }
  | { readonly kind: 'delivery-start'; readonly dcid: Dcid; readonly mid: Mid }
  | { readonly kind: 'delivered'; readonly mid: Mid; readonly dcid: Dcid; readonly intake: string }
  | { readonly kind: 'finished'; readonly mid: Mid }
  | {
      readonly kind: 'connection-error';
      readonly dcid: Dcid;
      readonly intake: string;
      readonly ends: ConnectionEnds;
      /** One word: `timeout`, `refused`, `reset` … */
      readonly details: string;
      readonly reason: string;
    }
  | {
      readonly kind: 'delayed';
      readonly dcid: Dcid;
      readonly mid: Mid;
      readonly failure: DeliveryFailure;
    }
  | {
      readonly kind: 'pending';
      readonly mid: Mid;
      /** Milliseconds since the epoch. */
      readonly until: number;
      /** The zone in which `until` is written, minutes east of UTC. */
      readonly offsetMinutes: number;
    }
  | {
      readonly kind: 'dns-error';
      readonly failure: Extract<DeliveryFailure, { kind: 'dns' }>;
      /** An authoritative answer, never retried. */
      readonly hard: boolean;
    }
  /** Without a failure: the copy outlived its deadline. */
  | { readonly kind: 'hard-bounced'; readonly mid: Mid; readonly failure?: DeliveryFailure }
  | {
      readonly kind: 'delivery-failed';
      readonly mid: Mid;
      readonly intake: string;
      readonly reason: HardBounceReason;
    }
  | { readonly kind: 'bounced'; readonly dcid: Dcid; readonly mid: Mid; readonly failure?: DeliveryFailure }
  | { readonly kind: 'dcid-close'; readonly dcid: Dcid }
  // Operation of the processes themselves: `name` is stable and greppable, `text` is for people.
  | {
      readonly kind: 'notice';
      readonly level: LogLevel;
      readonly name: string;
      readonly text: string;
      readonly fields?: Readonly<Record<string, string | number | boolean>>;
    };
