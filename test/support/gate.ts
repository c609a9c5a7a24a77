/** Handlers that wait to be let go, and what they saw. */
export function gate() {
  const started: number[] = [];
  const held: (() => void)[] = [];
  return {
    started,
    hold: (mid: number) =>
      new Promise<void>((resolve) => {
        started.push(mid);
        held.push(resolve);
      }),
    release: () => held.shift()?.(),
    releaseAll: () => {
      for (const go of held.splice(0)) go();
    },
    holding: () => held.length,
  };
}
