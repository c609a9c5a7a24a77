import {
  type BareNewlineHandling,
  decide,
  type HeaderField,
  type Mid,
  messageIdOf,
  type Network,
  type PolicyDecision,
  type PolicySnapshot,
  parseHeaderFields,
  subjectOf,
  toRid,
} from '@tdc/core';
import type { FinishedBody, SpoolWriter } from '@tdc/platform';
import type {
  Acceptance,
  AcceptancePorts,
  Deadline,
  IncomingMessage,
  NotAccepted,
  Storage,
} from '../ports.ts';
import type { Room } from './admission.ts';
import { type BodyScan, createBodyScan } from './body-scan.ts';
import { commitCopies } from './commit-copies.ts';
import { findLoop } from './loop-guard.ts';
import { originOf } from './origin.ts';
import { type PlannedSplinter, planCopies } from './plan-copies.ts';
import { drained, receiveBody } from './receive-body.ts';
import { unstorable } from './unstorable.ts';

export interface AcceptanceRules {
  readonly trustedPeers: readonly Network[];
  readonly bareNewlines: 'reject' | 'note' | 'wrap';
  readonly maxQueueAgeSeconds: number;
  readonly maxMessageBytes: number;
}

/** A message that has its MID, and what it is received with. */
interface BegunMessage {
  readonly mid: Mid;
  readonly message: IncomingMessage;
  readonly policy: PolicySnapshot;
  readonly storage: Storage;
  readonly room: Room;
}

/** A message whose octets are all there, and what is needed to decide about it. */
interface CompleteMessage {
  readonly begun: BegunMessage;
  readonly scan: BodyScan;
  readonly bareNewlines: BareNewlineHandling;
  readonly writer: SpoolWriter;
  /** Aborts when the answer is due. */
  readonly late: Deadline;
}

const unavailable = (reason: 'storage' | 'policy' | 'time'): NotAccepted => ({ kind: 'unavailable', reason });

/**
 * Accepts one message: spools it while it comes in, decides, commits, queues. `accepted` means that every copy that is
 * due is safe in Redis (spec §9); in every other case nothing is left of the message, and the gateway still has it.
 * Once the message is in, the answer comes by the store deadline.
 */
export function createAcceptMessage(ports: AcceptancePorts, rules: AcceptanceRules) {
  return async (message: IncomingMessage): Promise<Acceptance> => {
    const storage = ports.storage();
    if (storage === undefined) return drained(message, unavailable('storage'));
    const policy = ports.policy();
    if (policy === undefined) return drained(message, unavailable('policy'));
    const [mid] = (await ports.takeMids(1)) ?? [];
    if (mid === undefined) return drained(message, unavailable('storage'));
    logEnvelope(ports, mid, message);
    const room = ports.admission.open(message, rules.maxMessageBytes);
    try {
      return await receive({ mid, message, policy, storage, room });
    } finally {
      room.leave();
    }
  };

  async function receive(begun: BegunMessage): Promise<Acceptance> {
    const { mid, message, storage, room } = begun;
    const scan = createBodyScan();
    const writer = storage.spool.open(mid);
    const received = await receiveBody(message, { scan, writer, room, bareNewlines: rules.bareNewlines });
    const late = ports.storeDeadline();
    const acceptance =
      received.kind === 'complete'
        ? await unlessLate(
            store(ports, rules, { begun, scan, bareNewlines: received.bareNewlines, writer, late }),
            late,
            unavailable('time'),
          )
        : await unlessLate(abandoned(writer, received.acceptance), late, received.acceptance);
    if (acceptance.kind !== 'accepted') {
      ports.log({ kind: 'aborted', mid, icid: message.icid, reason: describe(acceptance) });
    }
    return acceptance;
  }
}

/**
 * What the work answers, or the other answer when it is not there in time. The work then goes on by itself: it looks at
 * the same signal, and takes back what it did.
 */
function unlessLate<T>(work: Promise<T>, late: Deadline, otherwise: T): Promise<T> {
  return new Promise((resolve, reject) => {
    const onLate = (): void => resolve(otherwise);
    late.addEventListener('abort', onLate);
    if (late.aborted) onLate();
    const unwatch = (): void => late.removeEventListener('abort', onLate);
    work.then(
      (value) => {
        unwatch();
        resolve(value);
      },
      (error: unknown) => {
        unwatch();
        reject(error);
      },
    );
  });
}

async function abandoned<T>(writer: Pick<SpoolWriter, 'abandon'>, acceptance: T): Promise<T> {
  await writer.abandon();
  return acceptance;
}

/** Why nothing came of a message that was begun. */
function describe(acceptance: NotAccepted): string {
  switch (acceptance.kind) {
    case 'aborted':
      return 'the client went away';
    case 'refused':
      return acceptance.reason === 'too-large' ? 'message too large' : 'bare CR or LF';
    case 'unavailable':
      return acceptance.reason === 'time'
        ? 'could not be stored in time'
        : `${acceptance.reason} not available${acceptance.detail === undefined ? '' : `: ${acceptance.detail}`}`;
  }
}

function logEnvelope(
  { log }: AcceptancePorts,
  mid: Mid,
  { icid, sender, recipients }: IncomingMessage,
): void {
  log({ kind: 'start', mid, icid });
  log({ kind: 'from', mid, icid, sender });
  let rid = 0;
  for (const recipient of recipients) {
    log({ kind: 'to', mid, icid, rid: toRid(rid), recipient });
    rid += 1;
  }
}

/** From the last octet to the copies: everything that the client waits for. */
async function store(
  ports: AcceptancePorts,
  rules: AcceptanceRules,
  complete: CompleteMessage,
): Promise<Acceptance> {
  const { begun, writer, late, bareNewlines } = complete;
  const { mid, storage } = begun;
  let body: FinishedBody;
  try {
    body = await writer.finish();
  } catch (error) {
    return abandoned(writer, unstorable(error));
  }
  if (late.aborted) return abandoned(writer, unavailable('time'));
  const finding = decideAbout(complete, rules);
  const messageIdHeader = messageIdOf(finding.fields);
  logContent(ports, begun, {
    messageIdHeader,
    subject: subjectOf(finding.fields),
    sizeBytes: body.sizeBytes,
  });
  const { splinters, ignoredHeaders } = finding.decision;
  // The message's own MID goes on where there is one splinter (spec §3).
  const mids = splinters.length === 1 ? [mid] : await ports.takeMids(splinters.length);
  if (mids === undefined) return abandoned(writer, unavailable('storage'));
  const planned = plan(rules, complete, {
    finding,
    body,
    messageIdHeader,
    mids,
    enqueuedAt: ports.now(),
  });
  const message = { mid, planned, unstored: body.unstored };
  const committed = await commitCopies(message, { storage, log: ports.log, late });
  if (committed.kind !== 'committed') return committed;
  const { queued } = committed;
  return { kind: 'accepted', mid, queued, sizeBytes: body.sizeBytes, bareNewlines, ignoredHeaders };
}

interface Finding {
  readonly decision: PolicyDecision;
  readonly fields: readonly HeaderField[];
  readonly clientAddress: string | undefined;
}

/** Direction, verdict, policies, from the head of the message and what is known of its peer. */
function decideAbout(complete: CompleteMessage, rules: AcceptanceRules): Finding {
  const { begun, scan } = complete;
  const { message, policy, storage } = begun;
  const { sender, recipients, peer } = message;
  const head = scan.head();
  const { fields, bodyOffset } = parseHeaderFields(head);
  const origin = originOf(peer, fields, rules.trustedPeers);
  const loop = findLoop(
    { sender, recipients, fields, bodyStart: head.subarray(bodyOffset) },
    policy.document,
    storage.journalIds,
  );
  const mail = { sender, recipients, ...origin, fields, trusted: peer.trusted, ...loop };
  return {
    decision: decide(policy.document, mail),
    fields,
    clientAddress: origin.clientAddress,
  };
}

function logContent(
  { log }: AcceptancePorts,
  { mid, message }: BegunMessage,
  content: { readonly messageIdHeader: string; readonly subject: string; readonly sizeBytes: number },
): void {
  log({ kind: 'message-id', mid, messageIdHeader: content.messageIdHeader });
  log({ kind: 'subject', mid, subject: content.subject });
  log({ kind: 'ready', mid, sizeBytes: content.sizeBytes, sender: message.sender });
}

interface Decided {
  readonly finding: Finding;
  readonly body: FinishedBody;
  readonly messageIdHeader: string;
  /** One for each splinter. */
  readonly mids: readonly Mid[];
  readonly enqueuedAt: number;
}

function plan(
  rules: AcceptanceRules,
  { begun, scan, bareNewlines }: CompleteMessage,
  { finding, body, messageIdHeader, mids, enqueuedAt }: Decided,
): readonly PlannedSplinter[] {
  const input = {
    message: begun.message,
    splinters: finding.decision.splinters,
    messageIdHeader,
    body,
    eightBit: scan.isEightBit(),
    bareNewlines,
    clientAddress: finding.clientAddress,
    policyRevision: begun.policy.revision,
    enqueuedAt,
    expiresAt: enqueuedAt + rules.maxQueueAgeSeconds * 1000,
  };
  return planCopies(input, { mids, createJournalId: () => begun.storage.journalIds.create() });
}
