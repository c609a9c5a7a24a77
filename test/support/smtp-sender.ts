import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

/** A raw SMTP client: says what it is told, octet for octet, and answers with what it hears. */
export interface SmtpSender {
  /** Writes octets as they are. */
  write(octets: Buffer | string): void;
  /** Writes a line and waits for the reply. */
  say(line: string): Promise<string>;
  /** The next reply, all of its lines, without the last line end. */
  reply(): Promise<string>;
  /** Goes on under TLS, behind a STARTTLS that was answered; the certificate is not checked. */
  upgrade(): Promise<void>;
  /** Resolves when the other side has closed. */
  readonly closed: Promise<void>;
  /** Hands the socket over; nothing is read from it here any more. */
  release(): Socket;
  /** Cuts the connection. */
  destroy(): void;
  /** Says goodbye. */
  quit(): Promise<void>;
}

const REPLY = /^(?:\d{3}-[^\r\n]*\r?\n)*\d{3}(?: [^\r\n]*)?\r?\n/;
const TIMEOUT_MS = 30_000;

/** Opens a connection and waits for the banner; `from` is the address to connect from. */
export async function openSender(
  address: string,
  from?: string,
): Promise<SmtpSender & { readonly banner: string }> {
  const sender = new RawSender(address, from);
  const banner = await sender.reply();
  return Object.assign(sender, { banner });
}

/** The same as a proxy opens it: the octets of its header come before the banner. */
export async function openSenderBehind(
  address: string,
  header: Buffer,
): Promise<SmtpSender & { readonly banner: string }> {
  const sender = new RawSender(address);
  sender.write(header);
  const banner = await sender.reply();
  return Object.assign(sender, { banner });
}

class RawSender implements SmtpSender {
  #socket: Socket;
  #heard = '';
  #gone = false;
  #wake: () => void = () => undefined;
  readonly closed: Promise<void>;
  #onClosed: () => void = () => undefined;

  constructor(address: string, from?: string) {
    const at = address.lastIndexOf(':');
    this.closed = new Promise((resolve) => {
      this.#onClosed = resolve;
    });
    this.#socket = connect({
      host: address.slice(0, at),
      port: Number(address.slice(at + 1)),
      noDelay: true,
      ...(from === undefined ? {} : { localAddress: from }),
    });
    this.#listen();
  }

  #listen(): void {
    const socket = this.#socket;
    socket.setTimeout(TIMEOUT_MS, () => socket.destroy());
    socket.on('data', (chunk) => {
      this.#heard += chunk.toString('latin1');
      this.#wake();
    });
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      if (socket !== this.#socket) return;
      this.#gone = true;
      this.#wake();
      this.#onClosed();
    });
  }

  write(octets: Buffer | string): void {
    this.#socket.write(typeof octets === 'string' ? Buffer.from(octets, 'latin1') : octets);
  }

  say(line: string): Promise<string> {
    this.write(Buffer.from(`${line}\r\n`, 'utf8'));
    return this.reply();
  }

  async reply(): Promise<string> {
    for (;;) {
      const match = REPLY.exec(this.#heard);
      if (match !== null) {
        this.#heard = this.#heard.slice(match[0].length);
        return match[0].trimEnd();
      }
      if (this.#gone)
        throw new Error(`the connection was closed${this.#heard === '' ? '' : ` behind ${this.#heard}`}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async upgrade(): Promise<void> {
    const plain = this.#socket;
    plain.removeAllListeners();
    this.#heard = '';
    const secured = connectTls({ socket: plain, rejectUnauthorized: false });
    this.#socket = secured;
    this.#listen();
    await Promise.race([once(secured, 'secureConnect'), this.closed]);
  }

  release(): Socket {
    this.#socket.removeAllListeners();
    return this.#socket;
  }

  destroy(): void {
    this.#socket.destroy();
  }

  async quit(): Promise<void> {
    await this.say('QUIT').catch(() => '');
    this.#socket.destroy();
  }
}

/** Doubles the dot at the start of each line that stands behind CRLF, and adds the end of data. */
export function dataBlock(message: Buffer): Buffer {
  const text = message.toString('latin1');
  const ended = text === '' || text.endsWith('\r\n') ? text : `${text}\r\n`;
  return Buffer.from(`${`\r\n${ended}`.replace(/\r\n\./g, '\r\n..').slice(2)}.\r\n`, 'latin1');
}

export interface Envelope {
  readonly from: string;
  readonly to: readonly string[];
  /** Behind the sender's path: `BODY=8BITMIME SMTPUTF8`. */
  readonly parameters?: string;
}

/** How a transaction ended. */
export interface Transacted {
  readonly reply: string;
  /** The reply is to the message as a whole. */
  readonly isWhole: boolean;
}

/** One transaction on an open connection; the first reply that is none of success ends it. */
export async function carryOut(sender: SmtpSender, envelope: Envelope, message: Buffer): Promise<Transacted> {
  const parameters = envelope.parameters === undefined ? '' : ` ${envelope.parameters}`;
  for (const line of [
    `MAIL FROM:<${envelope.from}>${parameters}`,
    ...envelope.to.map((to) => `RCPT TO:<${to}>`),
    'DATA',
  ]) {
    const reply = await sender.say(line);
    if (!/^[23]/.test(reply)) return { reply, isWhole: false };
  }
  sender.write(dataBlock(message));
  return { reply: await sender.reply(), isWhole: true };
}

/** The answer to one transaction on an open connection. */
export const transact = async (sender: SmtpSender, envelope: Envelope, message: Buffer): Promise<string> =>
  (await carryOut(sender, envelope, message)).reply;

/** Sends one message over a connection of its own; answers the last reply. */
export async function sendMail(
  address: string,
  envelope: Envelope,
  message: Buffer | string,
): Promise<string> {
  const sender = await openSender(address);
  try {
    await sender.say('EHLO sender.example.org');
    return await transact(sender, envelope, typeof message === 'string' ? Buffer.from(message) : message);
  } finally {
    await sender.quit();
  }
}
