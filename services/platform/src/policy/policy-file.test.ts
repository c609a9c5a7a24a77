import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { parsePolicyDocument } from '@tdc/core';
import { createAuthority } from '@tdc/stand-in';
import { formatFileProblem, parsePolicyText, readPolicyFile } from './policy-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'tdc-policy-file-'));
after(() => rmSync(folder, { recursive: true }));

/** The problems of a text, as the operator sees them. */
async function problemsOf(text: string): Promise<readonly string[]> {
  const file = await parsePolicyText(text, folder);
  return file.kind === 'valid' ? [] : file.problems.map((problem) => formatFileProblem('p.yaml', problem));
}

async function validOf(text: string) {
  const file = await parsePolicyText(text, folder);
  assert.ok(file.kind === 'valid', JSON.stringify(file));
  return file;
}

const INTAKES = `version: 1
intakes:
  primary:
    address: journal@example.com
`;

describe('a valid document', () => {
  it('is served as JSON, with the hash of that text', async () => {
    const { documentJson, sha256 } = await validOf(INTAKES);
    assert.equal(documentJson, '{"version":1,"intakes":{"primary":{"address":"journal@example.com"}}}');
    assert.equal(sha256, createHash('sha256').update(documentJson).digest('hex'));
  });

  it('is the same to whoever reads the JSON', async () => {
    const { document, documentJson } = await validOf(INTAKES);
    assert.deepEqual(parsePolicyDocument(JSON.parse(documentJson)), { kind: 'valid', document });
  });

  const same: readonly [string, string][] = [
    ['comments', `# edited by hand\n${INTAKES}`],
    ['blank lines', INTAKES.replaceAll('\n', '\n\n')],
    ['CRLF', INTAKES.replaceAll('\n', '\r\n')],
    ['a byte order mark', `\ufeff${INTAKES}`],
    ['document marks', `---\n${INTAKES}...\n`],
    ['quotes and flow form', '{"version": 1, "intakes": {"primary": {"address": "journal@example.com"}}}'],
    ['aliases', 'version: 1\nintakes: { primary: { address: &a journal@example.com } }\n'],
  ];
  for (const [name, text] of same) {
    it(`has the same hash with ${name}`, async () => {
      assert.equal((await validOf(text)).sha256, (await validOf(INTAKES)).sha256);
    });
  }

  it('fills in what an alias stands for', async () => {
    const text = `version: 1
intakes:
  one: { address: a@example.com, limits: &l { connections: 7 } }
  two: { address: b@example.com, limits: *l }
`;
    assert.equal((await validOf(text)).document.intakes['two']?.limits.connections, 7);
  });
});

describe('a document that is refused names line, column and field', () => {
  const cases: readonly [string, string, readonly (string | RegExp)[]][] = [
    ['nothing', '', ['p.yaml: document: is empty']],
    ['a comment alone', '# later\n', ['p.yaml: document: is empty']],
    ['no mapping', '- a\n', ['p.yaml:1:1: document: must be a mapping', 'p.yaml:1:1: version: must be 1']],
    [
      'several problems, in the order of the text',
      `${INTAKES}    pot: 26\ndefaultIntake: primry\n`,
      [
        'p.yaml:5:5: intakes.primary.pot: unknown key; did you mean port?',
        'p.yaml:6:1: defaultIntake: there is no intake primry; did you mean primary?',
      ],
    ],
    [
      'an unknown key above a block stands at the key',
      `${INTAKES}policies:\n  - name: a\n    users: [{ sender: any }]\n    conector:\n      custom: primary\n`,
      ['p.yaml:8:5: policies[0].conector: unknown key; did you mean connector?'],
    ],
    [
      'an item of a list stands at the item',
      `${INTAKES}groups:\n  g:\n    - a@example.com\n    - nobody\n`,
      [/^p\.yaml:8:7: groups\.g\[1\]: must be /],
    ],
    [
      'what is missing stands at what should hold it',
      'version: 1\nintakes:\n  a:\n    port: 25\n',
      ['p.yaml:3:3: intakes.a.address: is missing'],
    ],
    [
      'a problem behind an alias',
      'version: 1\nx: &x { port: 0 }\nintakes: { a: *x }\n',
      [
        /^p\.yaml:2:1: x: unknown key/,
        /^p\.yaml:2:9: intakes\.a\.port: must be/,
        /intakes\.a\.address: is missing/,
      ],
    ],
    [
      'the same key twice',
      `${INTAKES}version: 1\n`,
      ['p.yaml:5:1: document: the key version stands here a second time'],
    ],
    [
      'a key twice in two spellings',
      'version: 1\nintakes: {}\ngroups: { 1: [a@], "1": [b@] }\n',
      [/the key 1 stands here a second time/],
    ],
    ['two documents', `${INTAKES}---\n${INTAKES}`, ['p.yaml:5:1: document: must be one YAML document']],
    ['a tab', 'version: 1\nintakes:\n\ta: {}\n', [/^p\.yaml:3:1: document: Tabs are not allowed/]],
    [
      'a quote without end',
      'version: 1\nconnector: "x\n',
      [/^p\.yaml:\d:\d+: document: Missing closing "quote/],
    ],
    ['YAML 1.1', `%YAML 1.1\n---\n${INTAKES}`, ['p.yaml:1:1: document: must be YAML 1.2']],
    [
      'a tag of another program',
      'version: 1\nintakes: !include other.yaml\n',
      [/^p\.yaml:2:10: document: Unresolved tag/],
    ],
    ['a list as a key', 'version: 1\nintakes: {}\n? [a]\n: b\n', [/^p\.yaml:3:3: document: /]],
    [
      'a merge key',
      'version: 1\nintakes:\n  <<: { a: { address: b@example.com } }\n',
      [/^p\.yaml:3:3: intakes\.<<: /],
    ],
    [
      'a key that is a property of every object',
      'version: 1\nintakes: {}\n__proto__: { connector: disabled }\n',
      [/^p\.yaml:3:1: __proto__: unknown key/],
    ],
    [
      'an alias without anchor',
      'version: 1\nintakes: *none\n',
      ['p.yaml:2:10: document: there is no anchor none before this alias'],
    ],
    ['a control character', 'version: 1\nintakes: {}\n\0', [/^p\.yaml:3:1: document: /]],
    ['infinity', 'version: .inf\nintakes: {}\n', ['p.yaml:1:1: version: must be 1']],
  ];
  for (const [name, text, expected] of cases) {
    it(name, async () => {
      const problems = await problemsOf(text);
      for (const [index, wanted] of expected.entries()) {
        const problem = problems[index] ?? '';
        if (typeof wanted === 'string') assert.equal(problem, wanted);
        else assert.match(problem, wanted);
      }
      if (expected.every((wanted) => typeof wanted === 'string'))
        assert.equal(problems.length, expected.length);
    });
  }
});

describe('a document that would exhaust its readers is refused', () => {
  const bomb = ['a: &a [x, x, x, x, x, x, x, x, x]'];
  for (const [from, to] of ['ab', 'bc', 'cd', 'de', 'ef']) {
    bomb.push(`${to}: &${to} [${Array(9).fill(`*${from}`).join(', ')}]`);
  }
  const cases: readonly [string, string, RegExp][] = [
    ['an alias of aliases of aliases', bomb.join('\n'), /repeats itself by aliases/],
    [
      'a group that holds itself',
      'version: 1\nintakes: {}\ngroups: &g\n  a: *g\n',
      /groups\.a: must be a list/,
    ],
    [
      'more aliases than anyone writes',
      `a: &a x\nb: [${Array(1001).fill('*a').join(', ')}]\n`,
      /more than 1000 aliases/,
    ],
    ['nesting without end', `a: ${'['.repeat(20_000)}`, /is nested too deeply/],
    ['balanced nesting', `${'['.repeat(5000)}${']'.repeat(5000)}`, /is nested too deeply/],
  ];
  for (const [name, text, expected] of cases) {
    it(name, async () => {
      const problems = await problemsOf(text);
      assert.equal(problems.length, 1);
      assert.match(problems[0] ?? '', expected);
    });
  }

  it('a document that grows too large for one message', async () => {
    const list = `[${Array(20_000).fill('someone@example.com').join(', ')}]`;
    const groups = Array.from({ length: 40 }, (_, n) => `  g${n}: ${n === 0 ? `&l ${list}` : '*l'}`).join(
      '\n',
    );
    assert.deepEqual(await problemsOf(`version: 1\nintakes: {}\ngroups:\n${groups}\n`), [
      'p.yaml: document: is larger than 3145728 bytes with aliases and files filled in',
    ]);
  });

  it('and of very many problems the first hundred are told', async () => {
    const keys = Array.from({ length: 20_000 }, (_, n) => `k${n}: x\n`).join('');
    assert.equal((await problemsOf(`version: 1\nintakes: {}\n${keys}`)).length, 100);
  });
});

describe('a certificate file of a document', () => {
  let pem = '';
  before(async () => {
    pem = `${(await createAuthority()).cert.trim()}\n`;
    writeFileSync(join(folder, 'ca.pem'), pem);
    writeFileSync(join(folder, 'two.pem'), pem + pem);
    writeFileSync(join(folder, 'cut.pem'), `${pem}${pem.replace(/[A-Za-z0-9+/=]{60}\n/, '')}`);
    writeFileSync(join(folder, 'text.pem'), 'hello');
    mkdirSync(join(folder, 'dir.pem'));
  });

  const withTls = (tls: string): string => `${INTAKES}    tls:\n      ${tls}\n`;

  it('is read into the document, relative to its folder', async () => {
    const { document, documentJson } = await validOf(withTls('caFile: ca.pem'));
    assert.equal(document.intakes['primary']?.tls.ca, pem);
    assert.doesNotMatch(documentJson, /caFile/);
  });

  it('may hold several, and may be named by its whole path', async () => {
    const { document } = await validOf(withTls(`caFile: ${join(folder, 'two.pem')}`));
    assert.equal(document.intakes['primary']?.tls.ca, pem + pem);
  });

  it('is read for every intake that shares the setting by an alias', async () => {
    const text = `version: 1
intakes:
  one: { address: a@example.com, tls: &t { caFile: ca.pem } }
  two: { address: b@example.com, tls: *t }
`;
    const { document } = await validOf(text);
    assert.equal(document.intakes['two']?.tls.ca, pem);
  });

  const refused: readonly [string, string, RegExp][] = [
    ['is missing', 'caFile: none.pem', /^p\.yaml:6:7: intakes\.primary\.tls\.caFile: cannot be read: ENOENT/],
    ['is a folder', 'caFile: dir.pem', /^p\.yaml:6:7: intakes\.primary\.tls\.caFile: cannot be read/],
    [
      'is no name',
      'caFile: [ca.pem]',
      /^p\.yaml:6:7: intakes\.primary\.tls\.caFile: must be the name of a file/,
    ],
    [
      'holds no certificate',
      'caFile: text.pem',
      /^p\.yaml:6:7: intakes\.primary\.tls\.ca: must be one or more/,
    ],
    [
      'holds a damaged one',
      'caFile: cut.pem',
      /^p\.yaml:6:7: intakes\.primary\.tls\.ca: certificate 2 cannot be read/,
    ],
    [
      'stands beside the text',
      'caFile: ca.pem\n      ca: x',
      /^p\.yaml:6:7: intakes\.primary\.tls\.caFile: stands beside ca/,
    ],
  ];
  for (const [name, tls, expected] of refused) {
    it(`is refused when it ${name}`, async () => {
      assert.match((await problemsOf(withTls(tls)))[0] ?? '', expected);
    });
  }
});

describe('a policy file', () => {
  const path = join(folder, 'policy.yaml');

  it('is read from its folder', async () => {
    writeFileSync(path, INTAKES);
    assert.equal((await readPolicyFile(path)).kind, 'valid');
  });

  const cases: readonly [string, () => string, RegExp][] = [
    ['that is missing', () => join(folder, 'none.yaml'), /^p: document: cannot be read: ENOENT/],
    ['that is a folder', () => folder, /^p: document: is not a file/],
    [
      'that is too large',
      () => {
        writeFileSync(path, `# ${'x'.repeat(1024 * 1024)}`);
        return path;
      },
      /^p: document: is larger than 1048576 bytes/,
    ],
    [
      'that is not UTF-8, with its line',
      () => {
        writeFileSync(
          path,
          Buffer.concat([Buffer.from('version: 1\n# M'), Buffer.from([0xfc]), Buffer.from('ller\n')]),
        );
        return path;
      },
      /^p:2:1: document: is not UTF-8/,
    ],
    [
      'that is UTF-16',
      () => {
        writeFileSync(path, Buffer.from(`\ufeff${INTAKES}`, 'utf16le'));
        return path;
      },
      /^p:1:1: document: is not UTF-8/,
    ],
  ];
  for (const [name, prepare, expected] of cases) {
    it(`${name} is refused`, async () => {
      const file = await readPolicyFile(prepare());
      assert.ok(file.kind === 'invalid');
      assert.equal(file.problems.length, 1);
      assert.match(file.problems.map((problem) => formatFileProblem('p', problem)).join(), expected);
    });
  }
});
