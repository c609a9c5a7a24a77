import { after, before, beforeEach } from 'node:test';
import {
  type CertificateAuthority,
  createAuthority,
  issueStandInCertificates,
  type StandIn,
  startStandIn,
} from '@tdc/stand-in';
import { openSender, type SmtpSender } from './smtp-sender.ts';
import { waitUntil } from './wait-until.ts';

export const HOST_NAME = 'mx.setd.example';

/** The stand-in of one test file: right again, empty and without connections before each test. */
export interface StandInOfFile {
  readonly standIn: StandIn;
  readonly authority: CertificateAuthority;
  /** A connection in clear text that has said EHLO. */
  plain(): Promise<SmtpSender>;
  /** One under TLS that has said EHLO again, and what was answered. */
  secured(): Promise<SmtpSender & { readonly offered: string }>;
}

/** Starts one for the tests of this file; to be called once, at the top. */
export function useStandIn(): StandInOfFile {
  let running: { readonly standIn: StandIn; readonly authority: CertificateAuthority } | undefined;
  const current = () => running ?? neverStarted();
  before(async () => {
    const authority = await createAuthority();
    const certificates = await issueStandInCertificates(authority, [HOST_NAME]);
    running = { authority, standIn: await startStandIn({ certificates, hostname: HOST_NAME }) };
  });
  after(() => running?.standIn.close());
  beforeEach(async () => {
    const { standIn } = current();
    await waitUntil(() => standIn.open === 0, { what: 'the connections of the test before to end' });
    standIn.script({});
    standIn.clear();
  });
  const plain = async (): Promise<SmtpSender> => {
    const sender = await openSender(`127.0.0.1:${current().standIn.port}`);
    await sender.say('EHLO test.example');
    return sender;
  };
  return {
    get standIn() {
      return current().standIn;
    },
    get authority() {
      return current().authority;
    },
    plain,
    async secured() {
      const sender = await plain();
      const reply = await sender.say('STARTTLS');
      if (!reply.startsWith('220')) throw new Error(`no STARTTLS: ${reply}`);
      await sender.upgrade();
      return Object.assign(sender, { offered: await sender.say('EHLO test.example') });
    },
  };
}

function neverStarted(): never {
  throw new Error('the stand-in runs from the first test on');
}
