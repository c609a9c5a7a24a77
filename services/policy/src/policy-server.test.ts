import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { status } from '@grpc/grpc-js';
import { parsePolicyDocument } from '@tdc/core';
import type { policyV1 } from '@tdc/proto';
import { createPolicyServer } from './policy-server.ts';
import type { PolicyStore } from './policy-store.ts';
import { createWatchStreams } from './watch-streams.ts';

const SOURCE = {
  version: 1,
  intakes: {
    primary: { address: 'journal@example.net' },
    lab: { address: 'lab@example.net', format: 'bcc' },
  },
  defaultIntake: 'primary',
  direction: { localDomains: ['example.com'] },
  policies: [
    { name: 'lawyers', users: [{ sender: { oneOf: ['@lawfirm.com'] } }], connector: { custom: 'lab' } },
    { name: 'sales', users: [{ recipient: { listed: ['jim@'] } }], connector: 'no-scan' },
  ],
};

function storeOf(loaded: boolean, loadError = ''): PolicyStore {
  const parsed = parsePolicyDocument(SOURCE);
  assert.ok(parsed.kind === 'valid');
  const current = {
    revision: 3,
    sha256: 'abc',
    documentJson: JSON.stringify(SOURCE),
    document: parsed.document,
    loadedAt: 5000,
  };
  return {
    current: () => (loaded ? current : undefined),
    loadError: () => loadError,
    whyNone: () => 'none yet',
    load: () => Promise.reject(new Error('not asked for')),
  };
}

type Answered<T> = { readonly error: { readonly code?: number } | null; readonly value: T | undefined };

/** Calls one method of the service as the library would. */
function ask<Request, Response>(
  store: PolicyStore,
  method: 'getSnapshot' | 'explain',
  request: Request,
): Answered<Response> {
  let answered: Answered<Response> | undefined;
  const server = createPolicyServer(
    store,
    createWatchStreams(() => undefined),
  );
  const call = server[method] as unknown as (
    call: { request: Request },
    answer: (error: Answered<Response>['error'], value?: Response) => void,
  ) => void;
  call({ request }, (error, value) => {
    answered = { error, value };
  });
  assert.ok(answered !== undefined);
  return answered;
}

const MAIL: policyV1.ExplainRequest = {
  sender: 'joe@yahoo.com',
  recipients: ['ann@example.com'],
  clientAddress: '',
  headers: Buffer.alloc(0),
  trusted: false,
  authenticated: false,
};

function explain(mail: Partial<policyV1.ExplainRequest>): policyV1.ExplainResponse {
  const { value } = ask<policyV1.ExplainRequest, policyV1.ExplainResponse>(storeOf(true), 'explain', {
    ...MAIL,
    ...mail,
  });
  assert.ok(value !== undefined);
  return value;
}

describe('GetSnapshot', () => {
  it('answers with the revision in force and what is wrong with a newer document', () => {
    const { value } = ask<object, policyV1.GetSnapshotResponse>(
      storeOf(true, 'p:1:1 bad'),
      'getSnapshot',
      {},
    );
    assert.deepEqual(value, {
      snapshot: { revision: 3, sha256: 'abc', documentJson: JSON.stringify(SOURCE), loadedAtMs: 5000 },
      loadError: 'p:1:1 bad',
    });
  });

  it('is unavailable while nothing is in force, and says why', () => {
    const { error } = ask(storeOf(false), 'getSnapshot', {});
    assert.deepEqual(error, { code: status.UNAVAILABLE, details: 'none yet' });
  });
});

describe('Explain', () => {
  it('is unavailable while nothing is in force', () => {
    assert.equal(ask(storeOf(false), 'explain', MAIL).error?.code, status.UNAVAILABLE);
  });

  it('names revision, direction, verdict, policy and intake, each with its reason', () => {
    assert.deepEqual(explain({}), {
      revision: 3,
      direction: 'incoming',
      directionReason: 'a recipient is in a local domain',
      verdict: 'clean',
      verdictReason: explain({}).verdictReason,
      splinters: [
        {
          policy: 'DEFAULT',
          recipients: ['ann@example.com'],
          matchReason: 'no other policy matches',
          action: 'enqueue',
          skipReason: '',
          intake: 'primary',
          intakeAddress: 'journal@example.net',
          format: 'journal',
        },
      ],
    });
  });

  it('tells of each splinter what becomes of it', () => {
    const { splinters } = explain({ recipients: ['jim@example.com', 'ann@example.com'] });
    assert.deepEqual(
      splinters.map(({ policy, action, skipReason, intake }) => [policy, action, skipReason, intake]),
      [
        ['sales', 'skip', 'no-scan', ''],
        ['DEFAULT', 'enqueue', '', 'primary'],
      ],
    );
  });

  it('reads the headers: a From header is a sender, with CRLF and with LF', () => {
    for (const end of ['\r\n', '\n']) {
      const headers = Buffer.from(`From: Bill <bill@lawfirm.com>${end}Subject: x${end}${end}`);
      const { splinters } = explain({ headers });
      assert.deepEqual([splinters[0]?.policy, splinters[0]?.format], ['lawyers', 'bcc']);
    }
  });

  it('believes a verdict of a trusted peer alone', () => {
    const headers = Buffer.from('X-Spam-Flag: YES\r\n\r\n');
    assert.equal(explain({ headers, trusted: true }).splinters[0]?.skipReason, 'spam');
    assert.equal(explain({ headers, trusted: false }).splinters[0]?.action, 'enqueue');
  });

  it('knows outgoing mail by the log-in, relayed mail by its recipients', () => {
    assert.equal(explain({ authenticated: true }).direction, 'outgoing');
    assert.equal(explain({ recipients: ['x@elsewhere.net'] }).direction, 'relayed');
  });
});
