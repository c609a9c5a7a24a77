import { type ServerUnaryCall, type sendUnaryData, status } from '@grpc/grpc-js';
import { decide, parseHeaderFields } from '@tdc/core';
import type { policyV1 } from '@tdc/proto';
import type { PolicyStore } from './policy-store.ts';
import type { Revision } from './ports.ts';
import { toSnapshotMessage, type WatchStreams } from './watch-streams.ts';

type Unary<Request, Response> = (
  call: ServerUnaryCall<Request, Response>,
  answer: sendUnaryData<Response>,
) => void;

/** The gRPC face of the store: translates, decides nothing. */
export function createPolicyServer(store: PolicyStore, streams: WatchStreams): policyV1.PolicyServiceServer {
  const whenLoaded =
    <Request, Response>(make: (revision: Revision, request: Request) => Response): Unary<Request, Response> =>
    (call, answer) => {
      const current = store.current();
      if (current === undefined) answer({ code: status.UNAVAILABLE, details: store.whyNone() });
      else answer(null, make(current, call.request));
    };
  return {
    getSnapshot: whenLoaded((revision) => ({
      snapshot: toSnapshotMessage(revision),
      loadError: store.loadError(),
    })),
    watch: (stream) => streams.open(stream, store.current()),
    explain: whenLoaded(explain),
  };
}

function explain(revision: Revision, request: policyV1.ExplainRequest): policyV1.ExplainResponse {
  const decision = decide(revision.document, {
    sender: request.sender,
    recipients: request.recipients,
    ...(request.clientAddress === '' ? {} : { clientAddress: request.clientAddress }),
    authenticated: request.authenticated,
    fields: parseHeaderFields(request.headers).fields,
    trusted: request.trusted,
    loop: false,
    bounceOfCopy: false,
  });
  return {
    revision: revision.revision,
    direction: decision.direction,
    directionReason: decision.directionReason,
    verdict: decision.verdict,
    verdictReason: decision.verdictReason,
    splinters: decision.splinters.map(({ policy, recipients, matchReason, action }) => ({
      policy,
      recipients: [...recipients],
      matchReason,
      action: action.kind,
      skipReason: action.kind === 'skip' ? action.reason : '',
      intake: action.kind === 'enqueue' ? action.intake.alias : '',
      intakeAddress: action.kind === 'enqueue' ? action.intake.address : '',
      format: action.kind === 'enqueue' ? action.intake.format : '',
    })),
  };
}
