import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { freePort } from '../../deploy/local/ports.ts';
import { installDebian, whyNoDebian } from '../support/debian.ts';
import { readJournal } from '../support/embedded-original.ts';
import { holdForTest } from '../support/leash.ts';
import { sampleOf } from '../support/prometheus-text.ts';
import { recipeFile, recipeFiles } from '../support/recipe.ts';
import { openSender, transact } from '../support/smtp-sender.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { waitUntil } from '../support/wait-until.ts';

/** HAProxy connects from 127.0.0.1, and must not be taken for either of its clients. */
const GATEWAY = '127.0.0.9';
const STRANGER = '127.0.0.10';

/** An HAProxy of the test's own, set up by docs/integrate/haproxy.md. */
interface Proxy {
  readonly address: string;
  stop(): Promise<void>;
}

async function startHaproxy(intake: string, version: 'send-proxy' | 'send-proxy-v2'): Promise<Proxy> {
  const folder = mkdtempSync(join(tmpdir(), 'tdc-haproxy-'));
  const address = `127.0.0.1:${await freePort()}`;
  const path = join(folder, 'haproxy.cfg');
  const config = recipeFile(recipeFiles('integrate/haproxy.md'), 'haproxy.cfg', [
    ['bind :25\n', `bind ${address}\n`],
    ['send-proxy-v2', version],
    ['intake-1.example.net:2527', intake],
    ['intake-2.example.net:2527', intake],
  ]);
  writeFileSync(path, config);
  const child = spawn('/usr/sbin/haproxy', ['-db', '-f', path], { stdio: 'ignore' });
  holdForTest(child);
  const exited = once(child, 'exit');
  return {
    address,
    async stop() {
      child.kill('SIGKILL');
      await exited;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

const message = (subject: string): Buffer =>
  Buffer.from(
    `X-Spam-Flag: YES\r\nFrom: bill@lawfirm.example\r\nSubject: ${subject}\r\nMessage-ID: <${subject}@lawfirm.example>\r\n\r\nText\r\n`,
  );

describe('HAProxy in front, by the recipe', { skip: whyNoDebian() ?? false }, () => {
  let stack: Stack;
  before(async () => {
    installDebian(['haproxy']);
    stack = await startStack({
      intake: {
        TDC_SMTP_PROXY_PORT: '0',
        TDC_SMTP_PROXY_TRUSTED: '127.0.0.1',
        TDC_TRUSTED_PEERS: GATEWAY,
        TDC_LOG_LEVEL: 'debug',
      },
    });
  });
  after(() => stack?.stop());

  const samples = async (results: readonly string[]): Promise<number> => {
    const all = await stack.metrics('intake');
    return results
      .map((result) => sampleOf(all, 'tdc_intake_proxy_headers_total', { result }) ?? 0)
      .reduce((sum, count) => sum + count);
  };
  /** HAProxy ends a check with a reset, which may come before the header was read. */
  const checks = (): Promise<number> => samples(['local', 'gone']);

  for (const version of ['send-proxy', 'send-proxy-v2'] as const) {
    describe(version, () => {
      let haproxy: Proxy;
      before(async () => {
        haproxy = await startHaproxy(stack.service('intake').addresses['smtp-proxy'] ?? '', version);
        await waitUntil(async () => (await openSender(haproxy.address)).quit().then(() => true), {
          withinSeconds: 20,
          what: 'HAProxy to listen',
        });
      });
      after(() => haproxy?.stop());

      /** Hands a message over under TLS. */
      const hand = async (from: string, subject: string): Promise<string> => {
        const sender = await openSender(haproxy.address, from);
        await sender.say('EHLO gateway.example.org');
        await sender.say('STARTTLS');
        await sender.upgrade();
        await sender.say('EHLO gateway.example.org');
        const envelope = { from: 'bill@lawfirm.example', to: ['joe@example.com'] };
        const reply = await transact(sender, envelope, message(subject));
        await sender.quit();
        return reply;
      };

      it('a stranger’s verdict does not count, and its copy names it as the client', async () => {
        assert.match(await hand(STRANGER, `${version}-1`), / queued as MID \d+$/);
        const copyOf = (): Buffer | undefined =>
          stack.standIn.messages
            .map((_, index) => stack.standIn.octets(index + 1) ?? Buffer.alloc(0))
            .find((octets) => octets.includes(`Subject: ${version}-1`));
        const copy = readJournal(await waitUntil(copyOf, { withinSeconds: 20, what: 'the copy' }));
        assert.equal(copy.headers.get('x-ironport-remoteip'), STRANGER);
        await stack.logged('intake', /^ICID \d+ is 127\.0\.0\.10 through the proxy 127\.0\.0\.1$/);
      });

      it('a trusted gateway’s does, though the proxy in front of it is not trusted', async () => {
        const reply = await hand(GATEWAY, `${version}-2`);
        assert.match(reply, /no copy due$/);
        const [, mid] = /\bMID (\d+)/.exec(reply) ?? [];
        await stack.logged('intake', /^ICID \d+ is 127\.0\.0\.9 through the proxy 127\.0\.0\.1$/);
        await stack.logged('intake', new RegExp(`^MID ${mid} matched all recipients `));
      });

      it('health checks are counted, and leave no line', async () => {
        const lines = stack.log('intake').length;
        const count = await checks();
        await waitUntil(async () => (await checks()) >= count + 2, {
          withinSeconds: 20,
          what: 'two more health checks',
        });
        assert.deepEqual(stack.log('intake').slice(lines), []);
      });
    });
  }

  it('nothing was refused', async () => {
    assert.equal(await samples(['untrusted', 'missing', 'malformed', 'late']), 0);
  });
});
