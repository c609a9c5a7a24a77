import type { RouteAnswer } from '@tdc/platform';
import type { ViewPorts } from '../ports.ts';

/** A retry that is due within the time that a worker takes to start is work for a worker that is started now. */
const DUE_SOON_MS = 30_000;

/** Copies over all workers, and how many of them are work for a worker that is started now. */
export interface Demand {
  /** Waiting, being handled, and delayed but due soon. */
  readonly demand: number;
  readonly waiting: number;
  readonly active: number;
  readonly delayed: number;
}

/** Reads the demand; rejects when Redis does not answer. */
export async function readDemand({ ledger, now }: Pick<ViewPorts, 'ledger' | 'now'>): Promise<Demand> {
  const { waiting, attempting, delayed, dueSoon } = await ledger.activeCopies(now() + DUE_SOON_MS);
  return { demand: waiting + attempting + dueSoon, waiting, active: attempting, delayed };
}

/** The scaling signal: copies over all workers. */
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
