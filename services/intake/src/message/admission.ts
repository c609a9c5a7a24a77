/** How the octets of long messages that are on their way in are bounded. */
export interface AdmissionOptions {
  /** Octets on their way in at once, at most; a message that is larger is taken alone. */
  readonly maxBytes: number;
  /** How long a message waits for its room, ms. */
  readonly patienceMs: number;
  /** Whether the store has room for so many octets beside those on their way. */
  readonly storeHasRoom: (bytes: number) => boolean;
  /** Called while messages wait: the store may have got room. */
  readonly lookAgain: () => Promise<void>;
}

/** What is asked of a message that is on its way in. */
export interface Arriving {
  /** Undefined when nothing was announced. */
  readonly declaredBytes: number | undefined;
  /** Calls back when its client goes away, at once where it has. */
  readonly whenGone: (tell: () => void) => void;
}

/** One message's room. */
export interface Room {
  /**
   * Waits until there is room for so many octets in all; false when there is none in time, or nobody any more to wait for.
   * Where it has that room already it is true at once, without a promise.
   */
  need(bytes: number): Promise<boolean> | true;
  /** Gives back what it had; to be called when the message is answered, whatever came of it. */
  leave(): void;
}

/**
 * Lets long messages in one after the other, so that what is on its way never fills the store or this process: a client
 * that sends more is kept waiting in the midst of its message, as a slow network would keep it, and sends on.
 */
export interface Admission {
  open(message: Arriving, maxMessageBytes: number): Room;
  /** Octets that have room at the moment. */
  bytesInFlight(): number;
  /** Messages that wait for room. */
  waiting(): number;
}

/** What every message has without asking: as much as is in memory anyhow before the first of it is stored. */
export const FREE_BYTES = 256 * 1024;
const LOOK_MS = 100;

interface Waiter {
  readonly bytes: number;
  readonly answer: (admitted: boolean) => void;
}

export function createAdmission(options: AdmissionOptions): Admission {
  const line: Waiter[] = [];
  let inFlight = 0;
  let isLooking = false;

  const fits = (bytes: number): boolean =>
    (inFlight === 0 || inFlight + bytes <= options.maxBytes) && options.storeHasRoom(inFlight + bytes);
  /** In the order in which they came: a large one is not passed by for ever. */
  const admit = (): void => {
    for (let first = line[0]; first !== undefined && fits(first.bytes); first = line[0]) {
      line.shift();
      inFlight += first.bytes;
      first.answer(true);
    }
    if (line.length > 0) look();
  };
  function look(): void {
    if (isLooking) return;
    isLooking = true;
    setTimeout(() => {
      void options.lookAgain().finally(() => {
        isLooking = false;
        admit();
      });
    }, LOOK_MS);
  }
  const enter = (bytes: number, whenGone: Arriving['whenGone']): Promise<boolean> =>
    new Promise((resolve) => {
      const waiter: Waiter = {
        bytes,
        answer(admitted) {
          clearTimeout(timer);
          resolve(admitted);
        },
      };
      const giveUp = (): void => {
        const place = line.indexOf(waiter);
        if (place < 0) return;
        line.splice(place, 1);
        waiter.answer(false);
        admit();
      };
      const timer = setTimeout(giveUp, options.patienceMs);
      line.push(waiter);
      admit();
      whenGone(giveUp);
    });
  const leave = (bytes: number): void => {
    inFlight -= bytes;
    admit();
  };

  return {
    open({ declaredBytes, whenGone }, maxMessageBytes) {
      let taken = 0;
      const giveBack = (): void => {
        const had = taken;
        taken = 0;
        if (had > 0) leave(had);
      };
      const take = async (bytes: number): Promise<boolean> => {
        // Whoever waits holds no room, so that no two wait for each other.
        giveBack();
        const wanted =
          declaredBytes !== undefined && bytes <= declaredBytes ? declaredBytes : maxMessageBytes;
        if (!(await enter(wanted, whenGone))) return false;
        taken = wanted;
        return true;
      };
      return {
        need: (bytes) => (bytes <= Math.max(FREE_BYTES, taken) ? true : take(bytes)),
        leave: giveBack,
      };
    },
    bytesInFlight: () => inFlight,
    waiting: () => line.length,
  };
}
