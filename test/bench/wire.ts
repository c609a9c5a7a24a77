import { join } from 'node:path';
import { freePort } from '../../deploy/local/ports.ts';
import { listens } from './listens.ts';
import type { Bench } from './measure.ts';
import { monotonicMs } from './protocol.ts';

const SESSIONS = 20;
const SIZE = 4096;
const BACKLOG = 1024;

/**
 * What this machine carries at all: messages per second from `smtp-source` to `smtp-sink`, Postfix's own, without TLS, without
 * a store, 4 KB on 20 connections that stay.
 */
export async function measureWire({ programs, folder }: Bench, count: number): Promise<number> {
  const port = await freePort();
  const sink = programs.start({
    group: 'sink',
    command: ['/usr/sbin/smtp-sink', '-u', 'nobody', `127.0.0.1:${port}`, String(BACKLOG)],
    logFile: join(folder, 'smtp-sink.log'),
  });
  try {
    await listens(port);
    const sessions = ['-s', String(SESSIONS), '-m', String(count), '-l', String(SIZE), '-d'];
    const startedAt = monotonicMs();
    const source = programs.start({
      group: 'load',
      command: ['/usr/sbin/smtp-source', ...sessions, `127.0.0.1:${port}`],
      logFile: join(folder, 'smtp-source.log'),
    });
    await source.finished();
    return (count * 1000) / (monotonicMs() - startedAt);
  } finally {
    await sink.stop();
  }
}

/** What the load and the sink of this benchmark carry between themselves, without TLS: the most that any system can show. */
export async function measureHarness({ sink, load }: Bench, count: number): Promise<number> {
  const run = 'harness';
  await sink.expect({ run, count, roundTripMs: 0 });
  const request = { run, ports: [sink.port], count, size: SIZE, sessions: SESSIONS, perConnection: 0 };
  const { firstAt } = await load.send({ ...request, rate: undefined });
  const { lastAt } = await sink.report();
  return (count * 1000) / (lastAt - firstAt);
}
