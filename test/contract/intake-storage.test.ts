import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { loadIntakeConfig } from '../../services/intake/src/config.ts';
import { openStorage } from '../../services/intake/src/storage.ts';
import { silentLog } from '../support/remembering-log.ts';
import { sampleCopy } from '../support/sample-copy.ts';
import { useRedis } from '../support/use-redis.ts';

const redis = useRedis();

describe('the stores of intake', () => {
  it('put the copies of commits that end one after the other into one job', async () => {
    const opened = openStorage(
      loadIntakeConfig({
        TDC_REDIS_URL: redis.server.url,
        TDC_SMTP_TLS_CERT_FILE: import.meta.filename,
        TDC_SMTP_TLS_KEY_FILE: import.meta.filename,
      }),
      silentLog,
      Date.now,
    );
    try {
      await opened.opened;
      const storage = opened.current() ?? assert.fail('Redis is there');
      const accept = async (mid: number): Promise<void> => {
        const copies = [sampleCopy(mid, { enqueuedAt: Date.now() })];
        await storage.ledger.commit({ enqueue: copies, skipped: [] }, Buffer.from('x'));
        await storage.enqueue(copies);
      };
      const first = accept(1);
      // The first commit is under way now, and the others wait for its end.
      await new Promise((resolve) => void setImmediate(resolve));
      await Promise.all([first, accept(2), accept(3)]);
      const jobs = await redis.client.lrange('{tdc}:the.tdc.queue:wait', 0, -1);
      assert.deepEqual(jobs, ['mid-1']);
      const data = await redis.client.hget('{tdc}:the.tdc.queue:mid-1', 'data');
      assert.deepEqual(JSON.parse(data ?? '').mids, [1, 2, 3]);
    } finally {
      await opened.close();
    }
  });
});
