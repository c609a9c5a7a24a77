import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { HostPort } from '@tdc/platform';

/** How sending a message came out. */
export type SendResult =
  | { readonly kind: 'accepted'; readonly reply: string; readonly tls: boolean }
  /** The last reply was not what was hoped for. */
  | { readonly kind: 'refused'; readonly command: string; readonly reply: string }
  | { readonly kind: 'unreachable'; readonly reason: string };

export interface Submission {
  readonly server: HostPort;
  readonly sender: string;
  readonly recipients: readonly string[];
  /** The message; its line ends become CRLF. */
  readonly message: Buffer;
}

const TIMEOUT_MS = 30_000;

/** A dialogue over one socket: a command out, a whole reply in. */
class Dialogue {
  #socket: Socket;
  #buffer = '';
  #failure: Error | undefined;
  #wake: () => void = () => undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
    this.#listen();
  }

  #listen(): void {
    this.#socket.setTimeout(TIMEOUT_MS, () => this.#socket.destroy(new Error('timed out')));
    this.#socket.on('data', (chunk) => {
      this.#buffer += chunk.toString('latin1');
      this.#wake();
    });
    const end = (error?: Error) => {
      this.#failure ??= error ?? new Error('connection closed');
      this.#wake();
    };
    this.#socket.on('error', end);
    this.#socket.on('close', () => end());
  }

  /** The next reply, all its lines. */
  async reply(): Promise<string> {
    for (;;) {
      const match = /^(?:\d{3}-[^\r\n]*\r?\n)*\d{3}(?: [^\r\n]*)?\r?\n/.exec(this.#buffer);
      if (match !== null) {
        this.#buffer = this.#buffer.slice(match[0].length);
        return match[0].trimEnd();
      }
      if (this.#failure !== undefined) throw this.#failure;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async say(command: string): Promise<string> {
    this.#socket.write(`${command}\r\n`);
    return this.reply();
  }

  write(octets: Buffer): void {
    this.#socket.write(octets);
  }

  /** Goes on under TLS. The certificate is not verified: this is a test message to a server of one's own. */
  async upgrade(servername: string): Promise<void> {
    this.#socket.removeAllListeners();
    const plain = this.#socket;
    this.#buffer = '';
    await new Promise<void>((resolve, reject) => {
      const name = /^[\d.]+$|:/.test(servername) ? {} : { servername };
      const secured = connectTls({ socket: plain, rejectUnauthorized: false, ...name }, () => resolve());
      secured.once('error', reject);
      this.#socket = secured;
    });
    this.#listen();
  }

  close(): void {
    this.#socket.destroy();
  }
}

/** CRLF line ends, and a dot doubled at the start of a line (RFC 5321 §4.5.2). */
export function toDataBlock(message: Buffer): Buffer {
  const text = message.toString('latin1').replace(/\r\n|\r|\n/g, '\r\n');
  const ended = text.endsWith('\r\n') ? text : `${text}\r\n`;
  return Buffer.from(`${ended.replace(/^\./gm, '..')}.\r\n`, 'latin1');
}

/** Sends one message over SMTP, under TLS where it is offered. */
export async function submit({ server, sender, recipients, message }: Submission): Promise<SendResult> {
  const dialogue = new Dialogue(connect({ host: server.host, port: server.port }));
  let command = 'connect';
  const say = async (text: string): Promise<string> => {
    command = text.split(':')[0] ?? text;
    return dialogue.say(text);
  };
  try {
    let reply = await dialogue.reply();
    if (!reply.startsWith('2')) return { kind: 'refused', command, reply };
    reply = await say('EHLO tdc-send.localdomain');
    const tls = /^250[ -]STARTTLS\b/im.test(reply);
    if (tls) {
      const go = await say('STARTTLS');
      if (!go.startsWith('2')) return { kind: 'refused', command, reply: go };
      await dialogue.upgrade(server.host);
      reply = await say('EHLO tdc-send.localdomain');
    }
    const eightBit = message.some((octet) => octet > 127) && /^250[ -]8BITMIME\b/im.test(reply);
    const steps = [
      `MAIL FROM:<${sender}>${eightBit ? ' BODY=8BITMIME' : ''}`,
      ...recipients.map((recipient) => `RCPT TO:<${recipient}>`),
      'DATA',
    ];
    for (const step of steps) {
      reply = await say(step);
      if (!/^[23]/.test(reply)) return { kind: 'refused', command, reply };
    }
    dialogue.write(toDataBlock(message));
    command = 'message';
    reply = await dialogue.reply();
    if (!reply.startsWith('2')) return { kind: 'refused', command, reply };
    await say('QUIT').catch(() => '');
    return { kind: 'accepted', reply, tls };
  } catch (error) {
    return { kind: 'unreachable', reason: `${command}: ${(error as Error).message}` };
  } finally {
    dialogue.close();
  }
}
