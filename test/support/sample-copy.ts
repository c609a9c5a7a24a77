import { type JournalCopy, MAX_QUEUE_AGE_SECONDS, toMid } from '@tdc/core';

/** When the sample copies were enqueued, unless a test says otherwise. The present, since Redis lets the past expire. */
export const SAMPLE_TIME = Date.now();

/** A copy as intake makes it, of a message of its own. */
export function sampleCopy(mid: number, changes: Partial<JournalCopy> = {}): JournalCopy {
  const enqueuedAt = changes.enqueuedAt ?? SAMPLE_TIME;
  return {
    mid: toMid(mid),
    journalId: `journal-id-of-${mid}`,
    route: {
      intake: 'primary',
      address: '33c48e-27xp9-05ecb4@beta.cmd.example.com',
      port: 25,
      format: 'journal',
      envelopeSender: '',
      remoteIpHeader: 'X-IronPort-RemoteIP',
    },
    policy: 'special_people',
    policyRevision: 7,
    sender: 'bill@lawfirm.example',
    recipients: ['ann@example.com'],
    clientAddress: '192.0.2.17',
    messageIdHeader: `<${mid}@lawfirm.example>`,
    sizeBytes: 3,
    sha256: 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
    eightBit: false,
    smtpUtf8: false,
    bareNewlines: 'none',
    enqueuedAt,
    expiresAt: enqueuedAt + MAX_QUEUE_AGE_SECONDS * 1000,
    ...changes,
  };
}

/** The same copy on the way to another intake. */
export function toIntake(copy: JournalCopy, intake: string): JournalCopy {
  return { ...copy, route: { ...copy.route, intake } };
}
