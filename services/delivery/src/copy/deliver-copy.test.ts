import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it, mock } from 'node:test';
import {
  type DeliveryFailure,
  type HardBounceReason,
  type JournalCopy,
  type MailLogEvent,
  NO_CONNECTION,
  toDcid,
} from '@tdc/core';
import { type AttemptTicket, type FinalOutcome, type JobDisposition, SpoolError } from '@tdc/platform';
import { sampleCopy } from '../../../../test/support/sample-copy.ts';
import { unobserved } from '../../../../test/support/unobserved-copies.ts';
import type { Acquisition, Lease } from '../destination/destination.ts';
import type { OutboundConnection, OutboundMessage, SendResult } from '../smtp/outbound-connection.ts';
import { createDeliverJob } from './deliver-job.ts';
import type { DeliveryPorts } from './ports.ts';

const NOW = 1_000_000;
const DCID = toDcid(7);
const ORIGINAL = Buffer.from('Subject: x\r\n\r\nText\r\n');
const COPY = sampleCopy(17, { sizeBytes: ORIGINAL.length, enqueuedAt: NOW });
const DELIVERED: SendResult = { kind: 'delivered', reply: { code: 250, text: 'Ok' } };
const failed = (failure: DeliveryFailure): SendResult => ({ kind: 'failed', failure });
const STALE: SendResult = { kind: 'stale' };
const NETWORK: DeliveryFailure = { kind: 'network', reason: 'closed', detail: 'closed' };
const REFUSED: DeliveryFailure = { kind: 'smtp-reply', stage: 'rcpt', reply: { code: 550, text: 'no' } };

const begun = (finishedAttempts: number): AttemptTicket => ({
  kind: 'go',
  copy: COPY,
  finishedAttempts,
  body: undefined,
});

class Bench {
  ticket: AttemptTicket = begun(0);
  acquisitions: Acquisition[] = [];
  sends: SendResult[] = [DELIVERED];
  /** What the ledger answers when an outcome is recorded; an error stands for Redis being away. */
  recorded: (boolean | Error)[] = [];
  readonly outcomes: FinalOutcome[] = [];
  readonly softBounces: { attempt: number; reason: string }[] = [];
  readonly released: number[] = [];
  /** Ends of the leases on the copy. */
  readonly leases: number[] = [];
  /** Connections that were given back. */
  returned = 0;
  spoolHolds = true;
  /** What the spool throws, behind the octets that it holds. */
  spoolError: Error | undefined;
  /** What happens while the copy waits for a connection. */
  beforeAnswer: () => void = () => undefined;
  /** What happens while the peer has the copy. */
  meanwhile: () => void = () => undefined;
  /** Whether its signal had cut the copy off when the peer was done with it. */
  cut = false;
  readonly log: MailLogEvent[] = [];
  readonly sent: OutboundMessage[] = [];
  stop = new AbortController();

  readonly #record = async (): Promise<boolean> => {
    const answer = this.recorded.shift() ?? true;
    if (answer instanceof Error) throw answer;
    return answer;
  };

  readonly #connection: OutboundConnection = {
    ends: { localAddress: '', peerAddress: '', port: 25 },
    protocol: '',
    cipher: '',
    isUsable: () => true,
    send: async (message, signal) => {
      this.sent.push(message);
      try {
        if (!(message.content instanceof Uint8Array)) for await (const _ of message.content);
      } catch (error) {
        return { kind: 'content-failed', error };
      }
      this.meanwhile();
      this.cut = signal.aborted;
      message.onFinalDot();
      return this.sends.shift() ?? DELIVERED;
    },
    onFree: () => undefined,
    onClosed: () => undefined,
    quit: () => undefined,
  };

  readonly #lease: Lease = {
    dcid: DCID,
    connection: this.#connection,
    release: () => {
      this.returned += 1;
    },
  };

  run(copy: JournalCopy = COPY): Promise<JobDisposition> {
    const { spoolHolds } = this;
    const spoolError = this.spoolError;
    const ports: DeliveryPorts = {
      ledger: {
        beginAttempts: async (_mids, leaseUntil) => {
          this.leases.push(leaseUntil);
          return [this.ticket.kind === 'go' ? { ...this.ticket, copy } : this.ticket];
        },
        extendLease: async (_mid, leaseUntil) => void this.leases.push(leaseUntil),
        releaseAttempt: async (mid) => void this.released.push(mid),
        softBounce: async (_mid, { attempt, reason }) => {
          this.softBounces.push({ attempt, reason });
          return this.#record();
        },
        finish: async (_mid, outcome) => {
          const recorded = await this.#record();
          this.outcomes.push(outcome);
          return recorded;
        },
      },
      spool: {
        async *read() {
          if (spoolHolds) yield ORIGINAL;
          if (spoolError !== undefined) throw spoolError;
        },
      },
      acquire: async () => {
        this.beforeAnswer();
        return this.acquisitions.shift() ?? { kind: 'lease', lease: this.#lease };
      },
      log: (event) => void this.log.push(event),
      observe: { ...unobserved, recordDelayed: () => queueMicrotask(() => mock.timers.tick(1000)) },
      now: Date.now,
      offsetMinutes: () => 0,
    };
    const deliverJob = createDeliverJob(ports, { retryDelaySeconds: 60, finalReplyMs: 60_000 });
    const { mid, expiresAt } = copy;
    return deliverJob({ mids: [mid], expiresAt }, this.stop.signal, () => undefined);
  }

  get kinds(): string[] {
    return this.log.map(({ kind }) => kind);
  }
}

describe('a copy that is to be delivered', () => {
  let bench: Bench;
  beforeEach(() => {
    mock.timers.enable({ apis: ['setTimeout', 'Date'], now: NOW });
    bench = new Bench();
  });
  afterEach(() => mock.timers.reset());

  const hardBounce = (reason: HardBounceReason): void => {
    const [outcome] = bench.outcomes;
    assert.deepEqual(
      [outcome?.kind, outcome?.kind === 'hard-bounced' ? outcome.reason : ''],
      ['hard-bounced', reason],
    );
  };

  it('is delivered, recorded, logged, done', async () => {
    assert.deepEqual(await bench.run(), { kind: 'done' });
    assert.deepEqual(bench.outcomes, [{ kind: 'delivered', dcid: DCID, response: '250 Ok' }]);
    assert.deepEqual(bench.kinds, ['delivery-start', 'delivered', 'finished']);
  });

  it('goes to the intake address alone, from the sender of the intake', async () => {
    await bench.run();
    assert.equal(bench.sent[0]?.recipient, COPY.route.address);
    assert.equal(bench.sent[0]?.sender, '');
  });

  it('and has its outcome already is dropped', async () => {
    bench.ticket = { kind: 'finished' };
    assert.deepEqual(await bench.run(), { kind: 'done' });
    assert.equal(bench.sent.length, 0);
    assert.deepEqual(bench.log, []);
  });

  it('and whose outcome somebody else recorded meanwhile is not logged again', async () => {
    bench.recorded = [false];
    assert.deepEqual(await bench.run(), { kind: 'done' });
    assert.deepEqual(bench.kinds, ['delivery-start']);
  });

  it('and is past its deadline is expired without an attempt', async () => {
    assert.deepEqual(await bench.run({ ...COPY, expiresAt: NOW }), { kind: 'done' });
    hardBounce('expired');
    assert.deepEqual(bench.released, [17], 'no attempt counted');
    assert.equal(bench.sent.length, 0);
    assert.deepEqual(bench.kinds, ['hard-bounced', 'delivery-failed', 'bounced']);
  });

  it('fails for the first time: soft bounce, and another try in a minute', async () => {
    bench.sends = [failed(NETWORK)];
    assert.deepEqual(await bench.run(), { kind: 'retry-at', at: NOW + 60_000 });
    assert.deepEqual(bench.softBounces, [{ attempt: 1, reason: 'network' }]);
    assert.deepEqual(bench.kinds, ['delivery-start', 'delayed', 'pending']);
  });

  it('fails for the second time: hard bounce', async () => {
    bench.ticket = begun(1);
    bench.sends = [failed(NETWORK)];
    assert.deepEqual(await bench.run(), { kind: 'done' });
    hardBounce('network');
  });

  it('is refused for good: hard bounce at once', async () => {
    bench.sends = [failed(REFUSED)];
    assert.deepEqual(await bench.run(), { kind: 'done' });
    hardBounce('5xx');
  });

  it('finds its destination unreachable: the failure of the connection is its own', async () => {
    bench.acquisitions = [
      {
        kind: 'failed',
        dcid: NO_CONNECTION,
        failure: { kind: 'dns', domain: 'x.example', record: 'MX', code: 'NXDomain' },
      },
    ];
    assert.deepEqual(await bench.run(), { kind: 'done' });
    hardBounce('dns');
    assert.deepEqual(bench.kinds, ['dns-error', 'hard-bounced', 'delivery-failed', 'bounced']);
  });

  it('finds no connection: handed back, no attempt counted', async () => {
    bench.acquisitions = [{ kind: 'unavailable', retryInMs: 250 }];
    assert.deepEqual(await bench.run(), { kind: 'retry-at', at: NOW + 250 });
    assert.deepEqual(bench.released, [17]);
    assert.deepEqual(bench.softBounces, []);
  });

  it('finds no connection before its deadline: expired, no attempt counted', async () => {
    bench.acquisitions = [{ kind: 'unavailable', retryInMs: 250 }];
    bench.ticket = begun(0);
    bench.beforeAnswer = () => mock.timers.tick(120_000);
    assert.deepEqual(await bench.run(), { kind: 'done' });
    hardBounce('expired');
    assert.deepEqual(bench.released, [17]);
  });

  it('meets a connection that was dead already: another one, no attempt counted', async () => {
    bench.sends = [STALE, DELIVERED];
    assert.deepEqual(await bench.run(), { kind: 'done' });
    assert.equal(bench.sent.length, 2);
    assert.deepEqual(bench.softBounces, []);
    assert.equal(bench.outcomes[0]?.kind, 'delivered');
  });

  it('meets nothing but dead connections: handed back', async () => {
    bench.sends = Array.from({ length: 9 }, () => STALE);
    assert.equal((await bench.run()).kind, 'retry-at');
    assert.deepEqual(bench.outcomes, []);
  });

  it('is recorded as soon as Redis takes it: what the peer answered is not forgotten', async () => {
    bench.recorded = [new Error('away'), new Error('away'), true];
    assert.deepEqual(await bench.run(), { kind: 'done' });
    assert.equal(bench.outcomes.length, 1);
    assert.deepEqual(bench.kinds, ['delivery-start', 'delivered', 'finished']);
  });

  it('whose final dot was out when this worker was told to stop is recorded all the same', async () => {
    bench.meanwhile = () => bench.stop.abort();
    assert.deepEqual(await bench.run(), { kind: 'done' });
    assert.equal(bench.outcomes[0]?.kind, 'delivered');
  });

  it('is cut off by the end of this worker: handed back at once, no attempt counted', async () => {
    bench.ticket = begun(1);
    bench.meanwhile = () => bench.stop.abort();
    bench.sends = [{ kind: 'cut' }];
    assert.deepEqual(await bench.run(), { kind: 'retry-at', at: NOW });
    assert.deepEqual(bench.released, [17]);
    assert.deepEqual([bench.softBounces, bench.outcomes], [[], []]);
    assert.equal(bench.cut, true);
  });

  for (const finishedAttempts of [0, 1]) {
    it(`is cut off by its deadline in attempt ${finishedAttempts + 1}: expired, on that connection`, async () => {
      bench.ticket = begun(finishedAttempts);
      bench.meanwhile = () => mock.timers.tick(120_000);
      bench.sends = [{ kind: 'cut' }];
      assert.deepEqual(await bench.run(), { kind: 'done' });
      assert.equal(bench.cut, true);
      hardBounce('expired');
      assert.equal(bench.outcomes[0]?.kind === 'hard-bounced' ? bench.outcomes[0].dcid : 0, DCID);
      assert.deepEqual(bench.kinds, ['delivery-start', 'hard-bounced', 'delivery-failed', 'bounced']);
    });
  }

  it('is not cut off a moment before its deadline', async () => {
    bench.meanwhile = () => mock.timers.tick(119_999);
    assert.deepEqual(await bench.run(), { kind: 'done' });
    assert.deepEqual([bench.cut, bench.outcomes[0]?.kind], [false, 'delivered']);
  });

  it('is left alone by the sweep until its outcome can be there', async () => {
    bench.meanwhile = () => mock.timers.tick(30_000);
    await bench.run();
    assert.deepEqual(bench.leases, [NOW + 122_000]);
  });

  it('whose answer may come after the deadline is left alone for longer', async () => {
    bench.meanwhile = () => mock.timers.tick(100_000);
    await bench.run();
    assert.deepEqual(bench.leases, [NOW + 122_000, NOW + 162_000]);
  });

  for (const spoolHolds of [true, false]) {
    const when = spoolHolds ? 'half-way' : 'from the start';
    for (const reason of ['missing', 'mismatch'] as const) {
      it(`and whose body is ${reason} ${when}, is given up`, async () => {
        bench.spoolHolds = spoolHolds;
        bench.spoolError = new SpoolError(reason, COPY.mid);
        assert.deepEqual(await bench.run(), { kind: 'done' });
        hardBounce('spool');
        assert.equal(bench.returned, 1);
      });
    }

    it(`and whose body Redis does not give ${when}, is handed back, no attempt counted`, async () => {
      bench.spoolHolds = spoolHolds;
      bench.spoolError = new Error('Command timed out');
      assert.deepEqual(await bench.run(), { kind: 'retry-at', at: NOW + 1000 });
      assert.deepEqual(bench.released, [17]);
      assert.deepEqual([bench.softBounces, bench.outcomes], [[], []]);
      assert.equal(bench.returned, 1, 'the connection is given back');
    });
  }

  const NEEDS: readonly (readonly [smtpUtf8: boolean, route: Partial<JournalCopy['route']>, need: string])[] =
    [
      [false, {}, 'no'],
      [true, {}, 'wanted'],
      [true, { format: 'bcc' }, 'needed'],
      [false, { address: 'j\u00f6rg@setd.example' }, 'needed'],
      [false, { envelopeSender: 'j\u00f6rg@example.org' }, 'needed'],
    ];
  for (const [smtpUtf8, route, need] of NEEDS) {
    it(`asks for SMTPUTF8: ${need}, for ${JSON.stringify({ smtpUtf8, ...route })}`, async () => {
      await bench.run({ ...COPY, smtpUtf8, route: { ...COPY.route, ...route } });
      assert.equal(bench.sent[0]?.smtpUtf8, need);
    });
  }

  it('is left to another worker when this one stops before it could record', async () => {
    bench.recorded = [new Error('away')];
    bench.stop.abort();
    await assert.rejects(bench.run());
    assert.deepEqual(bench.kinds, ['delivery-start']);
  });
});
