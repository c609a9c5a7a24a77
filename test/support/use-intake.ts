import { after, before } from 'node:test';
import { type IntakeGround, ONE_INTAKE, prepareIntake } from './intake-process.ts';
import { type RedisServer, startRedisServer } from './redis-server.ts';
import { openStoredCopies, type StoredCopies } from './stored-copies.ts';

/** What the intakes of one test file stand on. */
export interface IntakeOfFile {
  readonly redis: RedisServer;
  readonly ground: IntakeGround;
  /** What they have stored. */
  readonly stored: StoredCopies;
}

/**
 * Prepares it for the tests of this file and removes it behind them, intakes included; to be called once, at the top. What the
 * file begins with belongs into `begin`: the runner does not let one hook of a file wait for another.
 */
export function useIntake(
  document: string = ONE_INTAKE,
  begin: (here: IntakeOfFile) => Promise<void> = async () => undefined,
): IntakeOfFile {
  let redis: RedisServer | undefined;
  let ground: IntakeGround | undefined;
  let stored: StoredCopies | undefined;
  before(async () => {
    redis = await startRedisServer();
    ground = await prepareIntake(redis.url, document);
    stored = await openStoredCopies(redis.url);
    await begin({ redis, ground, stored });
  });
  after(async () => {
    await stored?.close();
    await ground?.remove();
    await redis?.remove();
  });
  return {
    get redis() {
      return redis ?? neverPrepared();
    },
    get ground() {
      return ground ?? neverPrepared();
    },
    get stored() {
      return stored ?? neverPrepared();
    },
  };
}

function neverPrepared(): never {
  throw new Error('the ground is there from the first test on');
}
