import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { HeaderField } from './header-fields.ts';
import { BUILT_IN_RULE_SETS, BUILT_IN_RULES, classifyVerdict, isJournaled } from './header-verdict.ts';
import type { VerdictRules } from './policy-document/types.ts';
import { DEFAULT_JOURNALED_VERDICTS, VERDICTS, type Verdict } from './verdict.ts';

const standard: VerdictRules = {
  journaled: DEFAULT_JOURNALED_VERDICTS,
  headers: [],
  builtIn: BUILT_IN_RULE_SETS,
};
const fields = (...list: readonly (readonly [name: string, value: string])[]): HeaderField[] =>
  list.map(([name, value]) => ({ name, value }));
const verdictOf = (header: string, value: string): Verdict =>
  classifyVerdict(fields([header, value]), true, standard).verdict;

const REPORT = 'CIP:192.0.2.1;CTRY:DE;LANG:en;SCL:1;SRV:;IPV:NLI;H:mail.example;PTR:mail.example;';

describe('what scanners write and what it stands for', () => {
  const cases: readonly [header: string, value: string, verdict: Verdict][] = [
    // SpamAssassin
    ['X-Spam-Flag', 'YES', 'spam'],
    ['x-spam-flag', 'yes', 'spam'],
    ['X-Spam-Flag', 'NO', 'clean'],
    ['X-Spam-Status', 'Yes, score=15.0 required=5.0 tests=GTUBE autolearn=no', 'spam'],
    ['X-Spam-Status', 'No, score=-1.9 required=5.0 tests=YES_WE_CAN', 'clean'],
    // Rspamd
    ['X-Spam', 'Yes', 'spam'],
    ['X-Spamd-Result', 'default: True [17.20 / 15.00]; GTUBE(0.00)[]', 'spam'],
    ['X-Spamd-Result', 'default: False [-2.10 / 15.00]; X(0.00)[True]', 'clean'],
    ['X-Rspamd-Action', 'reject', 'spam'],
    ['X-Rspamd-Action', 'quarantine', 'spam'],
    ['X-Rspamd-Action', 'discard', 'spam'],
    ['X-Rspamd-Action', 'add header', 'suspected-spam'],
    ['X-Rspamd-Action', 'rewrite subject', 'suspected-spam'],
    ['X-Rspamd-Action', 'soft reject', 'suspected-spam'],
    ['X-Rspamd-Action', 'greylist', 'clean'],
    ['X-Rspamd-Action', 'no action', 'clean'],
    // Amavis
    ['X-Amavis-Alert', 'INFECTED, message contains virus: Eicar-Test-Signature', 'virus'],
    ['X-Amavis-Alert', 'BANNED, message contains application/x-msdownload,.exe,a.exe', 'malware'],
    ['X-Amavis-Alert', 'UNCHECKED contents', 'unscannable'],
    ['X-Amavis-Alert', 'BAD HEADER SECTION, Duplicate header field: "References"', 'clean'],
    ['X-Amavis-Alert', 'BAD HEADER SECTION, Non-encoded 8-bit data: Subject: INFECTED, BANNED', 'clean'],
    // ClamAV
    ['X-Virus-Status', 'Infected (Eicar-Signature)', 'virus'],
    ['X-Virus-Status', 'Clean', 'clean'],
    ['X-Virus-Status', 'Not Infected', 'clean'],
    // Exchange
    ['X-MS-Exchange-Organization-SCL', '-1', 'clean'],
    ['X-MS-Exchange-Organization-SCL', '4', 'clean'],
    ['X-MS-Exchange-Organization-SCL', '5', 'spam'],
    ['X-MS-Exchange-Organization-SCL', '9', 'spam'],
    ['X-MS-Exchange-Organization-SCL', '50', 'clean'],
    ['X-MS-Exchange-Organization-PCL', '2', 'clean'],
    ['X-MS-Exchange-Organization-PCL', '6', 'phishing'],
    ['X-Forefront-Antispam-Report', `${REPORT}CAT:NONE;SFV:NSPM;SFTY:;`, 'clean'],
    ['X-Forefront-Antispam-Report', `${REPORT}CAT:SPM;DIR:INB;`, 'spam'],
    ['X-Forefront-Antispam-Report', `${REPORT}CAT:HSPM;DIR:INB;`, 'spam'],
    ['X-Forefront-Antispam-Report', `${REPORT}SFV:SPM;CAT:NONE`, 'spam'],
    ['X-Forefront-Antispam-Report', `${REPORT}SFV:SKB;CAT:NONE`, 'spam'],
    ['X-Forefront-Antispam-Report', `${REPORT}SFV:SKN;CAT:NONE`, 'clean'],
    ['X-Forefront-Antispam-Report', 'CAT:BULK', 'graymail'],
    ['X-Forefront-Antispam-Report', `${REPORT} CAT:PHSH; DIR:INB`, 'phishing'],
    ['X-Forefront-Antispam-Report', `${REPORT}CAT:HPHISH;`, 'phishing'],
    ['X-Forefront-Antispam-Report', `${REPORT}CAT:SPOOF;`, 'phishing'],
    ['X-Forefront-Antispam-Report', `${REPORT}CAT:UIMP;`, 'phishing'],
    ['X-Forefront-Antispam-Report', `${REPORT}CAT:MALW;`, 'malware'],
    ['X-Forefront-Antispam-Report', `${REPORT}CAT:FTBP;`, 'malware'],
    ['X-Forefront-Antispam-Report', 'H:CAT:SPM.example;CAT:NONE;', 'clean'],
    // No verdict at all
    ['Subject', 'YES', 'clean'],
  ];
  for (const [header, value, verdict] of cases) {
    it(`${header}: ${value.replace(REPORT, '…')} → ${verdict}`, () =>
      assert.equal(verdictOf(header, value), verdict));
  }
});

describe('several headers', () => {
  it('the worst wins, wherever it stands', () => {
    const spam = ['X-Spam-Flag', 'YES'] as const;
    const virus = ['X-Virus-Status', 'Infected (x)'] as const;
    const clean = ['X-Spam-Status', 'No'] as const;
    for (const list of [
      [spam, virus, clean],
      [virus, clean, spam],
      [clean, spam, virus],
    ]) {
      const finding = classifyVerdict(fields(...list), true, standard);
      assert.deepEqual(finding, { verdict: 'virus', reason: 'header X-Virus-Status', ignoredHeaders: 0 });
    }
  });

  it('one that says NO does not undo another that says YES', () => {
    const list = fields(['X-Spam-Flag', 'NO'], ['X-Spam-Flag', 'YES']);
    assert.equal(classifyVerdict(list, true, standard).verdict, 'spam');
  });

  it('the verdict is the worst of the single ones', () => {
    const known = fc.constantFrom<readonly [string, string]>(
      ['X-Spam-Flag', 'YES'],
      ['X-Spam-Flag', 'NO'],
      ['X-Rspamd-Action', 'add header'],
      ['X-Amavis-Alert', 'BANNED'],
      ['X-Virus-Status', 'Infected'],
      ['X-Forefront-Antispam-Report', 'CAT:BULK;'],
      ['X-Forefront-Antispam-Report', 'CAT:PHSH;'],
    );
    fc.assert(
      fc.property(fc.array(known, { minLength: 1 }), (list) => {
        const single = list.map(([header, value]) => VERDICTS.indexOf(verdictOf(header, value)));
        const { verdict } = classifyVerdict(fields(...list), true, standard);
        assert.equal(verdict, VERDICTS[Math.max(...single)]);
      }),
    );
  });
});

describe('headers count from a trusted peer alone', () => {
  it('what an untrusted one says is ignored, counted and explained', () => {
    const list = fields(['X-Spam-Flag', 'YES'], ['X-Virus-Status', 'Infected'], ['X-Spam', 'No']);
    assert.deepEqual(classifyVerdict(list, false, standard), {
      verdict: 'clean',
      reason: 'verdict headers of an untrusted peer do not count',
      ignoredHeaders: 2,
    });
  });

  it('a field that several rules know is one header ignored', () => {
    const list = fields(['X-Forefront-Antispam-Report', 'CAT:SPM;CAT:PHSH;']);
    assert.equal(classifyVerdict(list, false, standard).ignoredHeaders, 1);
  });

  it('no verdict header is nothing to ignore', () => {
    assert.deepEqual(classifyVerdict(fields(['Subject', 'a']), false, standard), {
      verdict: 'clean',
      reason: 'no header says otherwise',
      ignoredHeaders: 0,
    });
  });
});

describe('the rules of a document', () => {
  const rules = (change: Partial<VerdictRules>): VerdictRules => ({ ...standard, ...change });

  it('a rule of the site is looked at beside the built-in ones', () => {
    const own = rules({ headers: [{ header: 'X-Our-Scanner', pattern: '^bad', verdict: 'malware' }] });
    assert.equal(classifyVerdict(fields(['x-our-scanner', 'BAD thing']), true, own).verdict, 'malware');
    assert.equal(classifyVerdict(fields(['X-Our-Scanner', 'not bad']), true, own).verdict, 'clean');
    assert.equal(classifyVerdict(fields(['X-Spam', 'Yes']), true, own).verdict, 'spam');
  });

  it('a rule set that is left out is not read', () => {
    const own = rules({ builtIn: ['clamav'] });
    assert.equal(classifyVerdict(fields(['X-Spam-Flag', 'YES']), true, own).verdict, 'clean');
    assert.equal(classifyVerdict(fields(['X-Virus-Status', 'Infected']), true, own).verdict, 'virus');
  });

  it('a rule set that is unknown says nothing', () => {
    const own = rules({ builtIn: ['nothing'] });
    assert.equal(classifyVerdict(fields(['X-Spam-Flag', 'YES']), true, own).verdict, 'clean');
  });

  it('a pattern sees the first 2,000 characters', () => {
    const own = rules({ headers: [{ header: 'X', pattern: 'bad', verdict: 'spam' }] });
    assert.equal(classifyVerdict(fields(['X', `${'y'.repeat(1997)}bad`]), true, own).verdict, 'spam');
    assert.equal(classifyVerdict(fields(['X', `${'y'.repeat(2000)}bad`]), true, own).verdict, 'clean');
  });

  it('every built-in pattern is a regular expression for a known verdict', () => {
    for (const { pattern, verdict } of Object.values(BUILT_IN_RULES).flat()) {
      assert.ok(new RegExp(pattern, 'i'));
      assert.ok(VERDICTS.includes(verdict));
    }
  });
});

describe('verdicts that are journaled', () => {
  it('are clean and graymail when the document does not say', () => {
    assert.deepEqual(
      VERDICTS.filter((verdict) => isJournaled(verdict, standard)),
      ['clean', 'graymail'],
    );
  });
  it('are those that the document lists', () => {
    const rules = { ...standard, journaled: ['spam'] as const };
    assert.deepEqual(
      VERDICTS.filter((verdict) => isJournaled(verdict, rules)),
      ['spam'],
    );
  });
});
