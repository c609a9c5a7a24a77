/**
 * A worker process that takes jobs, prints the MID of each as a line and never finishes one: to be killed.
 * Arguments: URL of Redis, key prefix, lock and stalled check in milliseconds.
 */
import { connectRedis, createJournalQueueWorker } from '@tdc/platform';

const [url = '', prefix = '', lockMs = '', stalledCheckMs = ''] = process.argv.slice(2);

createJournalQueueWorker(connectRedis(url, { role: 'blocking' }), {
  prefix,
  capacity: 1,
  now: Date.now,
  lockMs: Number(lockMs),
  stalledCheckMs: Number(stalledCheckMs),
  onError: (message) => process.stderr.write(`${message}\n`),
  onUnhandled: (message) => process.stderr.write(`${message}\n`),
  waitingJobs: async () => 0,
  handler({ mids }) {
    process.stdout.write(`${mids.join()}\n`);
    return new Promise(() => undefined);
  },
});
