import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  type DecidedSplinter,
  type Intake,
  type PolicyDocument,
  parsePolicyDocument,
  toIcid,
  toMid,
} from '@tdc/core';
import type { IncomingMessage } from '../ports.ts';
import { copiesOf, type PlanInput, planCopies, skipsOf } from './plan-copies.ts';

function documentOf(): PolicyDocument {
  const parsed = parsePolicyDocument({
    version: 1,
    intakes: {
      primary: { address: 'journal@setd.example', envelopeSender: 'tdc@example.com', remoteIpHeader: 'X-IP' },
      hosted: { address: 'trial@setd.example', format: 'bcc', host: 'mx.example.net', port: 2525 },
    },
  });
  assert.ok(parsed.kind === 'valid');
  return parsed.document;
}

const intakeOf = (alias: string): Intake => documentOf().intakes[alias] ?? assert.fail(alias);

const splinterOf = (
  policy: string,
  recipients: readonly string[],
  action: DecidedSplinter['action'],
): DecidedSplinter => ({ policy, recipients, matchReason: '', action });

const MESSAGE: IncomingMessage = {
  icid: toIcid(3),
  peer: { address: '127.0.0.1', trusted: true, forwardedAddress: undefined, login: false },
  sender: 'bill@lawfirm.example',
  recipients: ['ann@example.com', 'larry@example.com', 'zoe@example.com'],
  smtpUtf8: true,
  declaredBytes: undefined,
  body: (async function* () {})(),
  tooLarge: () => false,
  whenGone: () => undefined,
};

const INPUT: PlanInput = {
  message: MESSAGE,
  splinters: [],
  messageIdHeader: '<1@lawfirm.example>',
  body: { sizeBytes: 17, sha256: 'ab' },
  eightBit: true,
  bareNewlines: 'wrap',
  clientAddress: '203.0.113.9',
  policyRevision: 7,
  enqueuedAt: 1000,
  expiresAt: 121_000,
};

const ENQUEUE = { kind: 'enqueue', intake: intakeOf('primary') } as const;
const SKIP = { kind: 'skip', reason: 'no-scan' } as const;

const planOf = (splinters: readonly DecidedSplinter[], changes: Partial<PlanInput> = {}) => {
  let made = 0;
  return planCopies(
    { ...INPUT, ...changes, splinters },
    {
      mids: splinters.map((_, index) => toMid(10 + index)),
      createJournalId() {
        made += 1;
        return `journal-id-${made}`;
      },
    },
  );
};

describe('a copy', () => {
  it('names what was received, where it goes, and how long it lives', () => {
    const [copy] = copiesOf(planOf([splinterOf('special_people', ['ann@example.com'], ENQUEUE)]));
    assert.deepEqual(copy, {
      mid: 10,
      journalId: 'journal-id-1',
      route: {
        intake: 'primary',
        address: 'journal@setd.example',
        port: 25,
        format: 'journal',
        envelopeSender: 'tdc@example.com',
        remoteIpHeader: 'X-IP',
      },
      policy: 'special_people',
      policyRevision: 7,
      sender: 'bill@lawfirm.example',
      recipients: ['ann@example.com'],
      clientAddress: '203.0.113.9',
      messageIdHeader: '<1@lawfirm.example>',
      sizeBytes: 17,
      sha256: 'ab',
      eightBit: true,
      smtpUtf8: true,
      bareNewlines: 'wrap',
      enqueuedAt: 1000,
      expiresAt: 121_000,
    });
  });

  it('goes to the host that the intake names', () => {
    const hosted = { kind: 'enqueue', intake: intakeOf('hosted') } as const;
    const [copy] = copiesOf(planOf([splinterOf('p', ['ann@example.com'], hosted)]));
    assert.deepEqual(
      [copy?.route.host, copy?.route.port, copy?.route.format],
      ['mx.example.net', 2525, 'bcc'],
    );
  });

  it('of an unknown client names none', () => {
    const plan = planOf([splinterOf('p', ['ann@example.com'], ENQUEUE)], { clientAddress: undefined });
    assert.equal(Object.hasOwn(copiesOf(plan)[0] ?? {}, 'clientAddress'), false);
  });
});

describe('splinters', () => {
  it('have a MID, a journal id and recipients of their own', () => {
    const copies = copiesOf(
      planOf([
        splinterOf('special_people', ['ann@example.com'], ENQUEUE),
        splinterOf('engineering', ['larry@example.com'], SKIP),
        splinterOf('DEFAULT', ['zoe@example.com'], ENQUEUE),
      ]),
    );
    assert.deepEqual(
      copies.map(({ mid, journalId, recipients }) => [mid, journalId, ...recipients]),
      [
        [10, 'journal-id-1', 'ann@example.com'],
        [12, 'journal-id-2', 'zoe@example.com'],
      ],
    );
  });

  it('that are skipped have their reason, and no copy', () => {
    const planned = planOf([
      splinterOf('p', ['ann@example.com'], ENQUEUE),
      splinterOf('engineering', ['larry@example.com'], SKIP),
      splinterOf('', ['zoe@example.com'], { kind: 'skip', reason: 'relayed' }),
    ]);
    assert.deepEqual(skipsOf(planned), ['no-scan', 'relayed']);
    assert.equal(copiesOf(planned).length, 1);
  });
});
