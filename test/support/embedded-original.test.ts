import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { originalOfBcc, readJournal } from './embedded-original.ts';

const journal = (report: string, part: string): Buffer =>
  Buffer.from(
    `From: a\r\nContent-Type: multipart/mixed;\r\n boundary="=_b"\r\n\r\n--=_b\r\n${report}\r\n--=_b\r\n${part}\r\n--=_b--\r\n`,
    'latin1',
  );

const PLAIN_REPORT = 'Content-Type: text/plain\r\n\r\nSender: a@b.example\r\nRecipient: c@d.example\r\n';
const ORIGINAL = 'Subject: x\r\n\r\n--=_other\r\n\r\nno line end';

describe('taking a copy of format journal apart', () => {
  it('finds the report and the original, octet for octet', () => {
    const parts = readJournal(journal(PLAIN_REPORT, `Content-Type: message/rfc822\r\n\r\n${ORIGINAL}`));
    assert.deepEqual(parts.report, ['Sender: a@b.example', 'Recipient: c@d.example']);
    assert.equal(parts.originalType, 'message/rfc822');
    assert.equal(parts.original.toString('latin1'), ORIGINAL);
    assert.equal(parts.headers.get('content-type'), 'multipart/mixed; boundary="=_b"');
  });

  it('keeps the line end of the original apart from that of the boundary', () => {
    const parts = readJournal(journal(PLAIN_REPORT, 'Content-Type: message/rfc822\r\n\r\nx\r\n'));
    assert.equal(parts.original.toString(), 'x\r\n');
  });

  it('decodes what was encoded', () => {
    const report = 'Content-Transfer-Encoding: quoted-printable\r\n\r\nSubject: =C3=BC a=\r\nb=3D\r\n';
    const part = `Content-Transfer-Encoding: base64\r\n\r\n${Buffer.from('a\nb\r\0').toString('base64')}`;
    const parts = readJournal(journal(report, part));
    assert.deepEqual(parts.report, ['Subject: \u00fc ab=']);
    assert.equal(parts.original.toString(), 'a\nb\r\0');
  });

  it('refuses what is no such copy', () => {
    assert.throws(() => readJournal(Buffer.from('Subject: x\r\n\r\nx\r\n')), /no boundary/);
  });
});

describe('the original in a copy of format bcc', () => {
  const CASES: readonly (readonly [what: string, prepended: string])[] = [
    ['behind nothing', ''],
    ['behind the fields', 'X-CSE-ClientIP: 192.0.2.1\r\nX-CSE-RcptTo: a@b.example\r\n'],
    ['behind a folded field', 'X-CSE-RcptTo: a@b.example,\r\n c@d.example\r\nX-IronPort-RemoteIP: ::1\r\n'],
  ];
  for (const [what, prepended] of CASES) {
    for (const original of ['Subject: x\r\n\r\nX-CSE-ClientIP: in the body\r\n', '\r\nno header', '']) {
      it(`${what}: ${JSON.stringify(original)}`, () => {
        assert.equal(originalOfBcc(Buffer.from(prepended + original)).toString(), original);
      });
    }
  }
});
