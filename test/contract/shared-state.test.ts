import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type HostState, UNKNOWN_HOST } from '@tdc/core';
import {
  createHostStore,
  createJournalIds,
  createMemoryGate,
  createPolicyRevisions,
  createRedisKeys,
  loadJournalIdSecret,
} from '@tdc/platform';
import { useRedis } from '../support/use-redis.ts';
import { waitUntil } from '../support/wait-until.ts';

const redis = useRedis();
const keys = createRedisKeys();

describe('what is known of a destination', () => {
  const state: HostState = {
    up: false,
    lastActivityAt: 1_708_118_362_000,
    last5xx: '550 5.7.1 nö',
    mxRecords: [{ exchange: 'mx.example.net', priority: 10 }],
    addresses: ['192.0.2.1', '2001:db8::1'],
  };

  it('comes back as it was saved last, and unknown hosts count as up', async () => {
    const hosts = createHostStore(redis.client, keys);
    await hosts.save('primary', UNKNOWN_HOST);
    await hosts.save('primary', state);
    assert.deepEqual(await hosts.load(['primary', 'second']), { primary: state, second: UNKNOWN_HOST });
    assert.deepEqual(await hosts.load([]), {});
  });

  it('is added to by several workers at once: nobody undoes what another learned', async () => {
    const stores = await Promise.all(
      Array.from({ length: 4 }, async () => createHostStore(await redis.connect(), keys)),
    );
    const changes: readonly Partial<HostState>[] = [
      { up: false, lastActivityAt: state.lastActivityAt },
      { last5xx: state.last5xx },
      { mxRecords: state.mxRecords },
      { addresses: state.addresses },
    ];
    await Promise.all(stores.map((store, index) => store.save('primary', changes[index] ?? {})));
    assert.deepEqual(await stores[0]?.load(['primary']), { primary: state });
    await stores[1]?.save('primary', { up: true });
    assert.deepEqual(await stores[0]?.load(['primary']), { primary: { ...state, up: true } });
  });

  it('is forgotten in the end', async () => {
    await createHostStore(redis.client, keys).save('primary', state);
    assert.ok((await redis.client.ttl(keys.host('primary'))) > 0);
  });
});

describe('the revision of a policy document', () => {
  it('is one number per document, whoever asks, and counts from 1', async () => {
    const stores = await Promise.all(
      Array.from({ length: 5 }, async () => createPolicyRevisions(await redis.connect(), keys)),
    );
    const first = await Promise.all(stores.map((store) => store.revisionOf('aa')));
    assert.deepEqual(first, [1, 1, 1, 1, 1]);
    const [store] = stores;
    assert.equal(await store?.revisionOf('bb'), 2);
    assert.equal(await store?.revisionOf('cc'), 3);
    assert.equal(await store?.revisionOf('aa'), 1);
  });
});

describe('the secret of the journal ids', () => {
  it('is the same for every process, and made by the first of them', async () => {
    const secrets = await Promise.all(
      Array.from({ length: 5 }, async () => loadJournalIdSecret(await redis.connect(), keys.journalIdSecret)),
    );
    const [first, ...others] = secrets.map(createJournalIds);
    assert.equal(secrets[0]?.length, 32);
    const id = first?.create() ?? '';
    assert.ok(others.every((one) => one.isOurs(id)));
    assert.equal(await redis.client.ttl(keys.journalIdSecret), -1);
  });
});

describe('the gate before a full Redis', () => {
  const usedBytes = async (): Promise<number> =>
    Number(/used_memory:(\d+)/.exec(await redis.client.info('memory'))?.[1]);

  it('closes above the given share of the limit and opens below it', async () => {
    const gate = createMemoryGate(redis.client, keys, 50);
    try {
      await redis.client.config('SET', 'maxmemory', String(Math.ceil((await usedBytes()) * 1.5)));
      await waitUntil(() => gate.isClosed(), { what: 'the gate closing' });
      await redis.client.config('SET', 'maxmemory', String((await usedBytes()) * 10));
      await waitUntil(() => !gate.isClosed(), { what: 'the gate opening' });
    } finally {
      gate.stop();
      await redis.client.config('SET', 'maxmemory', '0');
    }
  });

  it('opens when there is no limit, and keeps its last word while Redis is away', async () => {
    const client = await redis.connect();
    const gate = createMemoryGate(client, keys, 1);
    await redis.client.config('SET', 'maxmemory', String(await usedBytes()));
    await waitUntil(() => gate.isClosed());
    await redis.client.config('SET', 'maxmemory', '0');
    await waitUntil(() => !gate.isClosed());
    await redis.client.config('SET', 'maxmemory', String(await usedBytes()));
    await waitUntil(() => gate.isClosed());
    client.disconnect();
    await waitUntil(() => client.status === 'end');
    assert.equal(gate.isClosed(), true);
    gate.stop();
    await redis.client.config('SET', 'maxmemory', '0');
  });
});
