import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { RedisClient } from './connect.ts';
import { createRedisKeys } from './keys.ts';
import { readRedisServerStatus } from './server-status.ts';

/** A server that answers INFO with these lines. */
const answering = (...lines: readonly string[]): RedisClient =>
  ({ info: async () => `# Server\r\n${lines.join('\r\n')}\r\n` }) as unknown as RedisClient;

describe('the status of a Redis server', () => {
  it('is what it says of itself', async () => {
    const status = await readRedisServerStatus(
      answering(
        'connected_clients:12',
        'used_memory:1048576',
        'maxmemory:4194304',
        'rdb_last_save_time:1795600000',
        'rdb_last_bgsave_status:ok',
        'aof_enabled:1',
        'aof_last_bgrewrite_status:ok',
        'aof_last_write_status:err',
        'evicted_keys:3',
        'role:master',
        'connected_slaves:2',
      ),
      createRedisKeys(),
    );
    assert.deepEqual(status, {
      memoryUsedBytes: 1_048_576,
      memoryLimitBytes: 4_194_304,
      evictedKeys: 3,
      connectedClients: 12,
      isPrimary: true,
      connectedReplicas: 2,
      appendOnly: true,
      appendOnlyOk: false,
      lastSaveAt: 1_795_600_000,
      lastSaveOk: true,
    });
  });

  it('tells a replica and a failed snapshot', async () => {
    const status = await readRedisServerStatus(
      answering('role:slave', 'rdb_last_bgsave_status:err'),
      createRedisKeys(),
    );
    assert.deepEqual([status.isPrimary, status.lastSaveOk], [false, false]);
  });

  it('takes what a server keeps to itself for no failure', async () => {
    const status = await readRedisServerStatus(answering('role:master'), createRedisKeys());
    assert.deepEqual([status.appendOnly, status.appendOnlyOk, status.lastSaveOk], [false, true, true]);
    assert.deepEqual([status.memoryLimitBytes, status.lastSaveAt], [0, 0]);
  });
});
