/** What delivery last learned about one destination; what `hoststatus` shows and `*` in tophosts stands for. */
export interface HostState {
  readonly up: boolean;
  /** Milliseconds since the epoch; 0 when nothing happened yet. */
  readonly lastActivityAt: number;
  /** The last 5XX reply, '' when there was none. */
  readonly last5xx: string;
  readonly mxRecords: readonly { readonly exchange: string; readonly priority: number }[];
  readonly addresses: readonly string[];
}

/** A host that nothing was ever sent to counts as up. */
export const UNKNOWN_HOST: HostState = {
  up: true,
  lastActivityAt: 0,
  last5xx: '',
  mxRecords: [],
  addresses: [],
};
