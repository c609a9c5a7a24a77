import { connect, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { errorText, type HostPort } from '@tdc/platform';

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
  /** How long the server may be silent, at any stage; 30 by default. */
  readonly timeoutSeconds?: number;
}

const TIMEOUT_SECONDS = 30;

/** A dialogue over one socket: a command out, a whole reply in. */
class Dialogue {
  #socket: Socket;
  readonly #timeoutMs: number;
  #buffer = '';
  #failure: Error | undefined;
  #wake: () => void = () => undefined;

  constructor(socket: Socket, timeoutMs: number) {
    this.#socket = socket;
    this.#timeoutMs = timeoutMs;
    this.#listen();
  }

  #listen(): void {
    const socket = this.#socket;
    socket.setTimeout(this.#timeoutMs, () => socket.destroy(new Error('timed out')));
    socket.on('data', (chunk) => {
      this.#buffer += chunk.toString('latin1');
      this.#wake();
    });
    const end = (error?: Error) => {
      this.#failure ??= error ?? new Error('connection closed');
      this.#wake();
    };
    socket.on('error', end);
    socket.on('close', () => end());
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
    const name = isIP(servername) === 0 ? { servername } : {};
    await new Promise<void>((resolve, reject) => {
      const secured = connectTls({ socket: plain, rejectUnauthorized: false, ...name }, () => resolve());
      secured.setTimeout(this.#timeoutMs, () => secured.destroy(new Error('timed out')));
      secured.once('error', reject);
      secured.once('close', () => reject(new Error('connection closed')));
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

/** Parameters of MAIL that the message needs and the server offers in its reply to EHLO. */
function mailParameters({ sender, recipients, message }: Submission, ehlo: string): string {
  const offers = (keyword: string): boolean => new RegExp(`^250[ -]${keyword}\\b`, 'im').test(ehlo);
  const eightBit = message.some((octet) => octet > 127) && offers('8BITMIME');
  const utf8 = /[^\u0000-\u007f]/.test([sender, ...recipients].join('')) && offers('SMTPUTF8');
  return `${eightBit || utf8 ? ' BODY=8BITMIME' : ''}${utf8 ? ' SMTPUTF8' : ''}`;
}

/** Says hello, and again under TLS where it is offered. Answers the last reply. */
async function greet(
  dialogue: Dialogue,
  say: (command: string) => Promise<string>,
  host: string,
): Promise<{ readonly reply: string; readonly tls: boolean }> {
  const plain = await say(HELLO);
  if (!/^250[ -]STARTTLS\b/im.test(plain)) return { reply: plain, tls: false };
  const go = await say('STARTTLS');
  if (!go.startsWith('2')) return { reply: go, tls: false };
  await dialogue.upgrade(host);
  return { reply: await say(HELLO), tls: true };
}

const HELLO = 'EHLO tdc-send.localdomain';

/** Sends one message over SMTP, under TLS where it is offered. The first refusal ends it. */
export async function submit(submission: Submission): Promise<SendResult> {
  const { server, sender, recipients, message, timeoutSeconds = TIMEOUT_SECONDS } = submission;
  const dialogue = new Dialogue(connect({ host: server.host, port: server.port }), timeoutSeconds * 1000);
  let command = 'connect';
  const say = (text: string): Promise<string> => {
    command = text.split(/[ :]/)[0] ?? text;
    return dialogue.say(text);
  };
  try {
    const banner = await dialogue.reply();
    if (!banner.startsWith('2')) return { kind: 'refused', command, reply: banner };
    const { reply: hello, tls } = await greet(dialogue, say, server.host);
    if (!hello.startsWith('2')) return { kind: 'refused', command, reply: hello };
    const steps = [
      `MAIL FROM:<${sender}>${mailParameters(submission, hello)}`,
      ...recipients.map((recipient) => `RCPT TO:<${recipient}>`),
      'DATA',
    ];
    for (const step of steps) {
      const reply = await say(step);
      if (!/^[23]/.test(reply)) return { kind: 'refused', command, reply };
    }
    command = 'message';
    dialogue.write(toDataBlock(message));
    const reply = await dialogue.reply();
    if (!reply.startsWith('2')) return { kind: 'refused', command, reply };
    await say('QUIT').catch(() => '');
    return { kind: 'accepted', reply, tls };
  } catch (error) {
    return { kind: 'unreachable', reason: `${command}: ${errorText(error)}` };
  } finally {
    dialogue.close();
  }
}
