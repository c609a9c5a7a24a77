import type { QueueDepth, RouteAnswer } from '@tdc/platform';
import type { ViewPorts } from '../ports.ts';

/** A retry that is due within the time that a worker takes to start is work for a worker that is started now. */
const DUE_SOON_MS = 30_000;

/** Jobs over all workers, and how much of them is work for a worker that is started now. */
export interface Demand extends QueueDepth {
  /** Waiting, being handled, and delayed but due soon. */
  readonly demand: number;
}

/** Reads the demand; rejects when Redis does not answer. */
export async function readDemand({ queue, now }: Pick<ViewPorts, 'queue' | 'now'>): Promise<Demand> {
  const [depth, dueSoon] = await Promise.all([queue.depth(), queue.dueBy(now() + DUE_SOON_MS)]);
  return { demand: depth.waiting + depth.active + dueSoon, ...depth };
}

/** The scaling signal: jobs over all workers. */
export interface Scaling {
  /**
   * What an autoscaler divides by the copies that one worker handles at once (Little's law): waiting, being handled, and
   * delayed but due soon.
   */
  readonly demand: number;
  readonly waiting: number;
  readonly active: number;
  /** Retries that wait for their time, due soon or not. */
  readonly delayed: number;
  /** Age of the oldest copy without an outcome; 0 when there is none. */
  readonly oldestAgeSeconds: number;
}

/**
 * Answers the scaling signal. Redis away is 503, never a false zero: an autoscaler that is told 0 takes workers away
 * just when they will be needed.
 */
export async function scaling(ports: ViewPorts): Promise<RouteAnswer> {
  const { ledger, now } = ports;
  try {
    const [demand, oldest] = await Promise.all([readDemand(ports), ledger.oldestActive()]);
    const times = Object.values(oldest);
    const body: Scaling = {
      ...demand,
      oldestAgeSeconds: times.length === 0 ? 0 : Math.max(0, (now() - Math.min(...times)) / 1000),
    };
    return { status: 200, body };
  } catch {
    return { status: 503, body: { error: 'Redis does not answer' } };
  }
}
