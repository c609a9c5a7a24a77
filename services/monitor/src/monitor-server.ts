import { type ServerUnaryCall, type sendUnaryData, status } from '@grpc/grpc-js';
import {
  accountingDifference,
  activeRecipients,
  type HostStatusView,
  hardBouncedInAll,
  hardBouncedRecipients,
  noRecordOfHost,
  queueTotals,
  skippedMessages,
  toMid,
} from '@tdc/core';
import type { TrackedCopy } from '@tdc/platform';
import type { monitorV1 } from '@tdc/proto';
import type { ViewPorts } from './ports.ts';
import { hostStatus } from './view/host-status.ts';
import { topHosts } from './view/top-hosts.ts';

type Refusal = { readonly code: status; readonly details: string };

const isRefusal = (value: unknown): value is Refusal =>
  typeof value === 'object' && value !== null && 'code' in value && 'details' in value;

/** Turns an async view into a handler; Redis away is UNAVAILABLE. */
function unary<Request, Response>(view: (request: Request) => Promise<Response | Refusal>) {
  return (call: ServerUnaryCall<Request, Response>, answer: sendUnaryData<Response>): void => {
    view(call.request).then(
      (response) => (isRefusal(response) ? answer(response) : answer(null, response)),
      (error: unknown) =>
        answer({ code: status.UNAVAILABLE, details: `Redis does not answer: ${String(error)}` }),
    );
  };
}

/** The gRPC face of the views: translates, decides nothing. */
export function createMonitorServer(ports: ViewPorts): monitorV1.MonitorServiceServer {
  return {
    topHosts: unary(async () => ({
      statusAsOfMs: ports.now(),
      rows: (await topHosts(ports)).map((row) => ({ ...row })),
    })),
    hostStatus: unary<monitorV1.HostStatusRequest, monitorV1.HostStatusResponse>(async ({ host }) => {
      if (host === '') return { code: status.INVALID_ARGUMENT, details: 'which host?' };
      const view = await hostStatus(ports, host);
      if (view === undefined) return { code: status.NOT_FOUND, details: noRecordOfHost(host) };
      return toHostStatusResponse(view);
    }),
    track: unary<monitorV1.TrackRequest, monitorV1.TrackResponse>(async ({ query }) => {
      if (query === undefined || query.value === '')
        return { code: status.INVALID_ARGUMENT, details: 'which MID or Message-ID?' };
      if (query.$case === 'mid' && query.value < 1)
        return { code: status.INVALID_ARGUMENT, details: `${query.value} is no MID: they begin at 1` };
      const wanted = query.$case === 'mid' ? { mid: toMid(query.value) } : { messageIdHeader: query.value };
      return { copies: (await ports.ledger.track(wanted)).map(toTrackedMessage) };
    }),
    accounting: unary(async () => {
      const counters = await ports.ledger.counters();
      const totals = queueTotals(counters);
      return {
        seen: counters.seen,
        enqueued: totals.enqueued,
        skipped: skippedMessages(counters),
        delivered: totals.delivered,
        hardBounced: hardBouncedRecipients(totals),
        deleted: totals.deleted,
        active: activeRecipients(totals),
        difference: accountingDifference(counters),
      };
    }),
  };
}

function toHostStatusResponse(view: HostStatusView): monitorV1.HostStatusResponse {
  const { hardBounced: hard, state } = view;
  const hardBouncedTotal = hardBouncedInAll(view);
  return {
    statusAsOfMs: view.asOf,
    host: view.host,
    up: state.up,
    softBouncedEvents: view.softBouncedEvents,
    completedRecipients: hardBouncedTotal + view.delivered + view.deleted,
    hardBouncedRecipients: hardBouncedTotal,
    dnsHardBounces: hard.dns,
    fiveXxHardBounces: hard.fiveXx,
    filterHardBounces: hard.filter,
    expiredHardBounces: hard.expired,
    otherHardBounces: hard.other,
    deliveredRecipients: view.delivered,
    deletedRecipients: view.deleted,
    activeRecipients: view.unattempted + view.attempted,
    unattemptedRecipients: view.unattempted,
    attemptedRecipients: view.attempted,
    currentConnections: view.currentConnections,
    pendingConnections: view.pendingConnections,
    oldestMessageMs: view.oldestMessageAt,
    lastActivityMs: state.lastActivityAt,
    last5xxError: state.last5xx,
    mxRecords: state.mxRecords.map((mx) => ({ ...mx })),
    addresses: [...state.addresses],
  };
}

const toTrackedMessage = (copy: TrackedCopy): monitorV1.TrackedCopy => ({
  mid: copy.mid,
  state: copy.state,
  messageId: copy.messageIdHeader,
  sender: copy.sender,
  recipients: [...copy.recipients],
  policy: copy.policy,
  policyRevision: copy.policyRevision,
  intake: copy.intake,
  intakeAddress: copy.intakeAddress,
  journalId: copy.journalId,
  sizeBytes: copy.sizeBytes,
  enqueuedAtMs: copy.enqueuedAt,
  expiresAtMs: copy.expiresAt,
  finishedAttempts: copy.finishedAttempts,
  lastDcid: copy.lastDcid,
  lastReason: copy.lastReason,
  lastResponse: copy.lastResponse,
  finishedAtMs: copy.finishedAt ?? 0,
});
