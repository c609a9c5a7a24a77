import type { Readable } from 'node:stream';
import SMTPConnection from 'nodemailer/lib/smtp-connection';

/** What the library keeps to itself and we must know; the version is pinned and a test looks at each. */
interface Internals {
  _supportedExtensions: string[];
  _maxAllowedSize: number;
  _currentDataStream: Readable | false;
  _sendCommand(command: string, logged?: string): void;
}

/** What is waited for while a connection is set up. `securing` is from `STARTTLS` to the end of the handshake. */
export type SetupPhase = 'banner' | 'ehlo' | 'securing';

/**
 * The SMTP client library with what it lacks: SMTPUTF8 for a message whose headers need it (the library adds the keyword
 * for addresses alone, RFC 6531 §3.4), the phases of setting up, and the moment at which a message has left.
 */
export class JournalSmtpConnection extends SMTPConnection {
  asksForSmtpUtf8 = false;
  onSetupPhase: (phase: SetupPhase) => void = () => undefined;
  #securingBegun = false;

  constructor(options: SMTPConnection.Options) {
    super(options);
    const internals = this.#internals;
    const sendCommand = internals._sendCommand.bind(this);
    internals._sendCommand = (command, logged) => {
      this.#note(command);
      sendCommand(this.#withKeywords(command), logged);
    };
  }

  /** Between `STARTTLS` and the end of the handshake: every failure is TLS's (spec §5). */
  get isSecuring(): boolean {
    return this.#securingBegun && !this.secure;
  }

  /** What the peer offers behind TLS. */
  get extensions(): readonly string[] {
    return this.#internals._supportedExtensions;
  }

  /** The peer's limit; 0 when it told none. */
  get maxSizeBytes(): number {
    return Number(this.#internals._maxAllowedSize) || 0;
  }

  /** Calls back when the message under way was handed to the socket as a whole, its final dot included. */
  onceMessageOut(listener: () => void): void {
    const stream = this.#internals._currentDataStream;
    if (stream !== false) stream.once('end', listener);
  }

  get #internals(): Internals {
    return this as unknown as Internals;
  }

  #note(command: string): void {
    if (command === 'STARTTLS') {
      this.#securingBegun = true;
      this.onSetupPhase('securing');
    } else if (command.startsWith('EHLO ')) this.onSetupPhase('ehlo');
  }

  #withKeywords(command: string): string {
    const lacksKeyword =
      this.asksForSmtpUtf8 && command.startsWith('MAIL FROM:') && !command.includes(' SMTPUTF8');
    return lacksKeyword ? `${command} SMTPUTF8` : command;
  }
}
