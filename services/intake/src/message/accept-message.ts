import {
  type BareNewlineHandling,
  decide,
  type Mid,
  messageIdOf,
  type Network,
  type PolicySnapshot,
  parseHeaderFields,
  subjectOf,
  toRid,
} from '@tdc/core';
import type { SpooledBody, SpoolWriter } from '@tdc/platform';
import type { Acceptance, AcceptancePorts, IncomingMessage, Storage } from '../ports.ts';
import { type BodyScan, createBodyScan } from './body-scan.ts';
import { findLoop } from './loop-guard.ts';
import { originOf } from './origin.ts';
import { copiesOf, type PlannedSplinter, planCopies, skipsOf } from './plan-copies.ts';

export interface AcceptanceRules {
  readonly trustedPeers: readonly Network[];
  readonly bareNewlines: 'reject' | 'note' | 'wrap';
  readonly maxQueueAgeSeconds: number;
}

type Received =
  | { readonly kind: 'complete'; readonly body: SpooledBody; readonly handling: BareNewlineHandling }
  | { readonly kind: 'failed'; readonly acceptance: Acceptance };

const unavailable = (reason: 'storage' | 'policy'): Acceptance => ({ kind: 'unavailable', reason });

/**
 * Accepts one message: spools it while it comes in, decides, commits, queues. `accepted` means that every copy that is
 * due is safe in Redis (spec §9); in every other case nothing is left of the message, and the gateway still has it.
 */
export function createAcceptMessage(ports: AcceptancePorts, rules: AcceptanceRules) {
  return async (message: IncomingMessage): Promise<Acceptance> => {
    const storage = ports.storage();
    const policy = ports.policy();
    const mid = ports.nextMid();
    if (storage === undefined || mid === undefined) return drained(message, unavailable('storage'));
    if (policy === undefined) return drained(message, unavailable('policy'));
    logEnvelope(ports, mid, message);
    const scan = createBodyScan();
    const writer = storage.spool.open(mid);
    const received = await receive(message, { scan, writer, rules });
    if (received.kind === 'failed') {
      await writer.abandon();
      return given(ports, mid, message, received.acceptance);
    }
    const planned = plan(ports, rules, { mid, message, scan, policy, storage, ...received });
    const acceptance =
      planned === undefined
        ? unavailable('storage')
        : await commit(ports, storage, { mid, planned, sizeBytes: received.body.sizeBytes });
    return given(ports, mid, message, acceptance);
  };
}

/** Logs why nothing came of a message that was begun. */
function given(
  ports: AcceptancePorts,
  mid: Mid,
  { icid }: IncomingMessage,
  acceptance: Acceptance,
): Acceptance {
  if (acceptance.kind !== 'accepted') ports.log({ kind: 'aborted', mid, icid, reason: describe(acceptance) });
  return acceptance;
}

/** Reads a message to its end without keeping it, so that the answer comes where the client waits for it. */
async function drained(message: IncomingMessage, acceptance: Acceptance): Promise<Acceptance> {
  try {
    for await (const _ of message.body);
    return acceptance;
  } catch {
    return { kind: 'aborted' };
  }
}

function describe(acceptance: Acceptance): string {
  switch (acceptance.kind) {
    case 'aborted':
      return 'the client went away';
    case 'refused':
      return acceptance.reason === 'too-large' ? 'message too large' : 'bare CR or LF';
    case 'unavailable':
      return `${acceptance.reason} not available`;
    case 'accepted':
      return 'accepted';
  }
}

function logEnvelope(
  { log }: AcceptancePorts,
  mid: Mid,
  { icid, sender, recipients }: IncomingMessage,
): void {
  log({ kind: 'start', mid, icid });
  log({ kind: 'from', mid, icid, sender });
  for (const [index, recipient] of recipients.entries())
    log({ kind: 'to', mid, icid, rid: toRid(index), recipient });
}

interface Reception {
  readonly scan: BodyScan;
  readonly writer: SpoolWriter;
  readonly rules: AcceptanceRules;
}

const failed = (acceptance: Acceptance): Received => ({ kind: 'failed', acceptance });

/** Spools the octets as they come. What cannot be kept is still read to its end. */
async function receive(message: IncomingMessage, { scan, writer, rules }: Reception): Promise<Received> {
  let stored = true;
  try {
    for await (const chunk of message.body) {
      if (!stored || message.tooLarge()) continue;
      scan.add(chunk);
      stored = await writer.write(chunk).then(
        () => true,
        () => false,
      );
    }
  } catch {
    return failed({ kind: 'aborted' });
  }
  if (message.tooLarge()) return failed({ kind: 'refused', reason: 'too-large' });
  if (!stored) return failed(unavailable('storage'));
  const bare = scan.hasBareNewlines();
  if (bare && rules.bareNewlines === 'reject') return failed({ kind: 'refused', reason: 'bare-newlines' });
  const handling = bare && rules.bareNewlines !== 'reject' ? rules.bareNewlines : 'none';
  return writer.finish().then(
    (body) => ({ kind: 'complete', body, handling }),
    () => failed(unavailable('storage')),
  );
}

interface Complete {
  readonly mid: Mid;
  readonly message: IncomingMessage;
  readonly scan: BodyScan;
  readonly policy: PolicySnapshot;
  readonly storage: Storage;
  readonly body: SpooledBody;
  readonly handling: BareNewlineHandling;
}

/** Decides about a message that is spooled, and logs what was found. */
function plan(ports: AcceptancePorts, rules: AcceptanceRules, complete: Complete) {
  const { mid, message, scan, policy, storage, body } = complete;
  const head = scan.head();
  const { fields, bodyOffset } = parseHeaderFields(head);
  const origin = originOf(message.peer, fields, rules.trustedPeers);
  const { sender, recipients } = message;
  const loop = findLoop(
    { sender, recipients, fields, bodyStart: head.subarray(bodyOffset) },
    policy.document,
    storage.journalIds,
  );
  const decision = decide(policy.document, {
    sender,
    recipients,
    ...origin,
    fields,
    trusted: message.peer.trusted,
    ...loop,
  });
  ports.log({ kind: 'message-id', mid, messageIdHeader: messageIdOf(fields) });
  ports.log({ kind: 'subject', mid, subject: subjectOf(fields) });
  ports.log({ kind: 'ready', mid, sizeBytes: body.sizeBytes, sender });
  const enqueuedAt = ports.now();
  return planCopies(
    {
      mid,
      message,
      decision,
      fields,
      body,
      eightBit: scan.isEightBit(),
      bareNewlines: complete.handling,
      clientAddress: origin.clientAddress,
      policyRevision: policy.revision,
      enqueuedAt,
      expiresAt: enqueuedAt + rules.maxQueueAgeSeconds * 1000,
    },
    { nextMid: ports.nextMid, createJournalId: () => storage.journalIds.create() },
  );
}

function logSplinters({ log }: AcceptancePorts, mid: Mid, planned: readonly PlannedSplinter[]): void {
  const split = planned.length > 1;
  for (const { mid: newMid, splinter } of planned) {
    if (splinter.policy === '') continue;
    if (split) log({ kind: 'split', mid, newMid, policy: splinter.policy });
    else log({ kind: 'policy-matched', mid, policy: splinter.policy });
  }
}

/** Body, account, job, in this order: whatever dies in between, nothing is lost and nothing is counted twice. */
async function commit(
  ports: AcceptancePorts,
  storage: Storage,
  work: { readonly mid: Mid; readonly planned: readonly PlannedSplinter[]; readonly sizeBytes: number },
): Promise<Acceptance> {
  const { mid, planned, sizeBytes } = work;
  const copies = copiesOf(planned);
  const queued = copies.map((copy) => copy.mid);
  const others = queued.filter((one) => one !== mid);
  const { spool, ledger, queue } = storage;
  try {
    await spool.duplicate(mid, others);
    if (!queued.includes(mid)) await spool.remove([mid]);
    await ledger.commit({ enqueue: copies, skipped: skipsOf(planned) });
  } catch {
    // Whether the commit took effect is not known: take it back as well.
    await ledger.withdraw(queued).catch(() => undefined);
    await spool.remove([mid, ...others]).catch(() => undefined);
    return unavailable('storage');
  }
  logSplinters(ports, mid, planned);
  for (const { mid: copyMid, messageIdHeader, route } of copies) {
    ports.log({
      kind: 'enqueued',
      mid: copyMid,
      messageIdHeader,
      intake: route.intake,
      address: route.address,
    });
  }
  try {
    await queue.add(copies);
  } catch {
    // The account stands without the jobs: take it back, or leave it to the sweep, which queues what it finds.
    await ledger.withdraw(queued).catch(() => undefined);
    return unavailable('storage');
  }
  await ledger.confirmQueued(queued).catch(() => undefined);
  return { kind: 'accepted', mid, queued, sizeBytes };
}
