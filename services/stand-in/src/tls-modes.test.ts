import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { type ConnectionOptions, connect } from 'node:tls';
import { type SmtpSender, transact } from '../../../test/support/smtp-sender.ts';
import { HOST_NAME, useStandIn } from '../../../test/support/use-stand-in.ts';
import { waitUntil } from '../../../test/support/wait-until.ts';
import type { Script } from './script.ts';

const file = useStandIn();

/** Says STARTTLS and shakes hands as a careful client does; answers `protocol cipher`, or the error's code. */
async function handshake(script: Script, options: ConnectionOptions = {}): Promise<string> {
  file.standIn.script(script);
  const sender = await file.plain();
  assert.match(await sender.say('STARTTLS'), /^220/);
  const secured = connect({
    socket: sender.release(),
    servername: HOST_NAME,
    ca: file.authority.cert,
    ...options,
  });
  const failed = once(secured, 'error').then(([error]) => (error as NodeJS.ErrnoException).code ?? '');
  const shaken = once(secured, 'secureConnect').then(
    () => `${secured.getProtocol()} ${secured.getCipher().name}`,
  );
  try {
    return await Promise.race([shaken, failed]);
  } finally {
    secured.destroy();
  }
}

const OLD_CLIENT: ConnectionOptions = {
  minVersion: 'TLSv1.1',
  maxVersion: 'TLSv1.1',
  ciphers: 'DEFAULT@SECLEVEL=0',
};

describe('the handshake of the stand-in', () => {
  const CASES: readonly (readonly [
    what: string,
    script: Script,
    outcome: string,
    options?: ConnectionOptions,
  ])[] = [
    ['is of TLS 1.3', {}, 'TLSv1.3 TLS_AES_256_GCM_SHA384'],
    [
      'is of TLS 1.2 with an RSA certificate, as the log lines of the manuals show it',
      { certificate: 'rsa', maxTlsVersion: 'TLSv1.2' },
      'TLSv1.2 ECDHE-RSA-AES128-GCM-SHA256',
    ],
    ['can be held at TLS 1.2', { maxTlsVersion: 'TLSv1.2' }, 'TLSv1.2 ECDHE-ECDSA-AES128-GCM-SHA256'],
    ['can show a certificate that is over', { certificate: 'expired' }, 'CERT_HAS_EXPIRED'],
    ['can show a certificate of another', { certificate: 'wrong-name' }, 'ERR_TLS_CERT_ALTNAME_INVALID'],
    [
      'can show a certificate that nobody vouches for',
      { certificate: 'self-signed' },
      'DEPTH_ZERO_SELF_SIGNED_CERT',
    ],
    ['can offer nothing newer than TLS 1.1', { tls: 'old' }, 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION'],
    ['is of TLS 1.1 then', { tls: 'old' }, 'TLSv1.1 ECDHE-ECDSA-AES256-SHA', OLD_CLIENT],
    ['can be no TLS', { tls: 'garbage' }, 'ERR_SSL_WRONG_VERSION_NUMBER'],
    ['can be a reset', { tls: 'reset' }, 'ECONNRESET'],
  ];
  for (const [what, script, outcome, options] of CASES) {
    it(what, async () => assert.equal(await handshake(script, options), outcome));
  }

  it('can demand a certificate of the client', async () => {
    file.standIn.script({ tls: 'client-certificate' });
    const sender = await file.plain();
    await sender.say('STARTTLS');
    await sender.upgrade();
    await assert.rejects(sender.say('EHLO test.example'), /closed/);
    assert.equal(file.standIn.connections[0]?.messages, 0);
  });

  it('can be silence, with the connection open', async () => {
    file.standIn.script({ tls: 'hang' });
    const sender = await file.plain();
    await sender.say('STARTTLS');
    const socket = sender.release();
    const heard = socket.bytesRead;
    const secured = connect({ socket });
    await waitUntil(() => socket.bytesWritten > 100, { what: 'the handshake to begin' });
    // Another connection is served meanwhile: there was time for an answer.
    await (await file.plain()).quit();
    assert.equal(socket.bytesRead, heard);
    assert.equal(socket.closed, false);
    secured.on('error', () => undefined).destroy();
  });

  const OFFERS: readonly (readonly [what: string, script: Script, offered: boolean, reply: RegExp])[] = [
    ['is not offered', { tls: 'none' }, false, /^502/],
    ['is offered and refused', { tls: 'refuse' }, true, /^454/],
    ['is answered as the script says', { steps: { starttls: [{ reply: '421 4.7.0 no' }] } }, true, /^421/],
  ];
  for (const [what, script, offered, reply] of OFFERS) {
    it(what, async () => {
      file.standIn.script(script);
      const sender = await file.plain();
      assert.equal(/STARTTLS/.test(await sender.say('EHLO test.example')), offered);
      assert.match(await sender.say('STARTTLS'), reply);
      assert.match(await sender.say('MAIL FROM:<>'), /^530/);
      await sender.quit();
    });
  }

  it('happens once, and forgets what was said before it', async () => {
    const sender = await file.plain();
    sender.write('STARTTLS\r\nEHLO smuggled.example\r\n');
    assert.match(await sender.reply(), /^220/);
    await sender.upgrade();
    assert.match(await sender.say('MAIL FROM:<>'), /^503/);
    await sender.say('EHLO test.example');
    assert.match(await sender.say('STARTTLS'), /^503/);
    await completes(sender);
    assert.deepEqual(file.standIn.connections[0]?.verbs.slice(0, 4), ['EHLO', 'STARTTLS', 'MAIL', 'EHLO']);
  });
});

async function completes(sender: SmtpSender): Promise<void> {
  const message = Buffer.from('Subject: x\r\n\r\nx\r\n');
  assert.match(await transact(sender, { from: '', to: ['a@setd.example'] }, message), /^250/);
  await sender.quit();
}
