import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { formatLogDate, formatMessageDate, formatTrackingDate, formatUtcDate } from './mail-date.ts';

const AT = Date.UTC(2024, 1, 17, 3, 19, 24);

describe('dates', () => {
  it('of log lines are those of ctime, in local time', () => {
    assert.equal(formatLogDate(AT, -360), 'Fri Feb 16 21:19:24 2024');
    assert.equal(formatLogDate(Date.UTC(2024, 1, 3, 4, 5, 6), 0), 'Sat Feb  3 04:05:06 2024');
    assert.equal(formatLogDate(AT, 345), 'Sat Feb 17 09:04:24 2024');
  });
  it('of status views are in UTC', () => assert.equal(formatUtcDate(AT), 'Sat Feb 17 03:19:24 2024'));
  it('of message tracking name the zone', () => {
    assert.equal(formatTrackingDate(AT, -360), '16 Feb 2024 21:19:24 (GMT -06:00)');
    assert.equal(formatTrackingDate(AT, 345), '17 Feb 2024 09:04:24 (GMT +05:45)');
  });
  it('of messages are those of RFC 5322', () =>
    assert.equal(formatMessageDate(AT), 'Sat, 17 Feb 2024 03:19:24 +0000'));
  it('of messages change with the second', () => {
    const dates = [0, 999, 1000, 1999, 0].map((ms) => formatMessageDate(AT + ms).slice(17, 25));
    assert.deepEqual(dates, ['03:19:24', '03:19:24', '03:19:25', '03:19:25', '03:19:24']);
  });
});
