/** Messages that come within this time share a deadline: a timer and a signal for each would cost more than their bookkeeping. */
const SHARED_MS = 100;

/** Answers signals that abort after so many milliseconds, or up to a tenth of a second before. */
export function createDeadlines(milliseconds: number, now: () => number): () => AbortSignal {
  let last: { readonly until: number; readonly signal: AbortSignal } | undefined;
  return () => {
    const at = now();
    // A clock that was set back must not keep an old deadline alive.
    if (last === undefined || at >= last.until || at < last.until - SHARED_MS) {
      const controller = new AbortController();
      setTimeout(() => controller.abort(), milliseconds).unref();
      last = { until: at + SHARED_MS, signal: controller.signal };
    }
    return last.signal;
  };
}
