import type { Socket } from 'node:net';
import { type SecureContext, TLSSocket } from 'node:tls';
import { createMessageScanner, type MessageScanner } from './message-scanner.ts';

/** What a session tells of itself. */
export interface SinkEvents {
  message(message: { readonly head: string; readonly octets: number; readonly secure: boolean }): void;
  closed(): void;
}

export interface SinkSessionOptions {
  readonly context: SecureContext;
  readonly events: SinkEvents;
  /** Milliseconds by which every reply is late, asked anew for each. */
  readonly roundTripMs: () => number;
}

const QUIT_GRACE_MS = 1000;

/**
 * One SMTP session that takes everything: no state is checked but the one that tells commands from message octets, so that
 * the sink costs as little as it can.
 */
export function serveSinkSession(raw: Socket, { context, events, roundTripMs }: SinkSessionOptions): void {
  let socket: Socket = raw;
  let secure = false;
  let line = '';
  let data: MessageScanner | undefined;

  const later = (act: () => void): void => {
    const delay = roundTripMs();
    if (delay === 0) act();
    else setTimeout(act, delay);
  };
  const reply = (text: string): void => {
    const to = socket;
    if (text !== '') later(() => to.writable && to.write(text));
  };
  const upgrade = (): void => {
    const secured = new TLSSocket(raw, { isServer: true, secureContext: context });
    secured.on('error', () => raw.destroy());
    secured.on('secure', () => {
      secure = true;
    });
    socket = secured;
    secured.on('data', feed);
  };
  const capabilities = (): string =>
    `250-sink.bench.example\r\n250-PIPELINING\r\n${secure ? '' : '250-STARTTLS\r\n'}250-8BITMIME\r\n250 SIZE 104857600\r\n`;
  /** The reply to a command; undefined for those that end the reading of commands. */
  const answer = (verb: string): string | undefined => {
    switch (verb) {
      case 'EHLO':
        return capabilities();
      case 'HELO':
      case 'MAIL':
      case 'RCPT':
      case 'RSET':
      case 'NOOP':
        return '250 2.0.0 Ok\r\n';
      case 'DATA':
      case 'STAR':
      case 'QUIT':
        return undefined;
      default:
        return '500 5.5.2 Unknown command\r\n';
    }
  };
  /** Message octets; answers what is left behind them. */
  const takeData = (scanner: MessageScanner, chunk: Buffer): Buffer | undefined => {
    const end = scanner.take(chunk);
    if (end === undefined) return undefined;
    events.message({ head: scanner.head(), octets: scanner.octets(), secure });
    data = undefined;
    return chunk.subarray(end);
  };
  const startTls = (replies: string): void => {
    raw.off('data', feed);
    line = '';
    later(() => {
      raw.write(`${replies}220 2.0.0 Go ahead\r\n`);
      upgrade();
    });
  };
  const quit = (replies: string): void => {
    reply(`${replies}221 2.0.0 Bye\r\n`);
    setTimeout(() => raw.destroy(), roundTripMs() + QUIT_GRACE_MS).unref();
    later(() => socket.end());
  };
  function feed(chunk: Buffer): void {
    let replies = '';
    let rest: Buffer | undefined = chunk;
    while (rest !== undefined && rest.length > 0) {
      if (data !== undefined) {
        rest = takeData(data, rest);
        if (data === undefined) replies += '250 2.0.0 Taken\r\n';
        continue;
      }
      const end = rest.indexOf(10);
      line += rest.toString('latin1', 0, end < 0 ? rest.length : end + 1);
      if (end < 0) break;
      rest = rest.subarray(end + 1);
      const verb = line.slice(0, 4).toUpperCase();
      line = '';
      const text = answer(verb);
      if (text !== undefined) replies += text;
      else if (verb !== 'DATA') {
        // What was sent behind either is not read.
        if (verb === 'STAR') startTls(replies);
        else quit(replies);
        return;
      } else {
        data = createMessageScanner();
        replies += '354 Go ahead\r\n';
      }
    }
    reply(replies);
  }
  raw.setNoDelay(true);
  raw.on('error', () => raw.destroy());
  raw.on('close', () => events.closed());
  raw.on('data', feed);
  reply('220 sink.bench.example ESMTP\r\n');
}
