import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { InvariantError, toIcid, toMid } from '@tdc/core';
import { createMetrics } from '@tdc/platform';
import { parsePrometheusText, sampleOf } from '../../../test/support/prometheus-text.ts';
import { createIntakeMetrics } from './metrics.ts';
import type { Acceptance, Accepted, IncomingMessage } from './ports.ts';
import { createReceiver, type ReceiverOptions } from './receiver.ts';

const MESSAGE: IncomingMessage = {
  icid: toIcid(7),
  peer: { address: '127.0.0.1', trusted: true, forwardedAddress: undefined, login: false },
  sender: '',
  recipients: [],
  smtpUtf8: false,
  declaredBytes: undefined,
  body: (async function* () {})(),
  tooLarge: () => false,
  whenGone: () => undefined,
};

const ACCEPTED: Accepted = {
  kind: 'accepted',
  mid: toMid(1),
  queued: [toMid(1)],
  sizeBytes: 2000,
  bareNewlines: 'none',
  ignoredHeaders: 0,
};

function world(changes: Partial<ReceiverOptions> = {}) {
  const metrics = createMetrics({ component: 'intake', version: '1' });
  const notices: string[] = [];
  let at = 0;
  const receiver = createReceiver({
    protocol: 'smtp',
    requireTls: false,
    accept: async () => ACCEPTED,
    unavailable: () => undefined,
    nextIcid: () => 7,
    metrics: createIntakeMetrics(metrics),
    log: {
      log: () => undefined,
      flush: () => undefined,
      notice: (level, name, text) => void notices.push(`${level} ${name} ${text}`),
    },
    now: () => {
      at += 250;
      return at;
    },
    ...changes,
  });
  const sample = async (name: string, labels: Record<string, string> = {}) =>
    sampleOf(parsePrometheusText(await metrics.text()), `tdc_intake_${name}`, labels);
  return { receiver, notices, sample };
}

describe('before the message', () => {
  it('connections are counted, those that are open and those that were', async () => {
    const { receiver, sample } = world();
    assert.equal(receiver.connected('192.0.2.1', undefined), 7);
    receiver.connected('192.0.2.1', undefined);
    receiver.secured();
    receiver.closed();
    assert.deepEqual(
      [
        await sample('connections_total', { protocol: 'smtp' }),
        await sample('connections_total', { protocol: 'lmtp' }),
        await sample('connections_open'),
        await sample('tls_connections_total'),
      ],
      [2, 0, 1, 1],
    );
  });

  it('a connection is taken without a number, too', () => {
    assert.equal(world({ nextIcid: () => undefined }).receiver.connected('192.0.2.1', undefined), 0);
  });

  it('MAIL goes on where nothing stands against it', () => {
    assert.equal(world().receiver.refuseMail(false), undefined);
  });

  it('MAIL without TLS is refused where TLS is required', async () => {
    const { receiver, sample } = world({ requireTls: true, unavailable: () => 'storage' });
    assert.deepEqual([receiver.refuseMail(false)?.code, receiver.refuseMail(false)?.status], [530, '5.7.0']);
    assert.equal(receiver.refuseMail(true)?.code, 451);
    assert.equal(await sample('messages_refused_total', { reason: 'tls-required' }), 2);
  });

  for (const [reason, code] of [
    ['storage', 451],
    ['policy', 451],
    ['memory', 452],
  ] as const) {
    it(`MAIL is put off, and counted, for want of ${reason}`, async () => {
      const { receiver, sample } = world({ unavailable: () => reason });
      assert.equal(receiver.refuseMail(true)?.code, code);
      assert.equal(await sample('messages_refused_total', { reason }), 1);
    });
  }

  it('what is turned away is counted', async () => {
    const { receiver, sample } = world();
    receiver.turnedAway();
    receiver.tooLargeAnnounced();
    assert.equal(await sample('connections_refused_total'), 1);
    assert.equal(await sample('messages_refused_total', { reason: 'too-large' }), 1);
  });

  it('a connection that breaks is counted, and is no line of the log', async () => {
    const { receiver, sample, notices } = world();
    receiver.failed('read ECONNRESET');
    assert.equal(await sample('connection_errors_total'), 1);
    assert.match(notices.join(), /^debug connection-failed /);
  });
});

describe('a message', () => {
  it('that was accepted is counted with its size and its time', async () => {
    const { receiver, sample } = world();
    assert.equal((await receiver.receive(MESSAGE)).code, 250);
    assert.equal(await sample('messages_accepted_total', { copy: 'due' }), 1);
    assert.equal(await sample('message_size_bytes_sum'), 2000);
    assert.equal(await sample('accept_duration_seconds_sum'), 0.25);
  });

  it('without a copy is counted apart', async () => {
    const { receiver, sample } = world({ accept: async () => ({ ...ACCEPTED, queued: [] }) });
    await receiver.receive(MESSAGE);
    assert.equal(await sample('messages_accepted_total', { copy: 'none' }), 1);
    assert.equal(await sample('messages_accepted_total', { copy: 'due' }), 0);
  });

  it('with bare line ends or unbelieved headers is counted as such', async () => {
    const { receiver, sample } = world({
      accept: async () => ({ ...ACCEPTED, bareNewlines: 'note', ignoredHeaders: 3 }),
    });
    await receiver.receive(MESSAGE);
    assert.equal(await sample('bare_newline_messages_total', { handling: 'note' }), 1);
    assert.equal(await sample('verdict_headers_ignored_total'), 3);
  });

  const REFUSED: readonly (readonly [acceptance: Acceptance, reason: string])[] = [
    [{ kind: 'refused', reason: 'too-large' }, 'too-large'],
    [{ kind: 'refused', reason: 'bare-newlines' }, 'bare-newlines'],
    [{ kind: 'unavailable', reason: 'time' }, 'time'],
    [{ kind: 'aborted' }, 'aborted'],
  ];
  for (const [acceptance, reason] of REFUSED) {
    it(`that was not taken is counted: ${reason}`, async () => {
      const { receiver, sample } = world({ accept: async () => acceptance });
      assert.ok((await receiver.receive(MESSAGE)).code >= 400);
      assert.equal(await sample('messages_refused_total', { reason }), 1);
      assert.equal(await sample('messages_accepted_total'), 0);
      const bare = reason === 'bare-newlines' ? 1 : 0;
      assert.equal(await sample('bare_newline_messages_total', { handling: 'reject' }), bare);
    });
  }

  it('that shows a bug of ours is put off: nobody else’s mail suffers', async () => {
    const { receiver, sample, notices } = world({
      accept: () => Promise.reject(new InvariantError('impossible')),
    });
    const { code, text } = await receiver.receive(MESSAGE);
    assert.equal(code, 451);
    assert.doesNotMatch(text, /impossible/);
    assert.equal(await sample('messages_refused_total', { reason: 'failed' }), 1);
    assert.match(notices.join(), /^critical message-failed .*ICID 7 .*impossible/);
  });
});

describe('the metrics', () => {
  it('exist, at 0, from the first scrape', async () => {
    const { sample } = world();
    for (const reason of [
      'too-large',
      'bare-newlines',
      'storage',
      'replicas',
      'memory',
      'policy',
      'time',
      'aborted',
      'tls-required',
      'failed',
    ])
      assert.equal(await sample('messages_refused_total', { reason }), 0, reason);
    for (const name of ['connections_open', 'connections_refused_total', 'message_size_bytes_count'])
      assert.equal(await sample(name), 0, name);
  });
});
