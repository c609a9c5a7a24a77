import type { HeaderField } from './header-fields.ts';
import type { HeaderRule, VerdictRules } from './policy-document/types.ts';
import { VERDICTS, type Verdict } from './verdict.ts';

/**
 * What well-known scanners write and what it stands for. Each set is named after the scanner, so that a document can
 * leave one out. Patterns are looked for in the unfolded value, letter case aside.
 */
export const BUILT_IN_RULES: Readonly<Record<string, readonly HeaderRule[]>> = {
  spamassassin: [
    { header: 'X-Spam-Flag', pattern: '^\\s*YES\\b', verdict: 'spam' },
    { header: 'X-Spam-Status', pattern: '^\\s*Yes\\b', verdict: 'spam' },
  ],
  rspamd: [
    { header: 'X-Spam', pattern: '^\\s*Yes\\b', verdict: 'spam' },
    { header: 'X-Spamd-Result', pattern: '^[^:]*:\\s*True\\b', verdict: 'spam' },
    { header: 'X-Rspamd-Action', pattern: '^\\s*(reject|quarantine|discard)', verdict: 'spam' },
    {
      header: 'X-Rspamd-Action',
      pattern: '^\\s*(add header|rewrite subject|soft reject)',
      verdict: 'suspected-spam',
    },
  ],
  amavis: [
    { header: 'X-Amavis-Alert', pattern: '\\bINFECTED\\b', verdict: 'virus' },
    { header: 'X-Amavis-Alert', pattern: '\\bBANNED\\b', verdict: 'malware' },
    { header: 'X-Amavis-Alert', pattern: '\\bUNCHECKED\\b', verdict: 'unscannable' },
  ],
  clamav: [{ header: 'X-Virus-Status', pattern: '^\\s*Infected\\b', verdict: 'virus' }],
  exchange: [
    { header: 'X-MS-Exchange-Organization-SCL', pattern: '^\\s*[5-9]\\s*$', verdict: 'spam' },
    {
      header: 'X-Forefront-Antispam-Report',
      pattern: '\\bCAT:H?SPM\\b|\\bSFV:(SPM|SKB)\\b',
      verdict: 'spam',
    },
    { header: 'X-Forefront-Antispam-Report', pattern: '\\bCAT:BULK\\b', verdict: 'graymail' },
    {
      header: 'X-Forefront-Antispam-Report',
      pattern: '\\bCAT:(PHSH|HPHSH|HPHISH|SPOOF|DIMP|UIMP|GIMP)\\b',
      verdict: 'phishing',
    },
    { header: 'X-Forefront-Antispam-Report', pattern: '\\bCAT:(MALW|AMP|SAP)\\b', verdict: 'malware' },
  ],
};

export const BUILT_IN_RULE_SETS: readonly string[] = Object.keys(BUILT_IN_RULES);

/** Patterns are the site's own; the text they see is bounded, so that a slow one cannot stall a listener. */
const MAX_TEXT = 2000;

export interface VerdictFinding {
  readonly verdict: Verdict;
  /** In words, for `explain`. */
  readonly reason: string;
  /** Verdict headers that were there and were not believed, their peer not being trusted. */
  readonly ignoredHeaders: number;
}

interface CompiledRule {
  readonly header: string;
  readonly pattern: RegExp;
  readonly verdict: Verdict;
}

const compiled = new WeakMap<VerdictRules, readonly CompiledRule[]>();

function compile(rules: VerdictRules): readonly CompiledRule[] {
  const known = compiled.get(rules);
  if (known !== undefined) return known;
  const all = [...rules.builtIn.flatMap((name) => BUILT_IN_RULES[name] ?? []), ...rules.headers];
  const made = all.map(({ header, pattern, verdict }) => ({
    header: header.toLowerCase(),
    pattern: new RegExp(pattern, 'i'),
    verdict,
  }));
  compiled.set(rules, made);
  return made;
}

const severity = (verdict: Verdict): number => VERDICTS.indexOf(verdict);

/**
 * The verdict that the gateway's scanners left in the header: the worst of all that match. Headers count only from a
 * trusted peer, since anyone can send `X-Spam-Flag: NO` or, to stay unseen, `YES` (spec §9).
 */
export function classifyVerdict(
  fields: readonly HeaderField[],
  trusted: boolean,
  rules: VerdictRules,
): VerdictFinding {
  let worst: { verdict: Verdict; header: string } | undefined;
  let matches = 0;
  for (const { header, pattern, verdict } of compile(rules)) {
    for (const field of fields) {
      if (field.name.toLowerCase() !== header || !pattern.test(field.value.slice(0, MAX_TEXT))) continue;
      matches += 1;
      if (worst === undefined || severity(verdict) > severity(worst.verdict))
        worst = { verdict, header: field.name };
    }
  }
  if (!trusted && matches > 0) {
    return {
      verdict: 'clean',
      reason: 'verdict headers of an untrusted peer do not count',
      ignoredHeaders: matches,
    };
  }
  return worst === undefined
    ? { verdict: 'clean', reason: 'no header says otherwise', ignoredHeaders: 0 }
    : { verdict: worst.verdict, reason: `header ${worst.header}`, ignoredHeaders: 0 };
}

/** Whether a copy is made of a message with this verdict. */
export const isJournaled = (verdict: Verdict, rules: VerdictRules): boolean =>
  rules.journaled.includes(verdict);
