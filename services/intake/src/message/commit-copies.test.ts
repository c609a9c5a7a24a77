import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type MailLogEvent, mailLogText, parsePolicyDocument, type SkipReason, toMid } from '@tdc/core';
import { createJournalIds, MidTakenError } from '@tdc/platform';
import { createFakeStores, failing, type StoreAct } from '../../../../test/support/fake-stores.ts';
import { sampleCopy } from '../../../../test/support/sample-copy.ts';
import { commitCopies } from './commit-copies.ts';
import type { PlannedSplinter } from './plan-copies.ts';

const MID = toMid(1);
const unstored = (detail: string) => ({ kind: 'unavailable', reason: 'storage', detail }) as const;
const STORAGE = unstored('Redis does not answer');
const TIME = { kind: 'unavailable', reason: 'time' } as const;

const parsed = parsePolicyDocument({ version: 1, intakes: { primary: { address: 'journal@setd.example' } } });
const INTAKE = (parsed.kind === 'valid' ? parsed.document.intakes['primary'] : undefined) ?? assert.fail();

const due = (mid: number, policy = 'special_people'): PlannedSplinter => {
  const copy = sampleCopy(mid, { policy });
  const action = { kind: 'enqueue', intake: INTAKE } as const;
  return {
    mid: copy.mid,
    copy,
    splinter: { policy, recipients: copy.recipients, matchReason: '', action },
  };
};

const skipped = (mid: number, reason: SkipReason, policy = ''): PlannedSplinter => ({
  mid: toMid(mid),
  copy: undefined,
  splinter: { policy, recipients: [], matchReason: '', action: { kind: 'skip', reason } },
});

/** Stores with the body of MID 1, what is logged, and the client's patience. */
async function world() {
  const stores = createFakeStores();
  const writer = stores.spool.open(MID);
  await writer.write(Buffer.from('abc'));
  await writer.finish();
  const log: MailLogEvent[] = [];
  const late = new AbortController();
  const ports = {
    storage: { ...stores, journalIds: createJournalIds(Buffer.from('key')) },
    log: (event: MailLogEvent) => void log.push(event),
    late: late.signal,
  };
  return {
    stores,
    late,
    lines: () => log.map(mailLogText),
    commit: (planned: readonly PlannedSplinter[], unstored?: Buffer) =>
      commitCopies({ mid: MID, planned, unstored }, ports),
    /** Acts behind the storing of the body. */
    acts: () => stores.acts.slice(2),
  };
}

describe('committing', () => {
  it('one copy goes body, account, job, confirmation, and logs it before any worker can', async () => {
    const { commit, acts, stores, lines } = await world();
    stores.before('add', async () => assert.equal(lines().length, 2));
    assert.deepEqual(await commit([due(1)]), { kind: 'committed', queued: [1] });
    assert.deepEqual(acts(), ['duplicate', 'commit 1', 'add 1', 'confirmQueued 1']);
    assert.equal(stores.bodies.get(MID)?.toString(), 'abc');
    assert.deepEqual(lines(), [
      'MID 1 matched all recipients for per-recipient policy special_people in the inbound table',
      "TDC: MID 1 with Message-ID '<1@lawfirm.example>' enqueued for forwarding to Cisco Secure Email Threat Defense to the message intake address 33c48e-27xp9-05ecb4@beta.cmd.example.com",
    ]);
  });

  it('a short message stores its body in the step that makes it active', async () => {
    const { commit, acts, stores } = await world();
    await stores.spool.remove([MID]);
    stores.before('commit', async () => assert.equal(stores.bodies.size, 0));
    assert.deepEqual(await commit([due(1), due(2)], Buffer.from('xyz')), {
      kind: 'committed',
      queued: [1, 2],
    });
    assert.deepEqual(acts().slice(1), ['commit 1,2', 'add 1,2', 'confirmQueued 1,2']);
    assert.deepEqual([...stores.bodies.values()].map(String), ['xyz', 'xyz']);
  });

  for (const [when, prepare] of [
    ['is late before its commit', ({ late }) => late.abort()],
    ['is not committed', ({ stores }) => stores.before('commit', failing)],
  ] as readonly (readonly [string, (scene: Awaited<ReturnType<typeof world>>) => void])[]) {
    it(`a short message that ${when} touches no body that is under its MID`, async () => {
      const scene = await world();
      prepare(scene);
      assert.equal((await scene.commit([due(1)], Buffer.from('xyz'))).kind, 'unavailable');
      assert.equal(scene.stores.bodies.get(MID)?.toString(), 'abc');
    });
  }

  it('splinters gives each its body, and the message itself is done', async () => {
    const { commit, acts, stores, lines } = await world();
    const planned = [due(2), skipped(3, 'no-scan', 'engineering'), due(4, 'DEFAULT'), skipped(5, 'relayed')];
    assert.deepEqual(await commit(planned), { kind: 'committed', queued: [2, 4] });
    assert.deepEqual(acts(), ['duplicate 2,4', 'remove 1', 'commit 2,4', 'add 2,4', 'confirmQueued 2,4']);
    assert.deepEqual([...stores.bodies.keys()], [2, 4]);
    assert.deepEqual(stores.skipped, ['no-scan', 'relayed']);
    assert.deepEqual(
      lines().map((line) => line.replace(/ with Message-ID.*| due to a per-recipient/, '')),
      [
        'MID 1 was split creating MID 2 policy special_people in the inbound table',
        'MID 1 was split creating MID 3 policy engineering in the inbound table',
        'MID 1 was split creating MID 4 policy DEFAULT in the inbound table',
        'TDC: MID 2',
        'TDC: MID 4',
      ],
    );
  });

  it('a skip counts it, keeps no body and logs no TDC line', async () => {
    const { commit, stores, lines } = await world();
    assert.deepEqual(await commit([skipped(1, 'no-scan', 'engineering')]), { kind: 'committed', queued: [] });
    assert.deepEqual(stores.skipped, ['no-scan']);
    assert.equal(stores.bodies.size, 0);
    assert.deepEqual(lines(), [
      'MID 1 matched all recipients for per-recipient policy engineering in the inbound table',
    ]);
  });

  it('a skip before any policy was asked logs nothing', async () => {
    const { commit, lines } = await world();
    await commit([skipped(1, 'outgoing')]);
    assert.deepEqual(lines(), []);
  });
});

describe('copies that too few replicas hold', () => {
  const REPLICAS = { kind: 'unavailable', reason: 'replicas' } as const;

  it('are taken back before there is a job or a line in the log, and the gateway keeps the message', async () => {
    const { commit, acts, stores, lines } = await world();
    stores.loseReplicas();
    assert.deepEqual(await commit([due(1), due(2)]), REPLICAS);
    assert.deepEqual(acts(), ['duplicate 2', 'commit 1,2', 'withdraw 1,2', 'remove 1,2']);
    assert.deepEqual(lines(), []);
    assert.equal(stores.jobs.size, 0);
  });

  it('are not asked for when nothing is enqueued', async () => {
    const { commit, stores } = await world();
    stores.loseReplicas();
    assert.deepEqual(await commit([skipped(1, 'no-scan')]), { kind: 'committed', queued: [] });
  });
});

describe('where Redis fails', () => {
  const CASES: readonly (readonly [act: StoreAct, acts: readonly string[]])[] = [
    ['duplicate', ['duplicate 2,3', 'remove 1']],
    ['remove', ['duplicate 2,3', 'remove 1', 'remove 1']],
    ['commit', ['duplicate 2,3', 'remove 1', 'commit 2,3', 'withdraw 2,3', 'remove 2,3']],
    ['add', ['duplicate 2,3', 'remove 1', 'commit 2,3', 'add 2,3', 'withdraw 2,3']],
  ];
  for (const [act, expected] of CASES) {
    it(`at ${act}, the message is not taken and nothing of it is left`, async () => {
      const { commit, acts, stores } = await world();
      stores.before(act, failing);
      assert.deepEqual(await commit([due(2), due(3)]), STORAGE);
      assert.deepEqual(acts(), expected);
      assert.equal(stores.committed.size, 0);
      assert.equal(stores.jobs.size, 0);
    });
  }

  it('behind the commit, whose answer is lost, it is taken back', async () => {
    const { commit, stores } = await world();
    stores.loseAnswer('commit');
    assert.deepEqual(await commit([due(1)]), unstored('the answer to commit was lost'));
    assert.deepEqual([stores.committed.size, stores.bodies.size], [0, 0]);
  });

  it('at the taking back, too, the body stays: the sweep will queue what it finds', async () => {
    const { commit, stores } = await world();
    stores.loseAnswer('commit');
    stores.before('withdraw', failing);
    assert.deepEqual(await commit([due(1)]), unstored('the answer to commit was lost'));
    assert.deepEqual([...stores.committed.keys()], [1]);
    assert.deepEqual([...stores.bodies.keys()], [1]);
  });

  it('at the confirmation, the message is taken all the same', async () => {
    const { commit, stores } = await world();
    stores.before('confirmQueued', failing);
    assert.deepEqual(await commit([due(1)]), { kind: 'committed', queued: [1] });
  });

  it('at a skip, the gateway keeps the message: nothing is lost', async () => {
    const { commit, stores } = await world();
    stores.before('commit', failing);
    assert.deepEqual(await commit([skipped(1, 'spam')]), STORAGE);
    assert.deepEqual(stores.skipped, []);
  });

  it('with MIDs that another copy has, the other copy is left alone', async () => {
    const { commit, acts, stores } = await world();
    stores.before('commit', async () => {
      throw new MidTakenError('TAKEN MID 1 belongs to another copy');
    });
    assert.deepEqual(await commit([due(1)]), unstored('TAKEN MID 1 belongs to another copy'));
    assert.deepEqual(acts(), ['duplicate', 'commit 1']);
  });
});

describe('when the client has been told to come again', () => {
  const CASES: readonly (readonly [act: StoreAct, acts: readonly string[]])[] = [
    ['duplicate', ['duplicate', 'remove 1']],
    ['commit', ['duplicate', 'commit 1', 'withdraw 1', 'remove 1']],
    ['add', ['duplicate', 'commit 1', 'add 1', 'withdraw 1']],
  ];
  for (const [act, expected] of CASES) {
    it(`during ${act}, what was done is taken back`, async () => {
      const { commit, acts, stores, late } = await world();
      stores.before(act, async () => late.abort());
      assert.deepEqual(await commit([due(1)]), TIME);
      assert.deepEqual(acts(), expected);
      assert.equal(stores.committed.size, 0);
      assert.equal(stores.confirmed.size, 0);
    });
  }

  it('during the confirmation, the copy stands', async () => {
    const { commit, stores, late } = await world();
    stores.before('confirmQueued', async () => late.abort());
    assert.deepEqual(await commit([due(1)]), { kind: 'committed', queued: [1] });
  });
});
