import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { failureEvents, hardBounceEvents, softBounceEvents } from './bounce-lines.ts';
import type { DeliveryFailure, DnsFailureCode } from './delivery-failure.ts';
import { NO_CONNECTION, toDcid, toMid } from './ids.ts';
import { mailLogText } from './mail-log-text.ts';

const copy = { mid: toMid(171), intake: 'primary', dcid: toDcid(36) };
const dns = (code: DnsFailureCode): DeliveryFailure => ({
  kind: 'dns',
  domain: 'esa.example.com',
  record: 'MX',
  code,
});
const refused: DeliveryFailure = {
  kind: 'smtp-reply',
  stage: 'rcpt',
  reply: { code: 550, enhanced: '5.1.1', text: 'No such user' },
};

describe('the lines of a copy that is given up', () => {
  it('a domain that does not exist: four lines, DCID 0', () => {
    const failure = dns('NXDomain');
    const lines = [
      ...failureEvents(failure),
      ...hardBounceEvents({ ...copy, dcid: NO_CONNECTION }, 'dns', failure),
    ].map(mailLogText);
    assert.deepEqual(lines, [
      'DNS Error esa.example.com MX - NXDomain',
      "TDC: Hard bounced - 5.1.2 - Bad destination host ('000', ['DNS Hard Error looking up esa.example.com (MX) : NXDomain'])",
      'TDC: MID 171 delivery failed to Cisco Secure Email Threat Defense: Hard Bounced.',
      "Bounced: DCID 0 MID 171 to RID 0 - Bounced by destination server with response: 5.1.2 - Bad destination host ('000', ['DNS Hard Error looking up esa.example.com (MX) : NXDomain'])",
    ]);
  });

  it('a refused recipient: three lines with the peer’s reply', () => {
    assert.deepEqual(failureEvents(refused), []);
    assert.deepEqual(hardBounceEvents(copy, '5xx', refused).map(mailLogText), [
      "TDC: Hard bounced - 5.1.1 - Recipient refused by destination server ('550', ['No such user'])",
      'TDC: MID 171 delivery failed to Cisco Secure Email Threat Defense: Hard Bounced.',
      "Bounced: DCID 36 MID 171 to RID 0 - Bounced by destination server with response: 5.1.1 - Recipient refused by destination server ('550', ['No such user'])",
    ]);
  });

  it('a TLS error: one line', () => {
    const failure: DeliveryFailure = { kind: 'tls', reason: 'certificate', detail: 'expired' };
    assert.deepEqual(hardBounceEvents(copy, 'tls', failure).map(mailLogText), [
      'TDC: MID 171 delivery failed to Cisco Secure Email Threat Defense:TLS Error.',
    ]);
  });

  it('an expired copy says so, whatever its last failure was', () => {
    for (const failure of [undefined, refused]) {
      assert.deepEqual(
        hardBounceEvents({ ...copy, dcid: NO_CONNECTION }, 'expired', failure).map(mailLogText),
        [
          "TDC: Hard bounced - 5.4.7 - Delivery expired (message too old) ('000', ['timeout'])",
          'TDC: MID 171 delivery failed to Cisco Secure Email Threat Defense: Delivery expired (message too old).',
          "Bounced: DCID 0 MID 171 to RID 0 - Bounced by destination server with response: 5.4.7 - Delivery expired (message too old) ('000', ['timeout'])",
        ],
      );
    }
  });
});

describe('the lines of a copy that will be tried once more', () => {
  it('a DNS server in trouble: what failed, that it is delayed, and until when', () => {
    const failure = dns('ServFail');
    const pending = { until: Date.UTC(2024, 1, 17, 3, 20, 22), offsetMinutes: -360 };
    const events = [
      ...failureEvents(failure),
      ...softBounceEvents({ ...copy, dcid: NO_CONNECTION }, failure, pending),
    ];
    assert.deepEqual(events.map(mailLogText), [
      'DNS Temporary Failure esa.example.com MX - ServFail',
      "TDC: Delayed: DCID 0 MID 171 to RID 0 - 4.4.3 - Directory server failure ('000', ['DNS Soft Error looking up esa.example.com (MX) : ServFail'])",
      'Message 171 to RID [0] pending till Fri Feb 16 21:20:22 2024',
    ]);
  });
});
