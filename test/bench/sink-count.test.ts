import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { markLine, messageId } from './message-scanner.ts';
import { createSinkCount } from './sink-count.ts';

const message = (run: string, sequence: number, secure = true) => ({
  head: `${markLine(run, sequence, 1_000_000n)}Message-ID: ${messageId(run, sequence)}\r\n\r\n`,
  octets: 100,
  secure,
});

describe('the sink counts', () => {
  it('a run is complete with its last message, whatever the order', () => {
    const count = createSinkCount('r', 2);
    assert.equal(count.message({}, message('r', 1), 3_000_000n), false);
    assert.equal(count.message({}, message('r', 0), 5_000_000n), true);
    const report = count.report();
    assert.deepEqual(report.arrivedAt, [5, 3]);
    assert.deepEqual(report.dueToArrival, { count: 2, p50: 2, p99: 4, max: 4 });
    assert.deepEqual([report.firstAt, report.lastAt, report.octets], [3, 5, 200]);
  });

  it('a message that comes again is doubled, and does not complete anything', () => {
    const count = createSinkCount('r', 1);
    assert.equal(count.message({}, message('r', 0), 1n), true);
    assert.equal(count.message({}, message('r', 0), 2n), false);
    assert.deepEqual([count.report().distinct, count.report().doubled], [1, 1]);
  });

  it('one that comes without TLS is told', () => {
    const count = createSinkCount('r', 1);
    count.message({}, message('r', 0, false), 1n);
    assert.equal(count.report().clearText, 1);
  });

  it('mail of others is foreign, another run’s is nobody’s', () => {
    const count = createSinkCount('r', 1);
    count.message({}, { head: 'Subject: x\r\n\r\n', octets: 1, secure: true }, 1n);
    count.message({}, message('warm', 0), 1n);
    count.message({}, message('r', 1), 1n);
    assert.deepEqual([count.report().distinct, count.report().foreign], [0, 2]);
  });

  it('connections are those that brought something, at once those not closed yet', () => {
    const count = createSinkCount('r', 3);
    const [a, b] = [{}, {}];
    count.message(a, message('r', 0), 1n);
    count.message(a, message('r', 1), 1n);
    count.closed(a);
    count.message(b, message('r', 2), 1n);
    assert.deepEqual([count.report().connections, count.report().connectionsAtOnce], [2, 1]);
  });
});
