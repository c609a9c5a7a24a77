import type { Socket } from 'node:net';
import { createSecureContext, TLSSocket } from 'node:tls';
import type { KeyPair } from './certificates.ts';
import { createDataReader, type DataReader } from './data-reader.ts';
import type { MessageStore } from './message-store.ts';
import type { Action, Playing, Verb } from './script.ts';

/** One connection as the stand-in saw it. */
export interface SeenConnection {
  /** From 1. */
  readonly number: number;
  /** The other side's port. */
  readonly peerPort: number;
  readonly openedAt: string;
  closedAt: string | null;
  messages: number;
  tls: { readonly protocol: string; readonly cipher: string } | null;
  /** Commands in order, without what is in them; no more than the first thousands. */
  readonly verbs: string[];
}

export interface SessionContext {
  readonly playing: () => Playing;
  readonly store: MessageStore;
  readonly certificateFor: (name: string | undefined) => KeyPair;
  readonly hostname: string;
  readonly open: () => number;
  /** Told when the session ends the connection. */
  readonly onEnd: () => void;
  readonly seen: SeenConnection;
}

const EXTENSIONS = ['PIPELINING', '8BITMIME', 'SMTPUTF8', 'ENHANCEDSTATUSCODES'];
const PARAMETERS = new Set(['BODY', 'SIZE', 'SMTPUTF8']);
const DEFAULT_MAX_SIZE = 104_857_600;
const TOO_LARGE = '552 5.3.4 Message size exceeds the limit';
const MAX_LINE_BYTES = 65_536;
const MAX_VERBS_SEEN = 10_000;
const DRIP_MS = 20;

/** One SMTP dialogue: right by default, wrong where the script says so. */
export class SmtpSession {
  #socket: Socket;
  readonly #context: SessionContext;
  #input: Buffer = Buffer.alloc(0);
  #data: DataReader | undefined;
  #mail: { from: string; parameters: string } | undefined;
  #recipients: string[] = [];
  #greeted = false;
  #stalled = false;
  #busy = false;

  constructor(socket: Socket, context: SessionContext) {
    this.#socket = socket;
    this.#context = context;
    this.#listen();
    void this.#greet();
  }

  /** Ends the connection of its own accord. */
  drop(lastWords?: string): void {
    this.#end('close', lastWords);
    this.#socket.resume();
  }

  /** Takes no octet more; what was taken is handled yet. */
  pauseReading(): void {
    this.#socket.pause();
  }

  resumeReading(): void {
    this.#socket.resume();
  }

  #listen(): void {
    this.#socket.on('error', () => this.#socket.destroy());
    this.#socket.on('data', (chunk: Buffer) => {
      this.#input = Buffer.concat([this.#input, chunk]);
      void this.#work();
    });
  }

  async #greet(): Promise<void> {
    const { script } = this.#context.playing();
    const crowded = script.maxConnections !== undefined && this.#context.open() > script.maxConnections;
    if (crowded) return this.#end('close', '421 4.7.0 Too many connections');
    await this.#act('banner', () => this.#reply(`220 ${this.#context.hostname} ESMTP stand-in`));
  }

  async #work(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    while (!this.#stalled && this.#input.length > 0 && (await this.#step()));
    this.#busy = false;
  }

  /** Handles one command or one piece of a message; false when more must come first. */
  async #step(): Promise<boolean> {
    if (this.#data !== undefined) return this.#takeData(this.#data);
    const end = this.#input.indexOf('\r\n');
    if (end < 0 && this.#input.length > MAX_LINE_BYTES) this.#end('close', '500 5.5.2 Line too long');
    if (end < 0) return false;
    const line = this.#input.toString('utf8', 0, end);
    this.#input = this.#input.subarray(end + 2);
    await this.#command(line);
    return true;
  }

  async #takeData(reader: DataReader): Promise<boolean> {
    const chunk = this.#input;
    this.#input = Buffer.alloc(0);
    const ended = reader.add(chunk);
    const { atByte } = this.#context.playing().script;
    if (atByte !== undefined && reader.seen >= atByte.byte) {
      if ('end' in atByte) this.#end(atByte.end);
      else this.#replyEarly(atByte.reply);
      return false;
    }
    if (ended === undefined) return false;
    this.#input = ended.rest;
    this.#data = undefined;
    await this.#finalDot(ended.message);
    return true;
  }

  async #finalDot(message: Buffer | 'too-large'): Promise<void> {
    const keep = (): number => {
      if (message === 'too-large') return 0;
      const { seen, store } = this.#context;
      const { from = '', parameters = '' } = this.#mail ?? {};
      seen.messages += 1;
      return store.add(
        {
          mailFrom: from,
          rcptTo: this.#recipients,
          mailParameters: parameters,
          tls: seen.tls,
          connection: seen.number,
        },
        message,
      );
    };
    const answer = (): void =>
      this.#reply(message === 'too-large' ? TOO_LARGE : `250 2.0.0 Ok: queued as ${keep()}`);
    await this.#act('final-dot', answer, keep);
    this.#forget();
  }

  #forget(): void {
    this.#mail = undefined;
    this.#recipients = [];
  }

  /** As offered: 0 is no limit (RFC 1870 §4). */
  #offeredSize(): number {
    return this.#context.playing().script.maxSizeBytes ?? DEFAULT_MAX_SIZE;
  }

  #maxSizeBytes(): number {
    return this.#offeredSize() || Number.POSITIVE_INFINITY;
  }

  async #command(line: string): Promise<void> {
    const verb = line.split(/[ :]/)[0]?.toUpperCase() ?? '';
    if (this.#context.seen.verbs.length < MAX_VERBS_SEEN) this.#context.seen.verbs.push(verb);
    switch (verb) {
      case 'EHLO':
      case 'HELO':
        this.#greeted = true;
        this.#forget();
        return this.#act('ehlo', () =>
          this.#reply(...(verb === 'EHLO' ? this.#greeting() : [`250 ${this.#context.hostname}`])),
        );
      case 'STARTTLS':
        return this.#startTls();
      case 'MAIL':
        return this.#act('mail', () => this.#onMail(line));
      case 'RCPT':
        return this.#act('rcpt', () => this.#onRcpt(line));
      case 'DATA':
        return this.#act('data', () => this.#onData());
      case 'RSET':
        return this.#act('rset', () => {
          this.#forget();
          this.#reply('250 2.0.0 Ok');
        });
      case 'NOOP':
        return this.#reply('250 2.0.0 Ok');
      case 'VRFY':
        return this.#reply('252 2.1.5 Send some mail, it will be tried');
      case 'QUIT':
        return this.#act('quit', () => this.#end('close', '221 2.0.0 Bye'));
      default:
        return this.#reply('500 5.5.2 Command not recognized');
    }
  }

  /** The extensions that are offered, with their parameters. */
  #offered(): string[] {
    const { script } = this.#context.playing();
    const without = new Set(script.without ?? []);
    const offered = [...EXTENSIONS, `SIZE ${this.#offeredSize()}`];
    if (this.#context.seen.tls === null && script.tls !== 'none') offered.push('STARTTLS');
    return offered.filter((name) => !without.has(name.split(' ')[0] ?? ''));
  }

  #greeting(): string[] {
    const lines = [this.#context.hostname, ...this.#offered()];
    return lines.map((text, index) => `250${index < lines.length - 1 ? '-' : ' '}${text}`);
  }

  #onMail(line: string): void {
    const { seen, playing } = this.#context;
    const { script } = playing();
    const match = /^MAIL FROM:\s*<([^>]*)>\s*(.*)$/i.exec(line);
    if (script.messagesPerConnection !== undefined && seen.messages >= script.messagesPerConnection) {
      this.#end('close', '421 4.7.0 Enough for one connection');
    } else if (seen.tls === null) this.#reply('530 5.7.0 Must issue a STARTTLS command first');
    else if (!this.#greeted) this.#reply('503 5.5.1 Say EHLO first');
    else if (this.#mail !== undefined) this.#reply('503 5.5.1 Nested MAIL command');
    else if (match === null) this.#reply('501 5.5.4 Syntax: MAIL FROM:<address>');
    else {
      const refusal = this.#refusalOf(match[2] ?? '');
      if (refusal === undefined) this.#mail = { from: match[1] ?? '', parameters: match[2] ?? '' };
      this.#reply(refusal ?? '250 2.1.0 Ok');
    }
  }

  /** What is wrong with the parameters of MAIL: what was not offered, and a size that is too much (RFC 1870 §6.1). */
  #refusalOf(parameters: string): string | undefined {
    const offered = new Set(this.#offered().map((name) => name.split(' ')[0] ?? ''));
    for (const parameter of parameters.split(' ').filter((text) => text !== '')) {
      const [name = '', value = ''] = parameter.toUpperCase().split('=');
      const extension = name === 'BODY' ? '8BITMIME' : name;
      if (!PARAMETERS.has(name) || !offered.has(extension)) return '555 5.5.4 Unsupported option';
      if (name === 'SIZE' && Number(value) > this.#maxSizeBytes()) return TOO_LARGE;
    }
    return undefined;
  }

  #onRcpt(line: string): void {
    const match = /^RCPT TO:\s*<([^>]+)>/i.exec(line);
    if (this.#mail === undefined) this.#reply('503 5.5.1 Need MAIL first');
    else if (match === null) this.#reply('501 5.5.4 Syntax: RCPT TO:<address>');
    else {
      this.#recipients.push(match[1] ?? '');
      this.#reply('250 2.1.5 Ok');
    }
  }

  #onData(): void {
    if (this.#recipients.length === 0) this.#reply('503 5.5.1 Need RCPT first');
    else {
      this.#data = createDataReader(this.#maxSizeBytes());
      this.#reply('354 End data with <CR><LF>.<CR><LF>');
    }
  }

  async #startTls(): Promise<void> {
    const mode = this.#context.playing().script.tls ?? 'normal';
    if (this.#context.seen.tls !== null) return this.#reply('503 5.5.1 TLS is already active');
    if (mode === 'none') return this.#reply('502 5.5.1 Not implemented');
    if (mode === 'refuse') return this.#reply('454 4.7.0 TLS not available');
    await this.#act('starttls', () => {
      this.#socket.write('220 2.0.0 Ready to start TLS\r\n');
      if (mode === 'garbage') this.#answerWithGarbage();
      else if (mode === 'hang') this.#end('stall');
      else if (mode === 'reset') this.#end('reset');
      else this.#upgrade(mode);
    });
  }

  /** Only once the handshake has begun: what comes before it a client must forget. */
  #answerWithGarbage(): void {
    this.#socket.removeAllListeners('data');
    this.#socket.on('data', () => this.#socket.write('this is no handshake\r\n'));
  }

  #upgrade(mode: 'normal' | 'old' | 'client-certificate'): void {
    const { playing, certificateFor, seen } = this.#context;
    const { script } = playing();
    const old = mode === 'old';
    // What was sent in clear text is forgotten, also what stands behind STARTTLS (RFC 3207 §4.2, §6).
    this.#greeted = false;
    this.#input = Buffer.alloc(0);
    this.#socket.removeAllListeners('data');
    const secured = new TLSSocket(this.#socket, {
      isServer: true,
      secureContext: createSecureContext({
        ...certificateFor(script.certificate),
        minVersion: old ? 'TLSv1.1' : 'TLSv1.2',
        maxVersion: old ? 'TLSv1.1' : (script.maxTlsVersion ?? 'TLSv1.3'),
        ...(old ? { ciphers: 'DEFAULT@SECLEVEL=0' } : {}),
      }),
      requestCert: mode === 'client-certificate',
      rejectUnauthorized: mode === 'client-certificate',
    });
    const plain = this.#socket;
    secured.on('error', () => plain.destroy());
    secured.once('secure', () => {
      if (mode === 'client-certificate' && !secured.authorized) plain.destroy();
      seen.tls = { protocol: secured.getProtocol() ?? '', cipher: secured.getCipher().name };
    });
    this.#socket = secured;
    this.#listen();
  }

  /** Does what the script has for this occurrence, else what is right. */
  async #act(verb: Verb, right: () => void, keep?: () => void): Promise<void> {
    const action: Action | undefined = this.#context.playing().next(verb);
    if (action === undefined) right();
    else if ('reply' in action) this.#reply(action.reply);
    else if ('replyAndClose' in action) this.#end('close', action.replyAndClose);
    else if ('end' in action) this.#end(action.end);
    else if ('takeAnd' in action) {
      keep?.();
      this.#end(action.takeAnd);
    } else if ('drip' in action) this.#drip(action.drip);
    else {
      await new Promise((resolve) => setTimeout(resolve, action.delayMs));
      if (!this.#socket.destroyed) right();
    }
  }

  #reply(...lines: readonly string[]): void {
    if (!this.#socket.destroyed) this.#socket.write(`${lines.join('\r\n')}\r\n`);
  }

  #drip(text: string): void {
    this.#stalled = true;
    const socket = this.#socket;
    const timer = setInterval(() => (socket.destroyed ? clearInterval(timer) : socket.write(text)), DRIP_MS);
  }

  /** Answers in the midst of a message, once, and takes in the rest without a word. */
  #replyEarly(reply: string): void {
    this.#stalled = true;
    this.#reply(reply);
  }

  #end(how: 'close' | 'reset' | 'stall', lastWords?: string): void {
    this.#stalled = true;
    if (how === 'stall') return;
    this.#context.onEnd();
    if (how === 'reset') {
      const raw = this.#socket instanceof TLSSocket ? rawSocket(this.#socket) : this.#socket;
      raw.resetAndDestroy();
      return;
    }
    this.#socket.end(lastWords === undefined ? '' : `${lastWords}\r\n`);
  }
}

/** The TCP socket below, which alone can be reset. */
const rawSocket = (socket: TLSSocket): Socket => (socket as unknown as { readonly _parent: Socket })._parent;
