export interface SessionLimits {
  /** 0: any number. */
  readonly maxSessionMessages: number;
  /** 0: any time. */
  readonly maxSessionSeconds: number;
}

/**
 * What one session may carry. A gateway that keeps its sessions open would never find an intake that was started since;
 * when a session has had its share, the next connection goes wherever connections go now.
 */
export class SessionShare {
  readonly #maxMessages: number;
  readonly #end: NodeJS.Timeout | undefined;
  #messages = 0;
  #isUsedUp = false;

  constructor({ maxSessionMessages, maxSessionSeconds }: SessionLimits) {
    this.#maxMessages = maxSessionMessages;
    if (maxSessionSeconds === 0) return;
    const timeIsOver = (): void => {
      this.#isUsedUp = true;
    };
    this.#end = setTimeout(timeIsOver, maxSessionSeconds * 1000).unref();
  }

  get isUsedUp(): boolean {
    return this.#isUsedUp;
  }

  /** A message was answered, whatever the answer. */
  countMessage(): void {
    this.#messages += 1;
    if (this.#messages === this.#maxMessages) this.#isUsedUp = true;
  }

  /** The session is over. */
  stop(): void {
    clearTimeout(this.#end);
  }
}
