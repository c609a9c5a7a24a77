import type { TLSSocket } from 'node:tls';
import SMTPConnection from 'nodemailer/lib/smtp-connection';

type Listener = (...told: unknown[]) => void;

/** What the library keeps to itself and we must know; the version is pinned and a test looks at each. */
interface Internals {
  _supportedExtensions: string[];
  _maxAllowedSize: number;
  _sendCommand(command: string, logged?: string): void;
  _socket: TLSSocket | false;
  _destroyed: boolean;
  /** What came behind the reply in hand: replies, and the beginning of another. */
  _responseQueue: string[];
  _remainder: string;
  _clearPhase(): void;
  readonly _onSocketData: Listener;
  readonly _onSocketTimeout: Listener;
  readonly _onSocketClose: Listener;
  readonly _onSocketEnd: Listener;
  readonly _onSocketError: Listener;
}

/** What is waited for while a connection is set up. `securing` is from `STARTTLS` to the end of the handshake. */
export type SetupPhase = 'banner' | 'ehlo' | 'securing';

/** A socket that the library has secured and greeted, and has no more to do with. */
export interface ReleasedSocket {
  readonly socket: TLSSocket;
  /** Octets behind the answer to EHLO, which nobody has asked for. */
  readonly unread: Buffer;
}

/** The SMTP client library as far as it serves: greeting, STARTTLS and EHLO. It lacks the phases of setting up. */
export class JournalSmtpConnection extends SMTPConnection {
  onSetupPhase: (phase: SetupPhase) => void = () => undefined;
  #securingBegun = false;

  constructor(options: SMTPConnection.Options) {
    super(options);
    const internals = this.#internals;
    const sendCommand = internals._sendCommand.bind(this);
    internals._sendCommand = (command, logged) => {
      this.#note(command);
      sendCommand(command, logged);
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

  /** Hands the secured socket over, with nobody listening to it: the library reads and writes nothing any more. */
  release(): ReleasedSocket {
    const internals = this.#internals;
    const socket = internals._socket as TLSSocket;
    const unread = [...internals._responseQueue, internals._remainder].join('\n');
    internals._responseQueue = [];
    internals._remainder = '';
    internals._clearPhase();
    internals._socket = false;
    internals._destroyed = true;
    socket.setTimeout(0);
    socket.off('data', internals._onSocketData);
    socket.off('timeout', internals._onSocketTimeout);
    socket.off('close', internals._onSocketClose);
    socket.off('end', internals._onSocketEnd);
    socket.off('error', internals._onSocketError);
    return { socket, unread: Buffer.from(unread, 'latin1') };
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
}
