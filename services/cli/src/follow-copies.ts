import { setTimeout as pause } from 'node:timers/promises';
import type { monitorV1 } from '@tdc/proto';
import type { CommandInput } from './command.ts';
import { askMonitor } from './connect.ts';
import { EXIT, failed, type Outcome } from './outcome.ts';
import { isFinished } from './tracked-copy.ts';

const POLL_MS = 200;

/** The MIDs of the copies that intake's reply names; none when no copy was due. */
export const queuedMids = (reply: string): readonly number[] =>
  [...(/\bqueued as MID (\d+(?:, \d+)*)/.exec(reply)?.[1]?.matchAll(/\d+/g) ?? [])].map(([mid]) =>
    Number(mid),
  );

/** What tracking says of the copies that were followed. */
export interface Followed {
  readonly copies: readonly monitorV1.TrackedCopy[];
  /** Why not every copy was followed to its outcome. */
  readonly failure?: Outcome;
}

/** Follows the copies until each has an outcome, or the seconds are over. */
export async function followCopies(
  input: CommandInput,
  mids: readonly number[],
  seconds: number,
): Promise<Followed> {
  const deadline = Date.now() + seconds * 1000;
  const copies = new Map<number, monitorV1.TrackedCopy>();
  const known = () => [...copies.values()];
  for (const mid of mids) {
    for (;;) {
      const request = { query: { $case: 'mid', value: mid } } as const;
      const answer = await askMonitor(input, (client) => ({ method: client.track.bind(client), request }));
      if ('exitCode' in answer) return { copies: known(), failure: answer };
      const [copy] = answer.value.copies;
      if (copy !== undefined) copies.set(mid, copy);
      if (copy !== undefined && isFinished(copy)) break;
      if (Date.now() > deadline) {
        const failure = failed(EXIT.temporary, `MID ${mid} has no outcome after ${seconds} s`);
        return { copies: known(), failure };
      }
      await pause(POLL_MS);
    }
  }
  return { copies: known() };
}
