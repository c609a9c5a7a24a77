import type { RouteAnswer } from '@tdc/platform';
import type { ViewPorts } from '../ports.ts';

/** Retries that are due this soon are work for workers that would be started now. */
export interface Scaling {
  /** What an autoscaler divides by the copies one worker handles at once (Little's law): waiting and being handled. */
  readonly demand: number;
  readonly waiting: number;
  readonly active: number;
  readonly delayed: number;
  readonly oldestAgeSeconds: number;
}

/**
 * The scaling signal. Redis away is 503, never a false zero: an autoscaler that is told 0 takes workers away just when
 * they will be needed.
 */
export async function scaling(ports: ViewPorts): Promise<RouteAnswer> {
  try {
    const [depth, oldest] = await Promise.all([ports.depth(), ports.ledger.oldestActive()]);
    const times = Object.values(oldest);
    const body: Scaling = {
      demand: depth.waiting + depth.active + depth.delayed,
      ...depth,
      oldestAgeSeconds: times.length === 0 ? 0 : Math.max(0, (ports.now() - Math.min(...times)) / 1000),
    };
    return { status: 200, body };
  } catch {
    return { status: 503, body: { error: 'Redis does not answer' } };
  }
}
