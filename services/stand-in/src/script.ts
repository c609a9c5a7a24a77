/** Where in the dialogue a script acts. `final-dot`: when the whole message is there. */
export const VERBS = [
  'banner',
  'ehlo',
  'starttls',
  'mail',
  'rcpt',
  'data',
  'final-dot',
  'rset',
  'quit',
] as const;
export type Verb = (typeof VERBS)[number];

/** What the stand-in does in place of what is right. */
export type Action =
  /** Answers this, whole lines without CRLF: `451 4.3.0 later`. */
  | { readonly reply: string }
  /** Answers this, then closes. */
  | { readonly replyAndClose: string }
  | { readonly end: 'close' | 'reset' | 'stall' }
  /** As `end`, but the message is kept: it was taken, the answer is lost. Only for `final-dot`. */
  | { readonly takeAnd: 'close' | 'reset' | 'stall' }
  /** Does what is right, so much later. */
  | { readonly delayMs: number }
  /** Says this again and again and never ends the line. */
  | { readonly drip: string };

export const TLS_MODES = [
  'normal',
  /** STARTTLS is not offered, and refused with 502. */
  'none',
  /** STARTTLS is offered and answered 454. */
  'refuse',
  /** 220, then octets that are no TLS. */
  'garbage',
  /** 220, then nothing. */
  'hang',
  /** 220, then a reset. */
  'reset',
  /** Nothing newer than TLS 1.1. */
  'old',
  /** A certificate of the client is demanded. */
  'client-certificate',
] as const;
export type TlsMode = (typeof TLS_MODES)[number];

/** How the stand-in misbehaves; everything left out is done right. */
export interface Script {
  /** Per verb, one action for each occurrence in turn; what follows the last is done right. */
  readonly steps?: Readonly<Partial<Record<Verb, readonly Action[]>>>;
  /** Per verb, for every occurrence that no step is left for. */
  readonly always?: Readonly<Partial<Record<Verb, Action>>>;
  readonly tls?: TlsMode;
  /** Name of the certificate to show, of those it was started with. */
  readonly certificate?: string;
  readonly maxTlsVersion?: 'TLSv1.2' | 'TLSv1.3';
  /** EHLO keywords that are not offered. */
  readonly without?: readonly string[];
  readonly maxSizeBytes?: number;
  /** 421 in place of the answer to MAIL behind so many messages of a connection. */
  readonly messagesPerConnection?: number;
  /** 421 in place of the banner above so many connections. */
  readonly maxConnections?: number;
  /** What happens when so many octets of a message have come in. */
  readonly atByte?:
    | { readonly byte: number; readonly end: 'close' | 'reset' | 'stall' }
    /** Said before its time, and then no more of the message's end. */
    | { readonly byte: number; readonly reply: string };
}

/** A script being played: hands out the action of each occurrence. */
export interface Playing {
  readonly script: Script;
  next(verb: Verb): Action | undefined;
}

export function play(script: Script): Playing {
  const played = new Map<Verb, number>();
  return {
    script,
    next(verb) {
      const index = played.get(verb) ?? 0;
      played.set(verb, index + 1);
      return script.steps?.[verb]?.[index] ?? script.always?.[verb];
    },
  };
}
