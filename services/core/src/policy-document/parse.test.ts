import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { formatProblemPath } from './checker.ts';
import { parsePolicyDocument } from './parse.ts';
import type { PolicyDocument } from './types.ts';

type Source = Readonly<Record<string, unknown>>;
type Case = readonly [name: string, source: unknown, problems: readonly (string | RegExp)[]];

const PEM = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n';

function valid(source: Source): PolicyDocument {
  const parsed = parsePolicyDocument({ version: 1, ...source });
  assert.deepEqual(parsed.kind === 'invalid' ? parsed.problems : [], []);
  assert.equal(parsed.kind, 'valid');
  return parsed.document;
}

function problems(source: unknown): readonly string[] {
  const parsed = parsePolicyDocument(source);
  if (parsed.kind === 'valid') return [];
  return parsed.problems.map(({ path, message }) => `${formatProblemPath(path)}: ${message}`);
}

describe('a document that says nothing has every default', () => {
  it('as a whole', () => {
    assert.deepEqual(valid({}), {
      enabled: true,
      intakes: {},
      senderSources: ['envelope', 'from', 'reply-to'],
      direction: { localDomains: [], relayNetworks: [] },
      verdicts: {
        journaled: ['clean', 'graymail'],
        headers: [],
        builtIn: ['spamassassin', 'rspamd', 'amavis', 'clamav', 'exchange'],
      },
      policies: [],
      defaultConnector: { kind: 'default' },
    });
  });

  it('for an intake', () => {
    assert.deepEqual(valid({ intakes: { primary: { address: 'a@scan.example' } } }).intakes['primary'], {
      alias: 'primary',
      address: 'a@scan.example',
      port: 25,
      format: 'journal',
      envelopeSender: '',
      remoteIpHeader: 'X-IronPort-RemoteIP',
      tls: { verify: true, maxVersion: 'TLSv1.3' },
      limits: { connections: 100, messagesPerConnection: 50 },
    });
  });

  it('10 messages a connection for format bcc', () => {
    const { intakes } = valid({ intakes: { lab: { address: 'a@scan.example', format: 'bcc', limits: {} } } });
    assert.deepEqual(intakes['lab']?.limits, { connections: 100, messagesPerConnection: 10 });
  });

  it('for a user row and its parts', () => {
    const { policies } = valid({ policies: [{ name: 'p', users: [{}] }] });
    assert.deepEqual(policies, [
      {
        name: 'p',
        users: [{ sender: { kind: 'any' }, recipient: { kind: 'any' } }],
        connector: { kind: 'inherit' },
      },
    ]);
  });

  it('null is nothing', () => {
    const nothing = {
      intakes: null,
      defaultIntake: null,
      senderSources: null,
      direction: null,
      verdicts: null,
    };
    assert.deepEqual(
      valid({ ...nothing, groups: null, policies: null, default: null, connector: null }),
      valid({}),
    );
    assert.deepEqual(valid({ default: { connector: null } }), valid({}));
  });
});

/** Every key there is, each with a value that is not its default. */
const FULL: Source = {
  version: 1,
  connector: 'disabled',
  intakes: {
    primary: {
      address: 'Intake@Bücher.Example',
      format: 'bcc',
      envelopeSender: 'tdc@example.com',
      remoteIpHeader: 'X-Client',
      host: 'MX.Example.Net',
      port: 2525,
      tls: { verify: false, serverName: 'MX.example.net', ca: PEM, maxVersion: 'TLSv1.2' },
      limits: { connections: 7, messagesPerConnection: 3 },
    },
    'second_one-2': { address: 'b@scan.example', host: '2001:db8::1' },
  },
  defaultIntake: 'primary',
  senderSources: ['from', 'envelope'],
  direction: { localDomains: ['Example.com', '.Bücher.example'], relayNetworks: ['10.0.0.0/8', '::1'] },
  verdicts: {
    journaled: ['clean', 'spam'],
    builtIn: ['clamav'],
    headers: [{ header: 'X-Our-Scanner', pattern: '^bad', verdict: 'spam' }],
  },
  groups: { engineers: ['Bob@example.com', '@eng.example.com'] },
  policies: [
    {
      name: 'one',
      users: [
        {
          sender: { oneOf: ['Ann@', '@.Example.com'] },
          recipient: { listed: ['group:engineers', '@bücher.example'], join: 'all' },
        },
        { sender: { noneOf: ['@lawfirm.com'] }, recipient: { notListed: ['joe@example.com'] } },
        { sender: 'any', recipient: 'any' },
      ],
      connector: 'no-scan',
    },
    { name: 'Two.2', users: [{}], connector: { custom: 'second_one-2' } },
    { name: 'three', users: [{}], connector: 'default' },
  ],
  default: { connector: { custom: 'second_one-2' } },
};

describe('a document that says everything', () => {
  const document = valid(FULL);

  it('intakes', () => {
    assert.deepEqual(document.intakes, {
      primary: {
        alias: 'primary',
        address: 'Intake@xn--bcher-kva.example',
        host: 'mx.example.net',
        port: 2525,
        format: 'bcc',
        envelopeSender: 'tdc@example.com',
        remoteIpHeader: 'X-Client',
        tls: { verify: false, maxVersion: 'TLSv1.2', ca: PEM, serverName: 'mx.example.net' },
        limits: { connections: 7, messagesPerConnection: 3 },
      },
      'second_one-2': {
        alias: 'second_one-2',
        address: 'b@scan.example',
        host: '2001:db8::1',
        port: 25,
        format: 'journal',
        envelopeSender: '',
        remoteIpHeader: 'X-IronPort-RemoteIP',
        tls: { verify: true, maxVersion: 'TLSv1.3' },
        limits: { connections: 100, messagesPerConnection: 50 },
      },
    });
  });

  it('policies', () => {
    const engineers = {
      kind: 'group',
      name: 'engineers',
      members: [
        { kind: 'address', local: 'bob', domain: 'example.com' },
        { kind: 'domain', domain: 'eng.example.com' },
      ],
    };
    assert.deepEqual(document.policies, [
      {
        name: 'one',
        users: [
          {
            sender: {
              kind: 'one-of',
              users: [
                { kind: 'local-part', local: 'ann' },
                { kind: 'sub-domain', domain: 'example.com' },
              ],
            },
            recipient: {
              kind: 'listed',
              join: 'all',
              users: [engineers, { kind: 'domain', domain: 'xn--bcher-kva.example' }],
            },
          },
          {
            sender: { kind: 'none-of', users: [{ kind: 'domain', domain: 'lawfirm.com' }] },
            recipient: {
              kind: 'not-listed',
              join: 'any',
              users: [{ kind: 'address', local: 'joe', domain: 'example.com' }],
            },
          },
          { sender: { kind: 'any' }, recipient: { kind: 'any' } },
        ],
        connector: { kind: 'no-scan' },
      },
      {
        name: 'Two.2',
        users: [{ sender: { kind: 'any' }, recipient: { kind: 'any' } }],
        connector: { kind: 'custom', intake: 'second_one-2' },
      },
      {
        name: 'three',
        users: [{ sender: { kind: 'any' }, recipient: { kind: 'any' } }],
        connector: { kind: 'default' },
      },
    ]);
  });

  it('the rest', () => {
    const { intakes: _intakes, policies: _policies, ...rest } = document;
    assert.deepEqual(rest, {
      enabled: false,
      defaultIntake: 'primary',
      senderSources: ['from', 'envelope'],
      direction: {
        localDomains: ['example.com', '.xn--bcher-kva.example'],
        relayNetworks: ['10.0.0.0/8', '::1'],
      },
      verdicts: {
        journaled: ['clean', 'spam'],
        builtIn: ['clamav'],
        headers: [{ header: 'X-Our-Scanner', pattern: '^bad', verdict: 'spam' }],
      },
      defaultConnector: { kind: 'custom', intake: 'second_one-2' },
    });
  });

  it('comes out of JSON as it went in', () => {
    assert.deepEqual(parsePolicyDocument(JSON.parse(JSON.stringify(FULL))), parsePolicyDocument(FULL));
  });
});

describe('what is wrong with a document, and where', () => {
  const cases: readonly Case[] = [
    ['no document', undefined, ['document: must be a mapping', 'version: must be 1']],
    ['a list', [], ['document: must be a mapping', 'version: must be 1']],
    ['no version', {}, ['version: must be 1']],
    ['another version', { version: 2 }, ['version: must be 1']],
    ['a version in quotes', { version: '1' }, ['version: must be 1']],
    ['an unknown key', { version: 1, polices: [] }, ['polices: unknown key; did you mean policies?']],
    [
      'a key that is like no other',
      { version: 1, default: { colour: 'red' } },
      ['default.colour: unknown key; known are connector'],
    ],
    ['__proto__', JSON.parse('{"version":1,"__proto__":{}}'), [/__proto__: unknown key/]],
    ['a switch in between', { version: 1, connector: 'on' }, ['connector: must be one of enabled, disabled']],
    ['intakes as a list', { version: 1, intakes: [] }, ['intakes: must be a mapping']],

    ['sources as a text', { version: 1, senderSources: 'from' }, ['senderSources: must be a list']],
    ['no sources', { version: 1, senderSources: [] }, ['senderSources: must name at least one source']],
    [
      'a source twice',
      { version: 1, senderSources: ['from', 'from'] },
      ['senderSources: names a source twice'],
    ],
    [
      'an unknown source',
      { version: 1, senderSources: ['sender'] },
      ['senderSources[0]: must be one of envelope, from, reply-to'],
    ],

    [
      'a domain with an @',
      { version: 1, direction: { localDomains: ['@example.com', 7] } },
      [
        'direction.localDomains[0]: must be a domain, or a dot and a domain',
        'direction.localDomains[1]: must be a text',
      ],
    ],
    [
      'a network beyond the last bit',
      { version: 1, direction: { relayNetworks: ['10.0.0.0/33', null] } },
      [
        'direction.relayNetworks[0]: must be a network, 10.0.0.0/8',
        'direction.relayNetworks[1]: must be a text',
      ],
    ],
    [
      'an unknown verdict',
      { version: 1, verdicts: { journaled: ['ham'] } },
      [/verdicts.journaled\[0\]: must be one of clean, /],
    ],
    [
      'an unknown rule set',
      { version: 1, verdicts: { builtIn: ['rspam'] } },
      [/verdicts.builtIn\[0\]: .*did you mean rspamd\?/],
    ],
    [
      'an empty header rule',
      { version: 1, verdicts: { headers: [{}] } },
      [
        'verdicts.headers[0].header: must be a text',
        'verdicts.headers[0].pattern: must be a text',
        /verdicts.headers\[0\].verdict: must be one of /,
      ],
    ],
    [
      'a header rule for no header',
      { version: 1, verdicts: { headers: [{ header: 'X A', pattern: 'a', verdict: 'spam' }] } },
      ['verdicts.headers[0].header: must be the name of a header field'],
    ],
    [
      'a pattern that does not compile',
      { version: 1, verdicts: { headers: [{ header: 'X', pattern: '(', verdict: 'spam' }] } },
      ['verdicts.headers[0].pattern: must be a regular expression'],
    ],
    [
      'a pattern that could take forever',
      { version: 1, verdicts: { headers: [{ header: 'X', pattern: '(a+)+$', verdict: 'spam' }] } },
      [/verdicts.headers\[0\].pattern: .*forever/],
    ],
  ];
  for (const [name, source, expected] of cases) {
    it(name, () => {
      const found = problems(source);
      assert.equal(found.length, expected.length, found.join('\n'));
      for (const [index, wanted] of expected.entries()) {
        if (typeof wanted === 'string') assert.equal(found[index], wanted);
        else assert.match(found[index] ?? '', wanted);
      }
    });
  }

  it('every problem is told at once', () => {
    const source = {
      version: 3,
      conector: 'enabled',
      intakes: { A: { port: -1 } },
      policies: [{ name: 'x', users: [{ sender: { oneOf: ['?'] } }], connector: { custom: 'b' } }],
    };
    assert.deepEqual(
      problems(source)
        .map((text) => text.split(': ')[0] ?? '')
        .toSorted(),
      [
        'conector',
        'intakes.A',
        'intakes.A.address',
        'intakes.A.port',
        'policies[0].connector.custom',
        'policies[0].users[0].sender.oneOf[0]',
        'version',
      ],
    );
  });
});

describe('any value', () => {
  it('is parsed without throwing', () => {
    fc.assert(fc.property(fc.jsonValue(), (value) => void parsePolicyDocument(value)));
  });

  it('in the place of any part of a document is parsed without throwing, and a valid one is complete', () => {
    const keys = Object.keys(FULL);
    fc.assert(
      fc.property(fc.constantFrom(...keys), fc.jsonValue({ maxDepth: 3 }), (key, value) => {
        const parsed = parsePolicyDocument({ ...FULL, [key]: value });
        if (parsed.kind === 'valid') assert.ok(parsed.document.senderSources.length > 0);
        else assert.ok(parsed.problems.length > 0);
      }),
      { numRuns: 500 },
    );
  });
});
