import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { SenderSource } from './mail-policy.ts';
import { parsePolicyDocument } from './policy-document/parse.ts';
import type { PolicyDocument } from './policy-document/types.ts';
import { distinctRecipients, type Splinter, type SplinterInput, splinter } from './splinter.ts';

function documentOf(source: Readonly<Record<string, unknown>>): PolicyDocument {
  const parsed = parsePolicyDocument({ version: 1, ...source });
  assert.deepEqual(parsed.kind === 'invalid' ? parsed.problems : [], []);
  assert.equal(parsed.kind, 'valid');
  return parsed.document;
}

const toAny = (...listed: readonly string[]) => [{ recipient: { listed } }];

/** The table of the worked examples (spec §3). */
const worked = documentOf({
  groups: { engineers: ['bob@example.com', 'fred@example.com', '@eng.example.com'] },
  policies: [
    { name: 'special_people', users: toAny('joe@example.com', 'ann@example.com') },
    { name: 'from_lawyers', users: [{ sender: { oneOf: ['@lawfirm.com'] } }] },
    { name: 'acquired_domains', users: toAny('@newdomain.com', '@anotherexample.com') },
    { name: 'engineering', users: toAny('group:engineers') },
    { name: 'sales_team', users: toAny('jim@', 'john@', 'larry@') },
  ],
});

const mail = (sender: string, ...recipients: readonly string[]): SplinterInput => ({
  sender,
  from: [],
  replyTo: [],
  recipients,
});

function split(
  document: PolicyDocument,
  input: SplinterInput,
): readonly (readonly [string, readonly string[]])[] {
  const splinters = splinter(document.policies, document.senderSources, input);
  return splinters.map(({ policyName, recipients }) => [policyName, recipients]);
}

describe('the worked examples', () => {
  const cases: readonly [
    message: string,
    input: SplinterInput,
    result: readonly (readonly [policy: string, recipients: readonly string[]])[],
  ][] = [
    [
      'bill@lawfirm.com → jim: policy 2',
      mail('bill@lawfirm.com', 'jim@example.com'),
      [['from_lawyers', ['jim@example.com']]],
    ],
    [
      'joe@yahoo.com → john, jane, bill: three splinters',
      mail('joe@yahoo.com', 'john@example.com', 'jane@newdomain.com', 'bill@example.com'),
      [
        ['acquired_domains', ['jane@newdomain.com']],
        ['sales_team', ['john@example.com']],
        ['DEFAULT', ['bill@example.com']],
      ],
    ],
    [
      'bill@lawfirm.com → ann, larry: two splinters',
      mail('bill@lawfirm.com', 'ann@example.com', 'larry@example.com'),
      [
        ['special_people', ['ann@example.com']],
        ['from_lawyers', ['larry@example.com']],
      ],
    ],
  ];
  for (const [message, input, result] of cases) {
    it(message, () => assert.deepEqual(split(worked, input), result));
  }

  it('an engineer by address and one by domain share a splinter', () => {
    assert.deepEqual(split(worked, mail('joe@yahoo.com', 'BOB@example.com', 'jim@eng.example.com')), [
      ['engineering', ['BOB@example.com', 'jim@eng.example.com']],
    ]);
  });
});

describe('splinters', () => {
  it('recipients keep the order of the envelope', () => {
    const names = ['john@b.example', 'jim@a.example', 'larry@c.example'];
    assert.deepEqual(split(worked, mail('', ...names)), [['sales_team', names]]);
  });

  it('the same recipient twice is one recipient, as first written', () => {
    const twice = mail('', 'Jim@Example.com', 'jim@example.com', '"jim"@EXAMPLE.com.', 'john@example.com');
    assert.deepEqual(split(worked, twice), [['sales_team', ['Jim@Example.com', 'john@example.com']]]);
  });

  it('no recipient, no splinter', () => assert.deepEqual(split(worked, mail('joe@example.com')), []));

  it('an empty table leaves all to the default policy', () => {
    const empty = documentOf({});
    assert.deepEqual(split(empty, mail('', 'a@x.example', 'b@y.example')), [
      ['DEFAULT', ['a@x.example', 'b@y.example']],
    ]);
  });

  it('each says why its policy took the first of its recipients', () => {
    const input = mail('bill@lawfirm.com', 'larry@example.com', 'ann@example.com', 'joe@example.com');
    const splinters = splinter(worked.policies, worked.senderSources, input);
    assert.deepEqual(
      splinters.map(({ reason }) => reason),
      [
        'user row 1: any sender, recipient is ann@example.com',
        'user row 1: envelope sender is @lawfirm.com, any recipient',
      ],
    );
  });
});

describe('where the sender is looked for', () => {
  const lawyers = (sources?: readonly SenderSource[]) =>
    documentOf({
      ...(sources === undefined ? {} : { senderSources: sources }),
      policies: [
        { name: 'first', users: [{ sender: { oneOf: ['@lawfirm.com'] } }] },
        { name: 'second', users: [{ sender: { noneOf: ['@list.example'] } }] },
      ],
    });
  const input: SplinterInput = {
    sender: 'bounce@list.example',
    from: ['bill@lawfirm.com', 'Bob@Lawfirm.com'],
    replyTo: ['office@lawfirm.com'],
    recipients: ['a@x.example'],
  };
  const reasonOf = (
    document: PolicyDocument,
    given: SplinterInput,
  ): readonly [string, string] | undefined => {
    const [only]: readonly (Splinter | undefined)[] = splinter(
      document.policies,
      document.senderSources,
      given,
    );
    return only && [only.policyName, only.reason];
  };

  it('in the envelope, then From, then Reply-To', () => {
    assert.deepEqual(reasonOf(lawyers(), input), [
      'first',
      'user row 1: from sender is @lawfirm.com, any recipient',
    ]);
    assert.deepEqual(reasonOf(lawyers(), { ...input, sender: 'x@lawfirm.com' }), [
      'first',
      'user row 1: envelope sender is @lawfirm.com, any recipient',
    ]);
    assert.equal(
      reasonOf(lawyers(), { ...input, from: [] })?.[1].slice(0, 31),
      'user row 1: reply-to sender is ',
    );
  });

  it('in the order that the document gives', () => {
    const document = lawyers(['reply-to', 'from', 'envelope']);
    assert.equal(
      reasonOf(document, input)?.[1],
      'user row 1: reply-to sender is @lawfirm.com, any recipient',
    );
  });

  it('nowhere else', () => {
    assert.equal(reasonOf(lawyers(['envelope']), input)?.[0], 'DEFAULT');
    assert.equal(reasonOf(lawyers(['from']), { ...input, from: [] })?.[0], 'second');
  });

  it('the null sender is no sender', () => {
    const nobody = { ...input, sender: '', from: [], replyTo: [] };
    assert.equal(reasonOf(lawyers(), nobody)?.[0], 'second');
  });
});

describe('any message', () => {
  const recipient = fc.constantFrom(
    'joe@example.com',
    'JOE@example.com',
    'ann@example.com',
    'jane@newdomain.com',
    'bob@example.com',
    'x@eng.example.com',
    'jim@example.com',
    'john@newdomain.com',
    'nobody@example.com',
  );
  const sender = fc.constantFrom('', 'bill@lawfirm.com', 'joe@yahoo.com');

  it('its splinters partition the distinct recipients, in the order of the table', () => {
    const order = [...worked.policies.map((policy) => policy.name), 'DEFAULT'];
    fc.assert(
      fc.property(sender, fc.array(recipient), (from, recipients) => {
        const splinters = split(worked, mail(from, ...recipients));
        const all = splinters.flatMap(([, part]) => part);
        assert.deepEqual(all.toSorted(), distinctRecipients(recipients).toSorted());
        const places = splinters.map(([name]) => order.indexOf(name));
        assert.deepEqual(
          places,
          places.toSorted((a, b) => a - b),
        );
        assert.equal(new Set(places).size, places.length);
        assert.ok(splinters.every(([, part]) => part.length > 0));
      }),
    );
  });

  it('a recipient finds its policy whoever else is on the message, where no list is joined by all', () => {
    fc.assert(
      fc.property(sender, fc.array(recipient, { minLength: 1 }), (from, recipients) => {
        for (const [name, part] of split(worked, mail(from, ...recipients))) {
          for (const one of part) assert.equal(split(worked, mail(from, one))[0]?.[0], name);
        }
      }),
    );
  });
});
