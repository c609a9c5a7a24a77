import type { ConnectionEnds, DeliveryFailure, IntakeTls, SmtpReply } from '@tdc/core';
import type { CutSignal } from '../cut-signal.ts';

export interface OpenOptions {
  /** The address to connect to. */
  readonly address: string;
  readonly port: number;
  /** The name that the certificate must carry, unless the intake says another: the MX host. */
  readonly hostName: string;
  readonly ehloName: string;
  readonly tls: IntakeTls;
  /** For TCP, and again for the banner. */
  readonly connectMs: number;
  /** From `STARTTLS` to the end of the handshake. */
  readonly tlsMs: number;
  readonly replyMs: number;
  readonly finalReplyMs: number;
  /** Called when TCP stands, before anything is said. */
  readonly onConnected: (ends: ConnectionEnds) => void;
}

export type OpenResult =
  | { readonly kind: 'open'; readonly connection: OutboundConnection }
  /** `ends` is undefined when TCP itself failed. */
  | { readonly kind: 'failed'; readonly failure: DeliveryFailure; readonly ends: ConnectionEnds | undefined };

/** The octets of a message: of a short one all at once, which leave in one write; or chunks as they come. */
export type MessageContent = Uint8Array | AsyncIterable<Uint8Array>;

/** One copy as it goes over the wire. */
export interface OutboundMessage {
  readonly sender: string;
  readonly recipient: string;
  readonly sizeBytes: number;
  readonly eightBit: boolean;
  /** `wanted`: SMTPUTF8 is asked for where it is offered. `needed`: without it the message cannot be carried. */
  readonly smtpUtf8: 'no' | 'wanted' | 'needed';
  /** A CR or LF may stand alone in the content; each becomes a line end, as SMTP carries none. */
  readonly hasBareNewlines: boolean;
  /** The whole message; what it throws ends the connection before the final dot. */
  readonly content: MessageContent;
  /** Called when the last octet was handed to the socket, the final dot with it. */
  readonly onFinalDot: () => void;
}

export type SendResult =
  | { readonly kind: 'delivered'; readonly reply: SmtpReply }
  | { readonly kind: 'failed'; readonly failure: DeliveryFailure }
  /** The peer had ended a connection that was in use before, and has answered nothing of this copy. */
  | { readonly kind: 'stale' }
  /** The abort ended it, before its final dot. */
  | { readonly kind: 'cut' }
  /** The content threw: the peer has seen no final dot. */
  | { readonly kind: 'content-failed'; readonly error: unknown };

/**
 * A secured connection to an intake: one DCID. One copy at a time, and the envelope of the next in front of its turn: that
 * copy is waited for from the answer to the one before it on, and is `stale` when the connection ends sooner.
 */
export interface OutboundConnection {
  readonly ends: ConnectionEnds;
  readonly protocol: string;
  readonly cipher: string;
  /** Whether another copy can be sent; false after any loss. */
  isUsable(): boolean;
  /**
   * Sends one copy; the abort ends it at once, unless its final dot is out. A copy before it whose final dot is out is
   * waited for all the same, and only then is the connection dropped.
   */
  send(message: OutboundMessage, signal: CutSignal): Promise<SendResult>;
  /**
   * Calls back each time the next copy may be sent although the one before is not answered: on a peer with PIPELINING, when
   * the last octets of a copy are about to leave. The envelope of a copy that is sent in the microtasks that follow leaves
   * with them.
   */
  onFree(listener: () => void): void;
  /** Calls back once, when the socket is closed on both sides, for whatever reason. */
  onClosed(listener: () => void): void;
  /** Says QUIT and closes; never waits long. */
  quit(): void;
}
