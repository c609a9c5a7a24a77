import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type handleUnaryCall, type ServerUnaryCall, status } from '@grpc/grpc-js';
import { NO_COUNTS, toDcid, toMid, UNKNOWN_HOST } from '@tdc/core';
import type { TrackedCopy } from '@tdc/platform';
import { SAMPLE_REDIS_STATUS } from '../../../test/support/sample-redis-status.ts';
import { createMonitorServer } from './monitor-server.ts';
import type { ViewPorts } from './ports.ts';

const COPY: TrackedCopy = {
  mid: toMid(7),
  state: 'attempted',
  messageIdHeader: '<7@example.com>',
  sender: '',
  recipients: ['joe@example.com'],
  policy: 'default',
  policyRevision: 3,
  intake: 'primary',
  intakeAddress: 'a@setd.example',
  journalId: 'id',
  sizeBytes: 10,
  enqueuedAt: 1000,
  expiresAt: 121_000,
  finishedAttempts: 1,
  lastDcid: toDcid(5),
  lastReason: '4xx',
  lastResponse: '451 4.3.0 Try again',
};

const PORTS: ViewPorts = {
  ledger: {
    counters: async () => ({
      seen: 12,
      skipped: { spam: 2 },
      intakes: {
        primary: {
          ...NO_COUNTS,
          enqueued: 10,
          delivered: 6,
          hardBounced: { tls: 1 },
          deleted: 1,
          attempted: 2,
        },
      },
    }),
    oldestActive: async () => ({}),
    activeCopies: async () => ({ waiting: 0, attempting: 0, delayed: 0, dueSoon: 0 }),
    track: async (query) => ('mid' in query && query.mid !== COPY.mid ? [] : [COPY]),
  },
  server: async () => SAMPLE_REDIS_STATUS,
  connections: async () => 0,
  hosts: async (aliases) => Object.fromEntries(aliases.map((alias) => [alias, UNKNOWN_HOST])),
  intakes: () => ({}),
  now: () => 5000,
};

type Answer<Response> = Response | { readonly code: status; readonly details: string };

/** Calls a handler as gRPC does; a refusal is an answer, too. */
function call<Request, Response>(
  handler: handleUnaryCall<Request, Response>,
  request: Request,
): Promise<Answer<Response>> {
  return new Promise((resolve) => {
    handler({ request } as ServerUnaryCall<Request, Response>, (error, response) => {
      resolve(
        error === null ? (response as Response) : { code: error.code ?? 0, details: error.details ?? '' },
      );
    });
  });
}

const server = createMonitorServer(PORTS);

describe('the monitor over gRPC', () => {
  it('tells the account and whether it balances', async () => {
    assert.deepEqual(await call(server.accounting, {}), {
      seen: 12,
      enqueued: 10,
      skipped: 2,
      delivered: 6,
      hardBounced: 1,
      deleted: 1,
      active: 2,
      difference: 0,
    });
  });

  it('tells of an active copy that it has no end yet', async () => {
    const answer = await call(server.track, { query: { $case: 'mid', value: 7 } });
    assert.ok('copies' in answer);
    const [copy] = answer.copies;
    assert.deepEqual(
      [copy?.mid, copy?.state, copy?.finishedAtMs, copy?.lastDcid, copy?.messageId],
      [7, 'attempted', 0, 5, '<7@example.com>'],
    );
  });

  it('answers no copies for what it does not know', async () => {
    assert.deepEqual(await call(server.track, { query: { $case: 'mid', value: 8 } }), { copies: [] });
  });

  const refused: readonly [string, () => Promise<unknown>, status, string][] = [
    [
      'no query',
      () => call(server.track, { query: undefined }),
      status.INVALID_ARGUMENT,
      'which MID or Message-ID?',
    ],
    [
      'an empty Message-ID',
      () => call(server.track, { query: { $case: 'messageId', value: '' } }),
      status.INVALID_ARGUMENT,
      'which MID or Message-ID?',
    ],
    [
      'MID 0',
      () => call(server.track, { query: { $case: 'mid', value: 0 } }),
      status.INVALID_ARGUMENT,
      '0 is no MID: they begin at 1',
    ],
    ['no host', () => call(server.hostStatus, { host: '' }), status.INVALID_ARGUMENT, 'which host?'],
    [
      'an unknown host',
      () => call(server.hostStatus, { host: 'nowhere.example' }),
      status.NOT_FOUND,
      'No record of host: nowhere.example',
    ],
  ];
  for (const [name, ask, code, details] of refused) {
    it(`refuses ${name}`, async () => assert.deepEqual(await ask(), { code, details }));
  }

  it('is unavailable, and says why, when Redis does not answer', async () => {
    const counters = () => Promise.reject(new Error('Connection is closed.'));
    const without = createMonitorServer({ ...PORTS, ledger: { ...PORTS.ledger, counters } });
    for (const answer of [
      await call(without.accounting, {}),
      await call(without.topHosts, {}),
      await call(without.hostStatus, { host: 'primary' }),
    ]) {
      assert.deepEqual(answer, {
        code: status.UNAVAILABLE,
        details: 'Redis does not answer: Error: Connection is closed.',
      });
    }
  });
});
