import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { toMid } from '@tdc/core';
import type { Acceptance, Accepted } from './ports.ts';
import * as replies from './replies.ts';

const accepted = (...queued: readonly number[]): Accepted => ({
  kind: 'accepted',
  mid: toMid(1),
  queued: queued.map(toMid),
  sizeBytes: 1,
  bareNewlines: 'none',
  ignoredHeaders: 0,
});

describe('the client is told', () => {
  const CASES: readonly (readonly [acceptance: Acceptance, line: RegExp])[] = [
    [accepted(1), /^250 2\.0\.0 Ok: queued as MID 1$/],
    [accepted(2, 4), /^250 2\.0\.0 Ok: queued as MID 2, 4$/],
    [accepted(), /^250 2\.0\.0 Ok: MID 1 accepted, no copy due$/],
    [{ kind: 'refused', reason: 'too-large' }, /^552 5\.3\.4 .*maximum message size$/],
    [{ kind: 'refused', reason: 'bare-newlines' }, /^550 5\.6\.11 Bare CR or LF/],
    [{ kind: 'unavailable', reason: 'storage' }, /^451 4\.3\.0 /],
    [{ kind: 'unavailable', reason: 'replicas' }, /^451 4\.3\.0 .*replicated/],
    [{ kind: 'unavailable', reason: 'policy' }, /^451 4\.3\.0 .*policy/],
    [{ kind: 'unavailable', reason: 'time' }, /^451 4\.3\.0 .*in time/],
    [{ kind: 'unavailable', reason: 'memory' }, /^452 4\.3\.1 /],
    [{ kind: 'aborted' }, /^451 4\.4\.2 /],
  ];
  for (const [acceptance, line] of CASES) {
    it(String(line), () => {
      const { code, status, text } = replies.replyTo(acceptance);
      assert.match(`${code} ${status} ${text}`, line);
    });
  }

  it('of hundreds of copies in one short line', () => {
    const { text } = replies.replyTo(accepted(...Array.from({ length: 500 }, (_, n) => 10_000_000 + n)));
    assert.ok(text.length < 500);
    assert.match(text, /, 10000029 and 470 more$/);
  });
});
