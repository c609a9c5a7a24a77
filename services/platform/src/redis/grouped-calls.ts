export interface GroupOptions<Item> {
  /** Items of one call, at most. */
  readonly maxItems: number;
  /** What an item adds to the weight of its call, and what a call may weigh; one item may weigh more. */
  readonly weight?: { readonly of: (item: Item) => number; readonly max: number };
  /** What nobody waits for may wait so long for company, ms; where it is left out, a call goes out at once. */
  readonly gatherMs?: number;
  /** How many may come, those that wait included, as far as it is known: when all are there, nobody is waited for. */
  readonly expected?: () => number;
  /**
   * Who is first asks for it, and waits once for what it answers: that others who are about to ask come along. It answers
   * undefined where nobody is known to come.
   */
  readonly company?: () => Promise<void> | undefined;
}

/** Asks for one item. */
export interface GroupedCalls<Item, Answer> {
  (item: Item): Promise<Answer>;
  /** Resolves when the next call has ended, well or not; undefined when nothing is asked for. */
  readonly nextEnd: () => Promise<void> | undefined;
}

interface Asked<Item, Answer> {
  readonly item: Item;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
}

/** A call that takes longer holds up nobody: what waits behind it goes beside it. */
const PATIENCE_MS = 50;

/**
 * Lets what is asked for one by one go out together: all that comes in one turn of the event loop, and all that comes
 * while the call before is under way, is one call. Nobody waits while there is nothing to wait for; under load a call
 * serves as many as there are. `run` answers for each item, in order; where it rejects, it does so for all of them.
 */
export function groupCalls<Item, Answer>(
  run: (items: readonly Item[]) => Promise<readonly Answer[]>,
  options: GroupOptions<Item>,
): GroupedCalls<Item, Answer> {
  let waiting: Asked<Item, Answer>[] = [];
  let underWay = 0;
  let scheduled: NodeJS.Immediate | undefined;
  let gathering: NodeJS.Timeout | undefined;
  let patience: NodeJS.Timeout | undefined;
  let isExpecting = false;
  let end: PromiseWithResolvers<void> | undefined;

  const take = (): readonly Asked<Item, Answer>[] => {
    const count = fitting(waiting, options);
    const taken = waiting.slice(0, count);
    waiting = waiting.slice(count);
    return taken;
  };
  const call = async (group: readonly Asked<Item, Answer>[]): Promise<void> => {
    underWay += 1;
    try {
      const answers = await run(group.map(({ item }) => item));
      for (const [index, { resolve }] of group.entries()) resolve(answers[index] as Answer);
    } catch (error) {
      for (const { reject } of group) reject(error);
    }
    underWay -= 1;
    end?.resolve();
    end = undefined;
    // Who has waited for this call waits for nobody else.
    if (waiting.length > 0 && options.gatherMs === undefined) goSoon();
    else if (waiting.length > 0) schedule();
  };
  const go = (): void => {
    clearImmediate(scheduled);
    clearTimeout(gathering);
    scheduled = undefined;
    gathering = undefined;
    clearTimeout(patience);
    patience = undefined;
    if (waiting.length > 0) void call(take());
    if (waiting.length > 0) wait();
  };
  const wait = (): void => {
    patience ??= setTimeout(go, PATIENCE_MS);
  };
  const goSoon = (): void => {
    scheduled ??= setImmediate(go);
  };
  const expect = (coming: Promise<void>): void => {
    isExpecting = true;
    wait();
    void coming.then(() => {
      isExpecting = false;
      if (underWay === 0) goSoon();
    });
  };
  function schedule(): void {
    const { gatherMs, maxItems, expected, company } = options;
    if (waiting.length >= maxItems || (expected && waiting.length >= expected())) goSoon();
    else if (gatherMs !== undefined) gathering ??= setTimeout(go, gatherMs);
    else if (isExpecting) wait();
    else if (scheduled === undefined) {
      const coming = company?.();
      if (coming === undefined) goSoon();
      else expect(coming);
    }
  }

  const ask = (item: Item): Promise<Answer> =>
    new Promise((resolve, reject) => {
      waiting.push({ item, resolve, reject });
      if (underWay === 0) schedule();
      else wait();
    });
  const nextEnd = (): Promise<void> | undefined => {
    if (underWay === 0 && waiting.length === 0) return undefined;
    end ??= Promise.withResolvers();
    return end.promise;
  };
  return Object.assign(ask, { nextEnd });
}

/** How many of those who wait longest fit into one call; one at least. */
function fitting<Item, Answer>(
  waiting: readonly Asked<Item, Answer>[],
  { maxItems, weight }: GroupOptions<Item>,
): number {
  let total = 0;
  let count = 0;
  for (const { item } of waiting) {
    total += weight?.of(item) ?? 0;
    if (count === maxItems || (count > 0 && weight !== undefined && total > weight.max)) break;
    count += 1;
  }
  return count;
}
