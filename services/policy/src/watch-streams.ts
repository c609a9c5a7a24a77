import type { ServerWritableStream } from '@grpc/grpc-js';
import type { policyV1 } from '@tdc/proto';
import type { Revision } from './ports.ts';

type WatchStream = ServerWritableStream<policyV1.WatchRequest, policyV1.WatchResponse>;

/** The open watch streams: each gets every new revision, and a heartbeat in between. */
export interface WatchStreams {
  open(stream: WatchStream, current: Revision | undefined): void;
  push(revision: Revision): void;
  /** Ends every stream, and those yet to come at once. */
  endAll(): void;
}

const HEARTBEAT_MS = 5000;

export const toSnapshotMessage = (revision: Revision): policyV1.Snapshot => ({
  revision: revision.revision,
  sha256: revision.sha256,
  documentJson: revision.documentJson,
  loadedAtMs: revision.loadedAt,
});

export function createWatchStreams(changed: (open: number) => void): WatchStreams {
  const streams = new Set<WatchStream>();
  let revision = 0;
  let ended = false;
  const forget = (stream: WatchStream): void => {
    if (streams.delete(stream)) changed(streams.size);
  };
  /** A watcher that does not read is let go: it comes back and gets the newest revision alone. */
  const send = (stream: WatchStream, response: policyV1.WatchResponse): void => {
    if (stream.writableNeedDrain) {
      stream.end();
      forget(stream);
    } else stream.write(response);
  };
  const sendSnapshot = (stream: WatchStream, current: Revision): void =>
    send(stream, { event: { $case: 'snapshot', value: toSnapshotMessage(current) } });
  const timer = setInterval(() => {
    for (const stream of streams) send(stream, { event: { $case: 'heartbeat', value: { revision } } });
  }, HEARTBEAT_MS);
  timer.unref();

  return {
    open(stream, current) {
      if (ended) {
        stream.end();
        return;
      }
      streams.add(stream);
      changed(streams.size);
      for (const event of ['cancelled', 'close', 'error'] as const) stream.on(event, () => forget(stream));
      revision = current?.revision ?? 0;
      const { knownRevision, knownSha256 } = stream.request;
      const known = current?.revision === knownRevision && current.sha256 === knownSha256;
      if (current !== undefined && !known) sendSnapshot(stream, current);
      else send(stream, { event: { $case: 'heartbeat', value: { revision } } });
    },
    push(current) {
      revision = current.revision;
      for (const stream of streams) sendSnapshot(stream, current);
    },
    endAll() {
      ended = true;
      clearInterval(timer);
      for (const stream of streams) stream.end();
      streams.clear();
    },
  };
}
