import type { Socket } from 'node:net';
import { type Icid, isInNetworks } from '@tdc/core';
import type { SMTPServer, SMTPServerAddress } from 'smtp-server';
import { SMTPConnection } from 'smtp-server/lib/smtp-connection.js';
import {
  readEnvelopeCommand,
  readPlainMail,
  readPlainRecipient,
  withAsciiDomain,
} from '../envelope-command.ts';
import type { Peer } from '../ports.ts';
import { FAILED, type Reply, SESSION_USED_UP, SHUTTING_DOWN, TOO_SLOW } from '../replies.ts';
import { SessionShare } from '../session-share.ts';
import type { ListenerOptions, Receiver } from '../smtp-listener.ts';
import type { MessageBody } from './message-body.ts';
import { type InputOwner, SessionInput } from './session-input.ts';

export const ALWAYS_DISABLED = ['AUTH', 'VRFY', 'HELP', 'WIZ', 'SHELL', 'KILL'];
/** From strangers these do not exist either. */
const FORWARDING = ['XCLIENT', 'XFORWARD'];

/** A placeholder that the library finds no fault with. */
const ANY_ADDRESS = 'anybody@invalid';

const CONTROL = /[\u0000-\u001f\u007f-\u009f]/g;

const wholeLineOf = (reply: Reply): string => `${reply.code} ${lineOf(reply)}`;
export const lineOf = ({ status, text }: Reply): string => `${status} ${text}`;
/** How a line begins that has its own enhanced status code; the library knows one code for each reply code alone. */
const OWN_STATUS = /^[245]\.\d{1,3}\.\d{1,3} /;

const forwarded = (value: string | number | false | undefined): string | undefined =>
  typeof value === 'string' && value !== '' ? value : undefined;

/** SIZE as it was announced (RFC 1870); what is no number was refused at MAIL. */
function declaredBytesOf(mailFrom: SMTPServerAddress | false): number | undefined {
  const args = mailFrom !== false && mailFrom.args;
  return (args && Number((args as Readonly<Record<string, unknown>>)['SIZE'])) || undefined;
}

/** What is known of a client before it says a word, such as from a PROXY header. */
export type Details = NonNullable<ConstructorParameters<typeof SMTPConnection>[2]> & { readonly id: string };

/** A message that was begun. */
interface Transfer {
  readonly body: MessageBody;
  /** All of it is in: from here on the client waits for us. */
  isIn: boolean;
  /** What its receiver says. */
  reply: Reply | undefined;
}

/**
 * One SMTP or LMTP session (ICID): the library's connection, which knows the commands, with our status codes, addresses as
 * they were sent, and our own way with messages.
 */
export class Session extends SMTPConnection implements InputOwner {
  declare _parser: SessionInput | false;
  readonly #options: ListenerOptions;
  readonly #receiver: Receiver;
  readonly #share: SessionShare;
  /** The proxy that the client came through. */
  readonly #proxy: string | undefined;
  /** Of the connection, whatever is forwarded. */
  readonly #address: string;
  /** Its client is one of the gateways. */
  readonly #trusted: boolean;
  #icid: Icid | undefined;
  #unsent = '';
  #progress: NodeJS.Timeout | undefined;
  #transfer: Transfer | undefined;

  constructor(
    server: SMTPServer,
    socket: Socket,
    details: Details,
    options: ListenerOptions,
    receiver: Receiver,
  ) {
    super(server, socket, details);
    this.#options = options;
    this.#receiver = receiver;
    this.#share = new SessionShare(options);
    this.#proxy = details.remoteAddress === undefined ? undefined : socket.remoteAddress;
    this.#address = this.remoteAddress;
    this.#trusted = isInNetworks(this.remoteAddress, options.trustedPeers);
  }

  /** The library lets everybody wait 0.1 s for the greeting, and turns away who talks before it. A gateway need not wait. */
  override init(): void {
    const isFull = this._server.connections.size > this.#options.maxConnections;
    if (this.#trusted && !isFull) this._setListeners(() => this.connectionReady());
    else super.init();
  }

  /** The session begins: the client is about to be greeted. */
  begin(): void {
    if (!this.#trusted) this.session.disabledCommands = [...ALWAYS_DISABLED, ...FORWARDING];
    this.#icid = this.#receiver.connected(this.#address, this.#proxy);
    this.#expectProgress();
  }

  /** Goes on under TLS: nothing that was said in clear text is known any more (RFC 3207 §4.2). */
  secured(): void {
    this.session.xClient.clear();
    this.session.xForward.clear();
    this.#receiver.secured();
  }

  /** A reason to refuse the transaction; undefined when it has begun. */
  beginTransaction(): Reply | undefined {
    const refusal = this.#receiver.refuseMail(this.secure);
    if (refusal === undefined) this.#expectProgress();
    return refusal;
  }

  /** The library merges equal recipients, but in LMTP each accepted RCPT gets its own reply in the end (RFC 2033 §4.2). */
  beginRecipient(): void {
    if (this.#options.lmtp) this._rcptIndex.clear();
  }

  /** The server closes: who is idle is told so, who is within a transaction when it is over. */
  shutDown(): void {
    if (!this.session.envelope?.mailFrom && !this._upgrading) this.#dismiss(SHUTTING_DOWN);
  }

  /** The connection is gone. */
  ended(): void {
    clearTimeout(this.#progress);
    this.#share.stop();
    if (this.#icid !== undefined) this.#receiver.closed();
  }

  override _createParser(): SessionInput {
    return new SessionInput(this);
  }

  override send(code: number, data?: string | string[] | null, context?: string | false): void {
    if (code === 421 && !this._ready) this.#receiver.turnedAway();
    if (code === 552 && this.session.envelope.mailFrom === false) this.#receiver.tooLargeAnnounced();
    const lines = Array.isArray(data) ? data : [data ?? ''];
    for (const [index, line] of lines.entries()) {
      const status = OWN_STATUS.test(line) ? '' : this._getEnhancedStatusCode(code, context);
      const separator = index < lines.length - 1 ? '-' : ' ';
      this.#say(`${code}${separator}${status}${status && ' '}${line.replace(CONTROL, ' ')}`);
    }
    if (this._parser === false || !this._parser.isWorking) this.#flush();
    if (code === 421) this.close();
  }

  /** One line of a reply, which goes out with all others that one packet brings about. */
  #say(line: string): void {
    // Within a handshake it would go out in clear text.
    if (!this._upgrading) this.#unsent += `${line}\r\n`;
  }

  #flush(): void {
    const text = this.#unsent;
    this.#unsent = '';
    if (text !== '' && this._socket.readyState === 'open') this._socket.write(text);
  }

  override upgrade(...args: Parameters<SMTPConnection['upgrade']>): void {
    this.#flush();
    super.upgrade(...args);
  }

  onCommand(line: string, next: () => void): void {
    // Between two transactions alone. Postfix looks with RSET whether a kept session still lives: told there, it opens
    // another at once, and no message has to wait.
    const isIdle = this._ready && !this._upgrading && this.session.envelope.mailFrom === false;
    if (this.#share.isUsedUp && isIdle && !/^QUIT\b/i.test(line)) this.#dismiss(SESSION_USED_UP);
    else if (this.#tryPlain(line)) next();
    else this._onCommand(Buffer.from(line, 'latin1'), next);
  }

  /** Does what clients ask for most. Not where something is out of the ordinary: then the library looks at it. */
  #tryPlain(line: string): boolean {
    if (!this._ready || this._upgrading || this._server._closeTimeout !== false) return false;
    switch (line.length === 4 || line[4] === ' ' ? line.slice(0, 4).toUpperCase() : '') {
      case 'MAIL':
        return this.#tryMail(line);
      case 'RCPT':
        return this.#tryRecipient(line);
      case 'DATA':
        return this.#tryData();
      case 'RSET':
        this._resetSession();
        this.#say('250 2.0.0 Flushed');
        return true;
      case 'NOOP':
        this.#say('250 2.0.0 OK');
        return true;
      default:
        return false;
    }
  }

  #tryMail(line: string): boolean {
    const { envelope } = this.session;
    if (!this.hostNameAppearsAs || envelope.mailFrom !== false) return false;
    const mail = readPlainMail(line);
    if (mail === undefined || mail.announcedBytes > this.#options.maxMessageBytes) return false;
    const refusal = this.beginTransaction();
    if (refusal === undefined) {
      const args = mail.announcedBytes > 0 ? { SIZE: String(mail.announcedBytes) } : false;
      envelope.mailFrom = { address: mail.address, args };
      envelope.smtpUtf8 = mail.smtpUtf8;
    }
    this.#say(refusal === undefined ? '250 2.1.0 Accepted' : wholeLineOf(refusal));
    return true;
  }

  #tryRecipient(line: string): boolean {
    const { mailFrom, rcptTo } = this.session.envelope;
    if (mailFrom === false || rcptTo.length >= this.#options.maxRecipients) return false;
    const address = readPlainRecipient(line);
    if (address === undefined) return false;
    this.beginRecipient();
    const key = address.toLowerCase();
    const index = this._rcptIndex.get(key) ?? rcptTo.length;
    rcptTo[index] = { address, args: false };
    this._rcptIndex.set(key, index);
    this.#say('250 2.1.5 Accepted');
    return true;
  }

  #tryData(): boolean {
    if (this._parser === false || this.session.envelope.rcptTo.length === 0) return false;
    this.#receive(this._parser.beginMessage());
    return true;
  }

  onLineTooLong(): void {
    this.send(421, 'Error: Command line too long');
  }

  onWorkedOff(next: () => void): void {
    this.#flush();
    this._whenWritable(next);
  }

  override _parseAddressCommand(
    name: string,
    command: Buffer | string,
  ): ReturnType<SMTPConnection['_parseAddressCommand']> {
    const read = readEnvelopeCommand(command.toString());
    if (read === 'unacceptable') return false;
    const line = read === 'none' ? command : `${read.verb}<${ANY_ADDRESS}>${read.parameters}`;
    const parsed = super._parseAddressCommand(name, line);
    return parsed && { ...parsed, address: read === 'none' ? withAsciiDomain(parsed.address) : read.address };
  }

  /** Reached without recipients, or behind a mistake: else it is a plain command. */
  override handler_DATA(_command: Buffer, callback: () => void): void {
    this.send(503, 'Error: need RCPT command');
    callback();
  }

  #receive(body: MessageBody): void {
    const { mailFrom, rcptTo, smtpUtf8 = false } = this.session.envelope;
    const transfer: Transfer = { body, isIn: false, reply: undefined };
    this.#transfer = transfer;
    const received = this.#receiver.receive({
      icid: this.#icid ?? (0 as Icid),
      peer: this.#peer(),
      sender: mailFrom === false ? '' : mailFrom.address,
      recipients: rcptTo.map(({ address }) => address),
      smtpUtf8,
      declaredBytes: declaredBytesOf(mailFrom),
      body,
      tooLarge: () => this.#isTooLarge(body),
      whenGone: (tell) => body.whenFailed(tell),
    });
    void received.then((reply) => {
      transfer.reply = reply;
      // What is left of it is nobody's: the answer is due where it ends.
      body.drop();
      if (transfer.isIn) this.#finish(transfer);
    });
    this.#say('354 End data with <CR><LF>.<CR><LF>');
  }

  onMessageIn(): void {
    const transfer = this.#transfer;
    if (transfer === undefined) return;
    transfer.isIn = true;
    this._handlerPending = true;
    if (transfer.reply !== undefined) this.#finish(transfer);
  }

  #peer(): Peer {
    const { xClient, xForward, user } = this.session;
    if (!this.#trusted)
      return { address: this.#address, trusted: false, forwardedAddress: undefined, login: false };
    return {
      address: this.#address,
      trusted: true,
      forwardedAddress: forwarded(xClient.get('ADDR')) ?? forwarded(xForward.get('ADDR')),
      login: typeof user === 'string' && user !== '',
    };
  }

  #isTooLarge({ receivedBytes }: MessageBody): boolean {
    return receivedBytes > this.#options.maxMessageBytes;
  }

  /** The message is in, and was judged: in LMTP all recipients share one fate, told for each (RFC 2033 §4.2). */
  #finish({ body, reply = FAILED }: Transfer): void {
    this.#transfer = undefined;
    this._handlerPending = false;
    const line = this.#isTooLarge(body) ? this.#tooLargeLine() : wholeLineOf(reply);
    const replies = this.#options.lmtp ? this.session.envelope.rcptTo.length : 1;
    for (let n = 0; n < replies; n += 1) this.#say(line);
    this._unrecognizedCommands = 0;
    this._resetSession();
    this.#share.countMessage();
    this.#expectProgress();
    if (this._server._closeTimeout !== false) this.#dismiss(SHUTTING_DOWN);
    if (this._parser !== false) this._parser.continue();
  }

  #tooLargeLine(): string {
    return `552 5.3.4 Error: message exceeds fixed maximum message size ${this.#options.maxMessageBytes}`;
  }

  /**
   * A client that sends an octet a minute never idles: what it began, or did not begin, has a limit too. It does not run
   * while a message is in and not answered: then the client waits for us.
   */
  #expectProgress(): void {
    const limitMs = this.#options.transactionSeconds * 1000;
    if (this.#progress === undefined) this.#progress = setTimeout(() => this.#onTooSlow(), limitMs).unref();
    else this.#progress.refresh();
  }

  #onTooSlow(): void {
    if (this.#transfer?.isIn === true) this.#expectProgress();
    else this.#dismiss(TOO_SLOW);
  }

  #dismiss(reply: Reply): void {
    this.send(reply.code, lineOf(reply));
  }

  override close(): void {
    this.#flush();
    super.close();
    this.#abandon();
  }

  override _onClose(): void {
    super._onClose();
    this.#abandon();
  }

  #abandon(): void {
    this.#transfer?.body.fail(new Error('the client went away before the end of its message'));
  }
}
