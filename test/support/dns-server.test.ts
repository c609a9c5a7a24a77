import assert from 'node:assert/strict';
import { Resolver } from 'node:dns/promises';
import { after, before, describe, it } from 'node:test';
import { type DnsServer, startDnsServer } from './dns-server.ts';

const MANY = Array.from({ length: 60 }, (_, index) => ({
  exchange: `mx${index}.quite-a-long-name.example`,
  preference: index,
}));

describe('the name server', () => {
  let server: DnsServer;
  let resolver: Resolver;
  before(async () => {
    server = await startDnsServer({
      'mail.example': {
        mx: [
          { exchange: 'mx2.example', preference: 20 },
          { exchange: 'mx1.example', preference: 10 },
        ],
      },
      'MX1.example': { a: ['127.0.0.1', '127.0.0.2'], aaaa: ['::1', '2001:db8::25:1'] },
      'null.example': { mx: [{ exchange: '', preference: 0 }] },
      'alias.example': { cname: 'mail.example' },
      'dangling.example': { cname: 'nowhere.example' },
      'loop.example': { cname: 'loop.example' },
      'many.example': { mx: MANY },
      'changing.example': { fail: 'SERVFAIL' },
    });
    resolver = new Resolver({ timeout: 300, tries: 1 });
    resolver.setServers([server.address]);
  });
  after(() => server.close());
  const mxOf = async (name: string): Promise<string[]> =>
    (await resolver.resolveMx(name)).map(({ exchange, priority }) => `${priority} ${exchange}`);

  it('answers with the records of a name, in any case', async () => {
    assert.deepEqual(await mxOf('mail.example'), ['20 mx2.example', '10 mx1.example']);
    assert.deepEqual(await resolver.resolve4('mx1.EXAMPLE'), ['127.0.0.1', '127.0.0.2']);
    assert.deepEqual(await resolver.resolve6('mx1.example'), ['::1', '2001:db8::25:1']);
    assert.deepEqual(await mxOf('null.example'), ['0 ']);
  });

  it('follows an alias', async () => {
    assert.deepEqual(await resolver.resolveCname('alias.example'), ['mail.example']);
    assert.equal((await resolver.resolveMx('alias.example')).length, 2);
  });

  it('gives a long answer over TCP', async () => {
    assert.equal((await resolver.resolveMx('many.example')).length, MANY.length);
    assert.deepEqual(
      server.queries.filter((query) => query.endsWith('many.example')),
      ['MX many.example', 'MX many.example'],
    );
  });

  const FAILURES: readonly (readonly [what: string, name: string, code: string])[] = [
    ['a name that there is not', 'unknown.example', 'ENOTFOUND'],
    ['a name without such records', 'mx1.example', 'ENODATA'],
    ['an alias that leads nowhere', 'dangling.example', 'ENOTFOUND'],
    ['an alias of itself', 'loop.example', 'ESERVFAIL'],
  ];
  for (const [what, name, code] of FAILURES) {
    it(`fails for ${what}`, () => assert.rejects(resolver.resolveMx(name), { code }));
  }

  it('fails as told, and differently from one moment to the next', async () => {
    const name = 'changing.example';
    await assert.rejects(resolver.resolveMx(name), { code: 'ESERVFAIL' });
    server.set(name, { fail: 'REFUSED' });
    await assert.rejects(resolver.resolveMx(name), { code: 'EREFUSED' });
    server.set(name, { fail: 'NXDOMAIN' });
    await assert.rejects(resolver.resolveMx(name), { code: 'ENOTFOUND' });
    server.set(name, { fail: 'silence' });
    await assert.rejects(resolver.resolveMx(name), { code: 'ETIMEOUT' });
    server.set(name, { mx: [{ exchange: 'mx1.example', preference: 1 }] });
    assert.equal((await resolver.resolveMx(name)).length, 1);
  });
});
