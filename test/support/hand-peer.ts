import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { createSecureContext, TLSSocket } from 'node:tls';
import { type CertificateAuthority, createAuthority } from '@tdc/stand-in';
import { openConnection } from '../../services/delivery/src/smtp/open-connection.ts';
import type {
  OpenOptions,
  OutboundConnection,
} from '../../services/delivery/src/smtp/outbound-connection.ts';
import { MX_NAME, NEVER, opened, openOptions } from './outbound.ts';
import { waitUntil } from './wait-until.ts';

/** The dialogue behind TLS of one connection, every answer of which a test says itself. */
export interface HandSession {
  /** What was heard, an entry for each TLS record. */
  readonly heard: string[];
  /** Waits until so much has been heard that it ends like this, and forgets it. */
  hear(end: string): Promise<string[]>;
  say(...lines: string[]): void;
  /** Says octets below TLS, where they are no record. */
  sayRaw(octets: string): void;
  close(): void;
  reset(): void;
  isClosed(): boolean;
}

/** A peer that greets and secures by itself, and from there on does what a test does. */
export interface HandPeer {
  open(
    offer?: { readonly extensions?: readonly string[]; readonly behind?: string },
    changes?: Partial<OpenOptions>,
  ): Promise<{ readonly connection: OutboundConnection; readonly session: HandSession }>;
  close(): Promise<void>;
}

const PLAIN_ANSWERS: Readonly<Record<string, string>> = {
  EHLO: '250-mx\r\n250 STARTTLS\r\n',
  STAR: '220 Go ahead\r\n',
};

export async function startHandPeer(): Promise<HandPeer> {
  const authority: CertificateAuthority = await createAuthority();
  const context = createSecureContext(await authority.issue({ names: [MX_NAME] }));
  const sockets = new Set<Socket>();
  let greeting = '';
  let begun: (session: HandSession) => void = () => undefined;
  const server = createServer({ noDelay: true }, (raw) => {
    sockets.add(raw.on('error', () => raw.destroy()));
    raw.on('close', () => sockets.delete(raw));
    raw.write('220 mx ESMTP\r\n');
    raw.on('data', function answer(chunk: Buffer) {
      const verb = chunk.toString('latin1', 0, 4);
      raw.write(PLAIN_ANSWERS[verb] ?? '500 What\r\n');
      if (verb !== 'STAR') return;
      raw.off('data', answer);
      const secured = new TLSSocket(raw, { isServer: true, secureContext: context });
      secured.on('error', () => raw.destroy());
      secured.once('data', () => {
        secured.write(greeting);
        begun(createSession(raw, secured));
      });
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    async open({ extensions = ['PIPELINING', '8BITMIME'], behind = '' } = {}, changes = {}) {
      greeting = `${['mx', ...extensions].map((text, n) => `250${n < extensions.length ? '-' : ' '}${text}\r\n`).join('')}${behind}`;
      const session = new Promise<HandSession>((resolve) => {
        begun = resolve;
      });
      const options = openOptions({ standIn: { host: '127.0.0.1', port }, authority }, changes);
      const connection = await opened(openConnection(options, NEVER));
      return { connection, session: await session };
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

function createSession(raw: Socket, secured: TLSSocket): HandSession {
  const heard: string[] = [];
  secured.on('data', (chunk: Buffer) => heard.push(chunk.toString('latin1')));
  return {
    heard,
    async hear(end) {
      await waitUntil(() => heard.join('').endsWith(end));
      return heard.splice(0);
    },
    say: (...lines) => void secured.write(lines.map((line) => `${line}\r\n`).join('')),
    sayRaw: (octets) => void raw.write(octets, 'latin1'),
    close: () => void secured.end(),
    reset: () => void raw.resetAndDestroy(),
    isClosed: () => raw.destroyed,
  };
}
