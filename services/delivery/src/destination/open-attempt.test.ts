import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import {
  type ConnectionEnds,
  type CopyRoute,
  type DeliveryFailure,
  type MailLogEvent,
  NO_CONNECTION,
  toDcid,
} from '@tdc/core';
import { FREE_CEILING } from '../../../../test/support/destination-bench.ts';
import type { DestinationPorts } from '../ports.ts';
import type { OpenResult, OutboundConnection } from '../smtp/outbound-connection.ts';
import { attemptToOpen } from './open-attempt.ts';
import type { Resolution } from './resolve-destination.ts';

const DCID = toDcid(7);
const ROUTE: CopyRoute = {
  intake: 'primary',
  address: 'journal@setd.example',
  port: 25,
  format: 'journal',
  envelopeSender: '',
  remoteIpHeader: 'X-IP',
};
const ends = (peerAddress: string): ConnectionEnds => ({ localAddress: '10.0.0.9', peerAddress, port: 25 });
const TLS: DeliveryFailure = { kind: 'tls', reason: 'certificate', detail: 'certificate has expired' };
const REFUSED: DeliveryFailure = { kind: 'network', reason: 'refused', detail: 'connection refused' };
const BANNER: DeliveryFailure = { kind: 'smtp-reply', stage: 'banner', reply: { code: 554, text: 'No' } };

const resolved = (...addresses: string[]): Resolution => ({
  kind: 'resolved',
  candidates: addresses.map((address) => ({ address, hostName: `mx-${address}`, preference: 10 })),
  mxRecords: [],
});

describe('an attempt to get a connection', () => {
  let resolution: Resolution;
  let answers: Readonly<Record<string, DeliveryFailure | 'open'>>;
  let log: MailLogEvent[];
  let tried: string[];
  let counted: string[];
  let seen: Resolution[];
  let stop: AbortController;
  beforeEach(() => {
    resolution = resolved('10.0.0.1', '10.0.0.2');
    answers = { '10.0.0.1': 'open' };
    [log, tried, counted, seen] = [[], [], [], []];
    stop = new AbortController();
  });

  const connection = (address: string): OutboundConnection => ({
    ends: ends(address),
    protocol: 'TLSv1.3',
    cipher: 'X',
    isUsable: () => true,
    send: () => assert.fail(),
    onFree: () => undefined,
    onClosed: () => undefined,
    quit: () => undefined,
  });
  const open: DestinationPorts['open'] = async ({ address, hostName, onConnected }): Promise<OpenResult> => {
    tried.push(`${address} ${hostName}`);
    const answer = answers[address] ?? REFUSED;
    if (answer !== REFUSED) onConnected(ends(address));
    if (answer === 'open') return { kind: 'open', connection: connection(address) };
    return { kind: 'failed', failure: answer, ends: answer === REFUSED ? undefined : ends(address) };
  };
  const attempt = () =>
    attemptToOpen(
      {
        resolve: async () => resolution,
        open,
        ceiling: FREE_CEILING,
        nextDcid: () => DCID,
        carriage: () => assert.fail(),
        log: (event) => void log.push(event),
        observe: {
          opened: () => void counted.push('opened'),
          failed: (_intake, { kind }) => void counted.push(kind),
          closed: () => assert.fail(),
        },
        saveHost: () => undefined,
        now: () => 0,
      },
      {
        route: ROUTE,
        carriage: {
          tls: { verify: true, maxVersion: 'TLSv1.3' },
          limits: { connections: 3, messagesPerConnection: 50 },
        },
        dcid: DCID,
        signal: stop.signal,
        resolved: (found) => void seen.push(found),
      },
    );

  it('takes the first address that can be secured, and logs both lines of it', async () => {
    const result = await attempt();
    assert.equal(result.kind, 'open');
    assert.deepEqual(tried, ['10.0.0.1 mx-10.0.0.1']);
    assert.deepEqual(log, [
      { kind: 'new-dcid', dcid: DCID, intake: 'primary', ends: ends('10.0.0.1') },
      { kind: 'tls-success', dcid: DCID, protocol: 'TLSv1.3', cipher: 'X' },
    ]);
    assert.deepEqual([counted, seen], [['opened'], [resolution]]);
  });

  it('goes on to the next address behind whatever failed, and logs why', async () => {
    resolution = resolved('10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.4');
    answers = { '10.0.0.1': TLS, '10.0.0.2': REFUSED, '10.0.0.3': BANNER, '10.0.0.4': 'open' };
    assert.equal((await attempt()).kind, 'open');
    assert.deepEqual(
      log.filter(({ kind }) => kind !== 'new-dcid' && kind !== 'tls-success'),
      [
        { kind: 'tls-failed', dcid: DCID, reason: 'certificate has expired' },
        {
          kind: 'connection-error',
          dcid: DCID,
          intake: 'primary',
          ends: { localAddress: '0.0.0.0', peerAddress: '10.0.0.2', port: 25 },
          details: 'refused',
          reason: 'connection refused',
        },
        {
          kind: 'connection-error',
          dcid: DCID,
          intake: 'primary',
          ends: ends('10.0.0.3'),
          details: 'refused',
          reason: 'No',
        },
      ],
    );
    assert.deepEqual(counted, ['tls', 'network', 'smtp-reply', 'opened']);
  });

  it('that fails everywhere fails with what was said last', async () => {
    answers = { '10.0.0.1': REFUSED, '10.0.0.2': TLS };
    assert.deepEqual(await attempt(), { kind: 'failed', dcid: DCID, failure: TLS });
  });

  it('does not go through a list without end', async () => {
    resolution = resolved(...Array.from({ length: 30 }, (_, n) => `10.0.1.${n}`));
    await attempt();
    assert.equal(tried.length, 6);
  });

  it('without an address has no connection and no line of its own', async () => {
    resolution = { kind: 'failed', failure: { kind: 'dns', domain: 'x', record: 'MX', code: 'NXDomain' } };
    assert.deepEqual(await attempt(), { kind: 'failed', dcid: NO_CONNECTION, failure: resolution.failure });
    assert.deepEqual([log, counted, seen], [[], ['dns'], []]);
  });

  it('that is given up tries no other address, and tells nothing', async () => {
    answers = { '10.0.0.1': REFUSED, '10.0.0.2': 'open' };
    stop.abort();
    assert.equal((await attempt()).kind, 'failed');
    assert.deepEqual([tried, log, counted], [[], [], []]);
  });
});
