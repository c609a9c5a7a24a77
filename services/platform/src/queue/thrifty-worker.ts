import { type Job, type JobJson, type Processor, Worker, type WorkerOptions } from 'bullmq';
import type { RedisClient } from '../redis/connect.ts';
import { createScriptRunner } from '../redis/run-script.ts';

/**
 * Whether no job waits, nor will when its time has come; takes the mark of waiting jobs away then. KEYS[1] = the list of
 * those that wait, ARGV[1] = the prefix of the queue's keys.
 */
const NONE_WAITS = `
if redis.call('LLEN', KEYS[1]) > 0 or redis.call('ZCARD', ARGV[1] .. 'delayed') > 0 then return 0 end
redis.call('ZREM', ARGV[1] .. 'marker', '0')
return 1
`;

/**
 * The library's worker, for a queue that keeps up. With each job that a worker takes the library leaves a mark behind, for
 * others may wait; where none does, it asks for a job twice more, and is woken once more, for nothing. This worker looks
 * whether any waits where the last time none did, which costs a fraction of that.
 */
export class ThriftyWorker<T> extends Worker<T> {
  /** A job was taken since it was last found that there are no more. */
  #mayHaveMore = false;
  /** Behind the job before there was none. */
  #keepsUp = false;
  readonly #noneWaits: () => Promise<boolean>;

  constructor(
    name: string,
    processor: Processor<T>,
    options: WorkerOptions & { readonly connection: RedisClient },
  ) {
    super(name, processor, options);
    const { run } = createScriptRunner(options.connection, this.toKey('wait'), this.toKey(''));
    this.#noneWaits = async () => (await run(NONE_WAITS, [])) === 1;
  }

  protected override async moveToActive(token: string, name?: string): Promise<Job<T>> {
    const isBehindAnother = this.#mayHaveMore;
    if (isBehindAnother && this.#keepsUp && (await this.#noneWaits())) return this.nextJobFromJobData();
    const job = await super.moveToActive(token, name);
    if (isBehindAnother) this.#keepsUp = job === undefined;
    return job;
  }

  protected override nextJobFromJobData(parts?: JobJson, id?: string, token?: string): Promise<Job<T>> {
    this.#mayHaveMore = parts !== undefined;
    return super.nextJobFromJobData(parts, id, token);
  }
}
