import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { formatProblemPath } from './checker.ts';
import { parsePolicyDocument } from './parse.ts';

type Source = Readonly<Record<string, unknown>>;
type Case = readonly [name: string, source: unknown, problems: readonly (string | RegExp)[]];

function problems(source: unknown): readonly string[] {
  const parsed = parsePolicyDocument(source);
  if (parsed.kind === 'valid') return [];
  return parsed.problems.map(({ path, message }) => `${formatProblemPath(path)}: ${message}`);
}

const intake = (change: Source, alias = 'primary') => ({
  version: 1,
  intakes: { [alias]: { address: 'a@scan.example', ...change } },
});
const NO_ADDRESS = 'must be a mail address, user@example.com';

describe('what is wrong with an intake, and where', () => {
  const cases: readonly Case[] = [
    ['no address', { version: 1, intakes: { a: {} } }, ['intakes.a.address: is missing']],
    ['no mail address', intake({ address: 'a' }), [`intakes.primary.address: ${NO_ADDRESS}`]],
    [
      'two addresses',
      intake({ address: 'a@b.example, c@d.example' }),
      [`intakes.primary.address: ${NO_ADDRESS}`],
    ],
    [
      'a line break in an address',
      intake({ address: 'a@b.example\r\nRCPT TO:<c@d.example>' }),
      ['intakes.primary.address: must not hold control characters'],
    ],
    ['an address that is a number', intake({ address: 7 }), ['intakes.primary.address: must be a text']],
    [
      'an unknown format',
      intake({ format: 'jurnal' }),
      ['intakes.primary.format: must be one of journal, bcc; did you mean journal?'],
    ],
    [
      'an envelope sender that is none',
      intake({ envelopeSender: '<>' }),
      [`intakes.primary.envelopeSender: ${NO_ADDRESS}`],
    ],
    [
      'a line break in the envelope sender',
      intake({ envelopeSender: 'a@b.example\n' }),
      ['intakes.primary.envelopeSender: must not hold control characters'],
    ],
    [
      'a header name with a colon',
      intake({ remoteIpHeader: 'X-A:' }),
      ['intakes.primary.remoteIpHeader: must be the name of a header field'],
    ],
    [
      'an empty header name',
      intake({ remoteIpHeader: '' }),
      ['intakes.primary.remoteIpHeader: must be the name of a header field'],
    ],
    [
      'a host with a port',
      intake({ host: 'mx.example:25' }),
      ['intakes.primary.host: must be a host name or an IP address'],
    ],
    [
      'a host in brackets',
      intake({ host: '[::1]' }),
      ['intakes.primary.host: must be a host name or an IP address'],
    ],
    ['a host that is a number', intake({ host: 1 }), ['intakes.primary.host: must be a text']],
    ['port 0', intake({ port: 0 }), ['intakes.primary.port: must be a whole number from 1 to 65535']],
    [
      'a port beyond the last',
      intake({ port: 65536 }),
      ['intakes.primary.port: must be a whole number from 1 to 65535'],
    ],
    ['limits as a number', intake({ limits: 5 }), ['intakes.primary.limits: must be a mapping']],
    [
      'limits of nothing',
      intake({ limits: { connections: 0, messagesPerConnection: 10_001 } }),
      [
        'intakes.primary.limits.connections: must be a whole number from 1 to 10000',
        'intakes.primary.limits.messagesPerConnection: must be a whole number from 1 to 10000',
      ],
    ],
    [
      'no verification in words',
      intake({ tls: { verify: 'no' } }),
      ['intakes.primary.tls.verify: must be true or false'],
    ],
    [
      'an old TLS version',
      intake({ tls: { maxVersion: 'TLSv1' } }),
      ['intakes.primary.tls.maxVersion: must be one of TLSv1.2, TLSv1.3'],
    ],
    [
      'a file name for a certificate',
      intake({ tls: { ca: 'ca.pem' } }),
      ['intakes.primary.tls.ca: must be one or more certificates in PEM form'],
    ],
    [
      'a file that nobody read',
      intake({ tls: { caFile: 'ca.pem' } }),
      ['intakes.primary.tls.caFile: is read by the policy service; it is not part of a served document'],
    ],
    [
      'a server name with a blank',
      intake({ tls: { serverName: 'a b' } }),
      ['intakes.primary.tls.serverName: must be a host name'],
    ],
    [
      'a server name that is a number',
      intake({ tls: { serverName: 1 } }),
      ['intakes.primary.tls.serverName: must be a text'],
    ],
    [
      'an alias in capitals',
      intake({}, 'Primary'),
      ['intakes.Primary: an alias is lower-case letters, digits, _ and -, at most 63'],
    ],
    [
      'an alias with a colon',
      intake({}, 'a:b'),
      ['intakes.a:b: an alias is lower-case letters, digits, _ and -, at most 63'],
    ],
    [
      'a default intake that is none',
      { ...intake({}), defaultIntake: 'primery' },
      ['defaultIntake: there is no intake primery; did you mean primary?'],
    ],
    [
      'a default intake of no intakes',
      { version: 1, defaultIntake: 'a' },
      ['defaultIntake: there is no intake a'],
    ],
    [
      'a default intake that objects have',
      { version: 1, defaultIntake: 'toString' },
      ['defaultIntake: there is no intake toString'],
    ],
    [
      'a default intake that is a list',
      { version: 1, defaultIntake: ['a'] },
      ['defaultIntake: must be a text'],
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
});
