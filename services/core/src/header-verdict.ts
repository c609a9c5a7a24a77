import type { HeaderField } from './header-fields.ts';
import type { HeaderRule, VerdictRules } from './policy-document/types.ts';
import { oncePer } from './remember.ts';
import { VERDICTS, type Verdict } from './verdict.ts';

/** One of these entries of a `;`-separated report. */
function report(...entries: readonly string[]): string {
  return `(?:^|;)\\s*(?:${entries.join('|')})\\s*(?:;|$)`;
}

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
  // The alert of a malformed header quotes that header: only the first word is the scanner's own.
  amavis: [
    { header: 'X-Amavis-Alert', pattern: '^\\s*INFECTED\\b', verdict: 'virus' },
    { header: 'X-Amavis-Alert', pattern: '^\\s*BANNED\\b', verdict: 'malware' },
    { header: 'X-Amavis-Alert', pattern: '^\\s*UNCHECKED\\b', verdict: 'unscannable' },
  ],
  clamav: [{ header: 'X-Virus-Status', pattern: '^\\s*Infected\\b', verdict: 'virus' }],
  // The report is a list of `KEY:value;`, some of whose values (HELO, reverse name) are the sender's own.
  exchange: [
    { header: 'X-MS-Exchange-Organization-SCL', pattern: '^\\s*[5-9]\\s*$', verdict: 'spam' },
    { header: 'X-MS-Exchange-Organization-PCL', pattern: '^\\s*[4-8]\\s*$', verdict: 'phishing' },
    {
      header: 'X-Forefront-Antispam-Report',
      pattern: report('CAT:H?SPM', 'SFV:(?:SPM|SKS|SKB)'),
      verdict: 'spam',
    },
    { header: 'X-Forefront-Antispam-Report', pattern: report('CAT:BULK'), verdict: 'graymail' },
    {
      header: 'X-Forefront-Antispam-Report',
      pattern: report('CAT:(?:PHSH|HPHSH|HPHISH|SPOOF|INTOS|[BDGU]IMP)'),
      verdict: 'phishing',
    },
    {
      header: 'X-Forefront-Antispam-Report',
      pattern: report('CAT:(?:MALW|AMP|SAP|FTBP)'),
      verdict: 'malware',
    },
  ],
};

export const BUILT_IN_RULE_SETS: readonly string[] = Object.keys(BUILT_IN_RULES);

/** Values are the sender's own, patterns the site's: what a pattern sees is bounded, and so is what it may cost. */
const MAX_TEXT = 2000;

export interface VerdictFinding {
  readonly verdict: Verdict;
  /** In words, for `explain`. */
  readonly reason: string;
  /** Verdict headers that were there and were not believed, their peer not being trusted. */
  readonly ignoredHeaders: number;
}

interface CompiledRule {
  readonly pattern: RegExp;
  readonly verdict: Verdict;
}

/** Rules by the name of their header, lower case. */
type RulesByHeader = ReadonlyMap<string, readonly CompiledRule[]>;

/** Patterns are compiled once per document. */
const compile = oncePer((rules: VerdictRules): RulesByHeader => {
  const made = new Map<string, CompiledRule[]>();
  const builtIn = rules.builtIn.flatMap((name) => BUILT_IN_RULES[name] ?? []);
  for (const { header, pattern, verdict } of [...builtIn, ...rules.headers]) {
    const name = header.toLowerCase();
    const list = made.get(name) ?? [];
    list.push({ pattern: new RegExp(pattern, 'i'), verdict });
    made.set(name, list);
  }
  return made;
});

const NO_VERDICTS: readonly Verdict[] = [];

/** The verdicts that one field stands for. */
function verdictsOf(field: HeaderField, rules: RulesByHeader): readonly Verdict[] {
  const own = rules.get(field.name.toLowerCase());
  if (own === undefined) return NO_VERDICTS;
  const text = field.value.slice(0, MAX_TEXT);
  return own.filter(({ pattern }) => pattern.test(text)).map(({ verdict }) => verdict);
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
  const compiledRules = compile(rules);
  let worst: { verdict: Verdict; header: string } | undefined;
  let matches = 0;
  for (const field of fields) {
    const verdicts = verdictsOf(field, compiledRules);
    if (verdicts.length > 0) matches += 1;
    for (const verdict of verdicts) {
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
