import { createLoadMessages } from './load-messages.ts';
import { type LoadReport, type LoadRequest, monotonicMs } from './protocol.ts';
import { type LoadSession, openLoadSession } from './smtp-load-session.ts';
import { summarize } from './statistics.ts';

/** Gives out sequence numbers, in a closed loop at once, in an open one when they are due. */
interface Schedule {
  /** The next message and when it was due; undefined when there is none left. */
  next(): Promise<{ readonly sequence: number; readonly dueAt: bigint } | undefined>;
}

/** How long the load waits when it is asked to: twice as long each time, and never as long as the others. */
const FIRST_DEFER_MS = 100;
const LONGEST_DEFER_MS = 10_000;
/** What is not taken for so long after it was due is a failure of the system. */
const GIVE_UP_MS = 120_000;
const TICK_MS = 1;

const pause = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));

function createSchedule({ count, rate }: LoadRequest): Schedule {
  const startedAt = process.hrtime.bigint();
  let sequence = 0;
  return {
    async next() {
      if (sequence >= count) return undefined;
      const own = sequence;
      sequence += 1;
      if (rate === undefined) return { sequence: own, dueAt: process.hrtime.bigint() };
      const dueAt = startedAt + BigInt(Math.round((own * 1e9) / rate));
      while (process.hrtime.bigint() < dueAt)
        await pause(Math.max(TICK_MS, Math.floor(Number(dueAt - process.hrtime.bigint()) / 1e6)));
      return { sequence: own, dueAt };
    },
  };
}

/** Sends a whole run and answers what was accepted. Rejects when a message was refused for good, or a connection broke. */
export async function runLoad(request: LoadRequest): Promise<LoadReport> {
  const { count, sessions, perConnection, ports } = request;
  const schedule = createSchedule(request);
  const messages = createLoadMessages(request.run, request.size);
  const acceptedAt = Array.from({ length: count }, () => 0);
  const latencies: number[] = [];
  const firstAt = monotonicMs();
  let lastAt = firstAt;
  let deferred = 0;

  /** Tries until it is taken: a gateway keeps what it is asked to send later. */
  const handOver = async (session: LoadSession, sequence: number, dueAt: bigint): Promise<void> => {
    for (let wait = FIRST_DEFER_MS; ; wait = Math.min(wait * 2, LONGEST_DEFER_MS)) {
      const { code, text } = await session.send(messages.compose(sequence, dueAt));
      if (code === 250) break;
      if (code < 400 || code > 499) throw new Error(`message ${sequence} was refused: ${text.trim()}`);
      deferred += 1;
      if (monotonicMs() - Number(dueAt) / 1e6 > GIVE_UP_MS)
        throw new Error(`message ${sequence} was asked to come later for too long: ${text.trim()}`);
      await pause(wait * (0.5 + Math.random()));
    }
    const at = monotonicMs();
    acceptedAt[sequence] = at;
    lastAt = at;
    latencies.push(at - Number(dueAt) / 1e6);
  };
  const runSession = async (port: number): Promise<void> => {
    let session = perConnection === 1 ? undefined : await openLoadSession(port);
    let used = 0;
    for (let due = await schedule.next(); due !== undefined; due = await schedule.next()) {
      session ??= await openLoadSession(port);
      await handOver(session, due.sequence, due.dueAt);
      used += 1;
      if (used === perConnection) {
        session.quit();
        session = undefined;
        used = 0;
      }
    }
    session?.quit();
  };
  await Promise.all(Array.from({ length: sessions }, (_, n) => runSession(ports[n % ports.length] ?? 0)));
  return {
    accepted: latencies.length,
    deferred,
    firstAt,
    lastAt,
    acceptedAt,
    accept: summarize(latencies),
  };
}
