import type { Acceptance, UnavailableReason } from './ports.ts';

/** A reply of ours: the code and its text; the listener adds the enhanced status code. */
export interface Reply {
  readonly code: number;
  readonly text: string;
}

export const UNAVAILABLE: Readonly<Record<UnavailableReason, Reply>> = {
  storage: { code: 451, text: 'The message store is not available, try again later' },
  memory: { code: 452, text: 'The message store is nearly full, try again later' },
  policy: { code: 451, text: 'No mail policy is loaded yet, try again later' },
  time: { code: 451, text: 'Took too long, try again later' },
};

export const TLS_REQUIRED: Reply = { code: 530, text: 'Must issue a STARTTLS command first' };

/** What the client is told about its message. */
export function replyTo(acceptance: Acceptance): Reply {
  switch (acceptance.kind) {
    case 'accepted':
      return {
        code: 250,
        text:
          acceptance.queued.length === 0
            ? `Ok: MID ${acceptance.mid} accepted, no copy due`
            : `Ok: queued as MID ${acceptance.queued.join(', ')}`,
      };
    case 'refused':
      return acceptance.reason === 'too-large'
        ? { code: 552, text: 'Message exceeds fixed maximum message size' }
        : { code: 550, text: 'Bare CR or LF in the message is not allowed (RFC 5321 section 2.3.8)' };
    case 'unavailable':
      return UNAVAILABLE[acceptance.reason];
    case 'aborted':
      return { code: 451, text: 'The message was not received in full' };
  }
}
