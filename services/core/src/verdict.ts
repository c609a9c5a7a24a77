/** What the gateway's scanners found, from harmless to worst (spec §2). Order is severity: worst wins. */
export const VERDICTS = [
  'clean',
  'graymail',
  'suspected-spam',
  'spam',
  'unscannable',
  'phishing',
  'malware',
  'virus',
] as const;

export type Verdict = (typeof VERDICTS)[number];

/** Verdicts that are journaled when the policy document does not list its own. */
export const DEFAULT_JOURNALED_VERDICTS: readonly Verdict[] = ['clean', 'graymail'];
