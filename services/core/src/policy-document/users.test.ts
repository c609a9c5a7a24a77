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

const policy = (change: Source, more: Source = {}) => ({
  version: 1,
  policies: [{ name: 'p', users: [{}], ...change }],
  ...more,
});
const row = (change: Source, more: Source = {}) => policy({ users: [change] }, more);
const sender = (...users: readonly unknown[]) => row({ sender: { oneOf: users } });

const FORMS = 'must be user@example.com, user@, @example.com, @.example.com or group:name';

describe('what is wrong with a policy or a group, and where', () => {
  const cases: readonly Case[] = [
    ['a group of nobody', { version: 1, groups: { g: [] } }, ['groups.g: a group must have members']],
    ['a group that is no list', { version: 1, groups: { g: 'a@b.example' } }, ['groups.g: must be a list']],
    [
      'a group in a group',
      { version: 1, groups: { a: ['b@'], g: ['group:a'] } },
      ['groups.g[0]: must be user@example.com, user@, @example.com or @.example.com'],
    ],
    ['a member that is no text', { version: 1, groups: { g: [1] } }, ['groups.g[0]: must be a text']],
    [
      'a group name with a blank',
      { version: 1, groups: { 'a b': ['c@'] } },
      ['groups.a b: group names are letters, digits, _ . and -'],
    ],

    ['a policy without a name', policy({ name: undefined }), ['policies[0].name: is missing']],
    ['a policy whose name is a number', policy({ name: 1 }), ['policies[0].name: must be a text']],
    [
      'a policy name with a blank',
      policy({ name: 'a b' }),
      ['policies[0].name: a policy name is letters, digits, _ . and -, at most 63'],
    ],
    [
      'the name of the default policy',
      policy({ name: 'Default' }),
      ['policies[0].name: the name Default is taken'],
    ],
    [
      'a policy name twice, letter case aside',
      { version: 1, policies: ['a', 'b', 'A'].map((name) => ({ name, users: [{}] })) },
      ['policies[2].name: the name A is taken'],
    ],
    [
      'two policies without a name',
      { version: 1, policies: [{ users: [{}] }, { users: [{}] }] },
      ['policies[0].name: is missing', 'policies[1].name: is missing'],
    ],
    ['policies as a mapping', { version: 1, policies: {} }, ['policies: must be a list']],
    [
      'a policy that is a text',
      { version: 1, policies: ['p'] },
      [
        'policies[0]: must be a mapping',
        'policies[0].name: is missing',
        'policies[0].users: a policy must have at least one user row',
      ],
    ],
    [
      'a policy without rows',
      policy({ users: [] }),
      ['policies[0].users: a policy must have at least one user row'],
    ],
    ['rows as a mapping', policy({ users: {} }), ['policies[0].users: must be a list']],
    [
      'a sender in two ways',
      row({ sender: { oneOf: ['a@'], noneOf: ['b@'] } }),
      ['policies[0].users[0].sender: must be any, or have exactly one of oneOf, noneOf'],
    ],
    [
      'a sender in no way',
      row({ sender: {} }),
      ['policies[0].users[0].sender: must be any, or have exactly one of oneOf, noneOf'],
    ],
    [
      'a sender that is a text',
      row({ sender: 'all' }),
      [
        'policies[0].users[0].sender: must be a mapping',
        'policies[0].users[0].sender: must be any, or have exactly one of oneOf, noneOf',
      ],
    ],
    [
      'a recipient in two ways',
      row({ recipient: { listed: ['a@'], notListed: ['a@'] } }),
      ['policies[0].users[0].recipient: must be any, or have exactly one of listed, notListed'],
    ],
    [
      'a join of nothing',
      row({ recipient: { join: 'all' } }),
      ['policies[0].users[0].recipient: must be any, or have exactly one of listed, notListed'],
    ],
    [
      'an unknown join',
      row({ recipient: { listed: ['a@'], join: 'both' } }),
      ['policies[0].users[0].recipient.join: must be one of any, all'],
    ],
    [
      'an empty list',
      row({ recipient: { listed: [] } }),
      ['policies[0].users[0].recipient.listed: must list at least one user'],
    ],
    [
      'a list that is a text',
      row({ recipient: { listed: 'a@' } }),
      ['policies[0].users[0].recipient.listed: must be a list'],
    ],
    ...(
      [
        'joe',
        '@',
        '',
        'a@b@c.example',
        'joe @example.com',
        '<joe@example.com>',
        'joe@.example.com',
        '@exa mple',
        '@-x',
        'joe@x/y',
      ] as const
    ).map(
      (text): Case => [
        `the user ${JSON.stringify(text)}`,
        sender(text),
        [`policies[0].users[0].sender.oneOf[0]: ${FORMS}`],
      ],
    ),
    ['a user that is no text', sender(7), ['policies[0].users[0].sender.oneOf[0]: must be a text']],
    [
      'a group that there is not',
      sender('group:g'),
      ['policies[0].users[0].sender.oneOf[0]: there is no group g'],
    ],
    [
      'a group with a typing error',
      row({ recipient: { listed: ['group:enginers'] } }, { groups: { engineers: ['a@'] } }),
      ['policies[0].users[0].recipient.listed[0]: there is no group enginers; did you mean engineers?'],
    ],
    [
      'an unknown connector',
      policy({ connector: 'noscan' }),
      ['policies[0].connector: must be no-scan, default or { custom: alias }'],
    ],
    [
      'a custom intake that there is not',
      policy({ connector: { custom: 'x' } }),
      ['policies[0].connector.custom: there is no intake x'],
    ],
    [
      'a custom intake without a name',
      policy({ connector: {} }),
      ['policies[0].connector.custom: must name an intake'],
    ],
    [
      'a custom intake that is a list',
      policy({ connector: { custom: [] } }),
      ['policies[0].connector.custom: must be a text'],
    ],
    [
      'a default policy with users',
      { version: 1, default: { users: [] } },
      ['default.users: unknown key; known are connector'],
    ],
    [
      'a default policy of an unknown intake',
      { version: 1, default: { connector: { custom: 'x' } } },
      ['default.connector.custom: there is no intake x'],
    ],
    ['a default policy that is a text', { version: 1, default: 'no-scan' }, ['default: must be a mapping']],
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
