import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { createSecureContext } from 'node:tls';
import type { SinkMessage, SinkRequest } from './protocol.ts';
import { createSinkCount } from './sink-count.ts';
import { serveSinkSession } from './sink-session.ts';

/** The message intake as the benchmark has it: a process that takes everything over STARTTLS and counts. Arguments: certificate, key. */
const [certFile = '', keyFile = ''] = process.argv.slice(2);
const BACKLOG = 1024;

const context = createSecureContext({
  cert: readFileSync(certFile),
  key: readFileSync(keyFile),
  minVersion: 'TLSv1.2',
  sessionIdContext: 'bench',
});
const tell = (message: SinkMessage): void => void process.send?.(message);

let roundTripMs = 0;
let run = '';
let count = createSinkCount(run, 0);

const server = createServer({ noDelay: true }, (socket) => {
  serveSinkSession(socket, {
    context,
    roundTripMs: () => roundTripMs,
    events: {
      message: (message) => {
        if (count.message(socket, message, process.hrtime.bigint())) tell({ kind: 'complete', run });
      },
      closed: () => count.closed(socket),
    },
  });
});
server.listen({ port: 0, host: '127.0.0.1', backlog: BACKLOG }, () => {
  const address = server.address();
  tell({ kind: 'ready', port: typeof address === 'object' && address !== null ? address.port : 0 });
});

process.on('message', (request: SinkRequest) => {
  switch (request.kind) {
    case 'expect':
      ({ run, roundTripMs } = request);
      count = createSinkCount(run, request.count);
      return tell({ kind: 'expecting' });
    case 'report':
      return tell({ kind: 'report', report: count.report() });
  }
});
process.on('disconnect', () => process.exit(0));
