import type { Acceptance, UnavailableReason } from './ports.ts';

/** A reply of ours, whole. */
export interface Reply {
  readonly code: number;
  /** The enhanced status code (RFC 3463), `x.y.z`. */
  readonly status: string;
  readonly text: string;
}

export const UNAVAILABLE: Readonly<Record<UnavailableReason, Reply>> = {
  storage: { code: 451, status: '4.3.0', text: 'The message store is not available, try again later' },
  replicas: {
    code: 451,
    status: '4.3.0',
    text: 'The message could not be replicated in time, try again later',
  },
  memory: { code: 452, status: '4.3.1', text: 'The message store is nearly full, try again later' },
  policy: { code: 451, status: '4.3.0', text: 'No mail policy is loaded yet, try again later' },
  time: { code: 451, status: '4.3.0', text: 'The message could not be stored in time, try again later' },
};

export const TLS_REQUIRED: Reply = {
  code: 530,
  status: '5.7.0',
  text: 'Must issue a STARTTLS command first',
};

/** For what should never happen: the gateway keeps the message until a mended version takes it. */
export const FAILED: Reply = {
  code: 451,
  status: '4.3.0',
  text: 'Local error in processing, try again later',
};

export const SHUTTING_DOWN: Reply = { code: 421, status: '4.3.2', text: 'Server shutting down' };

export const SESSION_USED_UP: Reply = {
  code: 421,
  status: '4.3.2',
  text: 'This session has had its share, please open another',
};

export const TOO_SLOW: Reply = { code: 421, status: '4.4.2', text: 'The transaction took too long' };

/** A reply's line must stay short (RFC 5321 §4.5.3.1.5): a message may have made hundreds of copies. */
const MAX_NAMED = 30;

function namesOf(mids: readonly number[]): string {
  const named = mids.slice(0, MAX_NAMED).join(', ');
  return mids.length > MAX_NAMED ? `${named} and ${mids.length - MAX_NAMED} more` : named;
}

/** What the client is told about its message. */
export function replyTo(acceptance: Acceptance): Reply {
  switch (acceptance.kind) {
    case 'accepted':
      return {
        code: 250,
        status: '2.0.0',
        text:
          acceptance.queued.length === 0
            ? `Ok: MID ${acceptance.mid} accepted, no copy due`
            : `Ok: queued as MID ${namesOf(acceptance.queued)}`,
      };
    case 'refused':
      return acceptance.reason === 'too-large'
        ? { code: 552, status: '5.3.4', text: 'Message exceeds fixed maximum message size' }
        : {
            code: 550,
            status: '5.6.11',
            text: 'Bare CR or LF in the message is not allowed (RFC 5321 section 2.3.8)',
          };
    case 'unavailable':
      return UNAVAILABLE[acceptance.reason];
    case 'aborted':
      return { code: 451, status: '4.4.2', text: 'The message was not received in full' };
  }
}
