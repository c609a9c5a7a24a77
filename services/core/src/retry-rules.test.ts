import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { DeliveryFailure, DnsFailureCode } from './delivery-failure.ts';
import { isExpired, MAX_ATTEMPTS, type NextStep, nextStep, retryReason } from './retry-rules.ts';
import { parseReply } from './smtp-reply.ts';

const NOW = 1_000_000_000;
const LIFE = 120_000;

const reply = (code: number): DeliveryFailure => ({
  kind: 'smtp-reply',
  stage: 'rcpt',
  reply: parseReply(`${code} said the server`),
});
const dns = (code: DnsFailureCode): DeliveryFailure => ({
  kind: 'dns',
  domain: 'x.example',
  record: 'MX',
  code,
});
const TLS: DeliveryFailure = { kind: 'tls', reason: 'certificate', detail: 'expired' };
const NETWORK: DeliveryFailure = { kind: 'network', reason: 'timeout', detail: 'connection timed out' };
const UNCERTAIN: DeliveryFailure = { kind: 'uncertain', detail: 'lost' };
const UNCONVEYABLE: DeliveryFailure = { kind: 'unconveyable', reason: 'size', detail: 'too big' };
const SPOOL: DeliveryFailure = { kind: 'spool', reason: 'missing' };

const step = (failure: DeliveryFailure, number: number): NextStep =>
  nextStep(failure, { number, now: NOW, expiresAt: NOW + LIFE }, { retryDelaySeconds: 60 });

const retried = (reason: string) => ({ kind: 'retry', at: NOW + 60_000, reason });
const given = (reason: string) => ({ kind: 'hard-bounce', reason });

const TABLE: readonly (readonly [name: string, failure: DeliveryFailure, first: unknown, second: unknown])[] =
  [
    ['a 4xx reply is retried once', reply(450), retried('4xx'), given('4xx')],
    ['421 is retried once', reply(421), retried('4xx'), given('4xx')],
    ['503 is retried once', reply(503), retried('5xx'), given('5xx')],
    ['552 is retried once', reply(552), retried('5xx'), given('5xx')],
    ['550 is not retried', reply(550), given('5xx'), given('5xx')],
    ['500 is not retried', reply(500), given('5xx'), given('5xx')],
    ['554 is not retried', reply(554), given('5xx'), given('5xx')],
    ['a TLS error is not retried', TLS, given('tls'), given('tls')],
    ['a network error is retried once', NETWORK, retried('network'), given('network')],
    ['a lost answer to the final dot is retried once', UNCERTAIN, retried('uncertain'), given('uncertain')],
    ['ServFail is retried once', dns('ServFail'), retried('dns'), given('dns')],
    ['a DNS time-out is retried once', dns('Timeout'), retried('dns'), given('dns')],
    ['DNS Refused is retried once', dns('Refused'), retried('dns'), given('dns')],
    ['NXDomain is not retried', dns('NXDomain'), given('dns'), given('dns')],
    ['a null MX is not retried', dns('NullMX'), given('dns'), given('dns')],
    ['no MX and no address is not retried', dns('NoAddress'), given('dns'), given('dns')],
    [
      'what cannot be carried unchanged is not retried',
      UNCONVEYABLE,
      given('unconveyable'),
      given('unconveyable'),
    ],
    ['a missing original is not retried', SPOOL, given('spool'), given('spool')],
  ];

describe('the retry table', () => {
  for (const [name, failure, first, second] of TABLE) {
    it(name, () => {
      assert.deepEqual(step(failure, 1), first);
      assert.deepEqual(step(failure, 2), second);
    });
  }

  it('waits less than the delay when the copy would not live that long', () => {
    const late = { number: 1, now: NOW, expiresAt: NOW + 40_000 };
    assert.deepEqual(nextStep(NETWORK, late, { retryDelaySeconds: 60 }), {
      kind: 'retry',
      at: NOW + 30_000,
      reason: 'network',
    });
  });

  it('gives up a copy whose life is over, as expired', () => {
    const over = { number: 1, now: NOW, expiresAt: NOW };
    assert.deepEqual(nextStep(NETWORK, over, { retryDelaySeconds: 60 }), given('expired'));
  });

  it('tells a final answer even when it came late', () => {
    const over = { number: 1, now: NOW, expiresAt: NOW };
    assert.deepEqual(nextStep(reply(550), over, { retryDelaySeconds: 60 }), given('5xx'));
    assert.deepEqual(nextStep(NETWORK, { ...over, number: 2 }, { retryDelaySeconds: 60 }), given('network'));
  });

  it('counts the deadline itself as too late', () => {
    assert.deepEqual(
      [NOW - 1, NOW, NOW + 1].map((now) => isExpired(now, NOW)),
      [false, true, true],
    );
  });

  it('retries of all codes from 400 to 599 these: 4xx, 503 and 552', () => {
    const codes = Array.from({ length: 200 }, (_, index) => 400 + index);
    assert.deepEqual(
      codes.filter((code) => retryReason(reply(code)) !== undefined),
      [...codes.slice(0, 100), 503, 552],
    );
  });

  const anyFailure = fc.constantFrom(...TABLE.map(([, failure]) => failure));

  it('never allows more than two attempts, whatever fails in which order', () => {
    fc.assert(
      fc.property(anyFailure, fc.integer({ min: MAX_ATTEMPTS, max: 9 }), (failure, number) => {
        assert.equal(step(failure, number).kind, 'hard-bounce');
      }),
    );
  });

  it('ends every copy after two attempts at most, each retry within its life and its delay', () => {
    const life = fc.nat(500_000);
    const delay = fc.nat(3600);
    fc.assert(
      fc.property(
        fc.array(anyFailure, { minLength: 9 }),
        life,
        delay,
        fc.nat(130_000),
        (failures, ...times) => {
          const [expiresIn, retryDelaySeconds, attemptMs] = times;
          let now = NOW;
          for (const [index, failure] of failures.entries()) {
            now += attemptMs;
            const attempt = { number: index + 1, now, expiresAt: NOW + expiresIn };
            const next = nextStep(failure, attempt, { retryDelaySeconds });
            if (next.kind === 'hard-bounce') return;
            assert.ok(attempt.number < MAX_ATTEMPTS);
            assert.ok(
              next.at >= now && next.at < attempt.expiresAt && next.at <= now + retryDelaySeconds * 1000,
            );
            now = next.at;
          }
          assert.fail('no end');
        },
      ),
    );
  });

  it('never puts a retry at or behind the deadline', () => {
    fc.assert(
      fc.property(
        anyFailure,
        fc.integer({ min: 1, max: 500_000 }),
        fc.integer({ min: 1, max: 3600 }),
        (failure, life, delay) => {
          const next = nextStep(
            failure,
            { number: 1, now: NOW, expiresAt: NOW + life },
            { retryDelaySeconds: delay },
          );
          if (next.kind === 'retry') assert.ok(next.at >= NOW && next.at < NOW + life);
        },
      ),
    );
  });
});
