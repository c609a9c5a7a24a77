import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { after, before, describe, it } from 'node:test';
import { connect } from 'node:tls';
import { holdForTest } from '../../../test/support/leash.ts';
import { openSender, transact } from '../../../test/support/smtp-sender.ts';
import { useStandIn } from '../../../test/support/use-stand-in.ts';
import { startHttpView } from './http-view.ts';
import type { ReceivedMessage } from './message-store.ts';
import type { SeenConnection } from './smtp-session.ts';

const MESSAGE = Buffer.from('Subject: \u00fc\r\n\r\n.\r\n');
const ENVELOPE = { from: 'a@b.example', to: ['journal@setd.example'], parameters: 'BODY=8BITMIME' };

const file = useStandIn();

describe('the stand-in over HTTP', () => {
  let view: Awaited<ReturnType<typeof startHttpView>>;
  before(async () => {
    view = await startHttpView(file.standIn, { host: '127.0.0.1', port: 0 });
  });
  after(() => view.close());
  const ask = (path: string, init?: RequestInit) => fetch(`http://127.0.0.1:${view.port}${path}`, init);
  const put = (body: string) => ask('/script', { method: 'PUT', body });

  it('shows messages and connections, and forgets them', async () => {
    const sender = await file.secured();
    await transact(sender, ENVELOPE, MESSAGE);
    await sender.quit();
    const [message] = (await (await ask('/messages')).json()) as ReceivedMessage[];
    assert.equal(message?.size, MESSAGE.length);
    assert.equal(message?.mailFrom, 'a@b.example');
    assert.equal(message?.mailParameters, 'BODY=8BITMIME');
    const octets = await ask(`/messages/${message?.id}`);
    assert.equal(octets.headers.get('content-type'), 'message/rfc822');
    assert.ok(Buffer.from(await octets.arrayBuffer()).equals(MESSAGE));
    const seen = (await (await ask('/connections')).json()) as {
      readonly mostOpen: number;
      readonly connections: SeenConnection[];
    };
    assert.equal(seen.mostOpen, 1);
    assert.equal(seen.connections[0]?.messages, 1);
    await ask('/reset', { method: 'POST' });
    assert.deepEqual(await (await ask('/messages')).json(), []);
    assert.equal((await ask('/messages/1')).status, 404);
  });

  it('takes a script and gives it up again', async () => {
    const sender = await file.secured();
    assert.equal((await put(JSON.stringify({ always: { mail: { reply: '450 later' } } }))).status, 200);
    assert.equal(await sender.say('MAIL FROM:<>'), '450 later');
    await ask('/script', { method: 'DELETE' });
    assert.match(await sender.say('MAIL FROM:<>'), /^250/);
    await sender.quit();
  });

  const BAD: readonly (readonly [script: string, why: RegExp])[] = [
    ['no JSON', /JSON/],
    ['null', /the script must be an object/],
    ['{"step": {}}', /step is not known/],
    ['{"steps": {"mail": {"reply": "250"}}}', /steps\.mail must be a list/],
    ['{"steps": {"mail": [5]}}', /steps\.mail\[0\] must be an object/],
    ['{"always": {"male": {"reply": "250"}}}', /always\.male must be one of banner, ehlo/],
    ['{"always": {"mail": {"answer": "250"}}}', /always\.mail\.answer is not known/],
    ['{"always": {"mail": {}}}', /always\.mail must have one of reply/],
    ['{"always": {"mail": {"end": "softly"}}}', /end must be one of close, reset, stall/],
    ['{"always": {"mail": {"delayMs": "1"}}}', /delayMs must be a whole number/],
    ['{"tls": "maybe"}', /tls must be one of normal, none/],
    ['{"without": [1]}', /without\[0\] must be a text/],
    ['{"atByte": {"byte": 5}}', /atByte must have one of/],
    ['{"atByte": {"byte": 5, "drip": "x"}}', /atByte must have end or reply/],
    ['{"certificate": "of-nobody"}', /no certificate of-nobody/],
  ];
  for (const [script, why] of BAD) {
    it(`refuses the script ${script}`, async () => {
      const refused = await put(script);
      assert.equal(refused.status, 400);
      assert.match(await refused.text(), why);
    });
  }

  it('says what can be asked for, and that it lives', async () => {
    assert.match(await (await ask('/')).text(), /PUT \/script/);
    assert.equal((await ask('/healthz')).status, 200);
    assert.equal((await ask('/nowhere')).status, 404);
  });
});

describe('the stand-in as a process', () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'tdc-stand-in-'));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  const start = (env: Readonly<Record<string, string>>) => {
    const child = spawn(process.execPath, [resolve(import.meta.dirname, 'main.ts')], {
      env: {
        TDC_STAND_IN_SMTP_PORT: '0',
        TDC_STAND_IN_HTTP_PORT: '0',
        TDC_STAND_IN_CERT_DIR: folder,
        TDC_READY_FD: '3',
        ...env,
      },
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    });
    holdForTest(child);
    return child;
  };

  it('says where it listens, shows certificates of its own authority, and stops', async () => {
    const child = start({});
    const [line] = (await once(child.stdio[3] as Readable, 'data')) as [Buffer];
    const where = JSON.parse(line.toString()) as { readonly smtp: string; readonly http: string };
    const sender = await openSender(where.smtp);
    await sender.say('EHLO test.example');
    await sender.say('STARTTLS');
    const socket = connect({
      socket: sender.release(),
      servername: 'setd.localhost',
      ca: readFileSync(join(folder, 'ca.pem')),
    });
    await once(socket, 'secureConnect');
    assert.equal(socket.authorized, true);
    socket.destroy();
    assert.equal((await fetch(`http://${where.http}/healthz`)).status, 200);
    child.kill('SIGTERM');
    assert.deepEqual(await once(child, 'exit'), [0, null]);
  });

  it('ends with status 78 and a reason where its port is taken', async () => {
    const child = start({ TDC_STAND_IN_SMTP_PORT: String(file.standIn.port) });
    let errors = '';
    (child.stderr as Readable).setEncoding('utf8').on('data', (text: string) => {
      errors += text;
    });
    assert.deepEqual(await once(child, 'close'), [78, null]);
    assert.match(errors, /cannot start: .*EADDRINUSE/);
  });
});
