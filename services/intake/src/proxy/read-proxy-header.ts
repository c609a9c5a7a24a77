import type { Socket } from 'node:net';
import { isInNetworks, type Network } from '@tdc/core';
import { type ProxiedClient, type ProxyHeader, parseProxyHeader } from './proxy-header.ts';

const GONE = ['end', 'close', 'error'] as const;

/**
 * Why a connection behind a proxy is not taken. `gone`: it ended before an octet of it was read. That is how a health check
 * looks that connects, sends its header, and resets the connection at once: no fault of anybody's.
 */
export type ProxyRefusal = 'untrusted' | 'missing' | 'malformed' | 'late' | 'gone';

/** What a connection began with. */
export type ReadHeader =
  | { readonly kind: 'read'; readonly client: ProxiedClient | undefined }
  | { readonly kind: 'refused'; readonly reason: ProxyRefusal; readonly problem: string };

/** A proxy sends its header with the first packet; the specification asks for at least 3 s, for one that was lost. */
const HEADER_SECONDS = 5;

/**
 * Takes the PROXY header off the beginning of a connection from one of the proxies, and answers once. The octets behind it
 * are left in the socket for the next reader. A refused socket is destroyed, with nothing written to it.
 */
export function readProxyHeader(
  socket: Socket,
  proxies: readonly Network[],
  answer: (read: ReadHeader) => void,
  seconds: number = HEADER_SECONDS,
): void {
  const settle = (read: ReadHeader): void => {
    clearTimeout(deadline);
    socket.off('readable', onReadable);
    for (const event of GONE) socket.off(event, onGone);
    // Late errors of a refused socket are of no interest.
    if (read.kind === 'refused') socket.on('error', () => undefined).destroy();
    answer(read);
  };
  const refuse = (reason: ProxyRefusal, problem: string): void =>
    settle({ kind: 'refused', reason, problem });
  const taker = headerTaker(socket);
  const onReadable = (): void => {
    const header = taker.take();
    if (header.kind === 'invalid') refuse(header.reason, header.problem);
    if (header.kind === 'header') settle({ kind: 'read', client: header.client });
  };
  const onGone = (): void =>
    taker.hasBegun()
      ? refuse('missing', 'it ended before a PROXY header was complete')
      : refuse('gone', 'it ended before it began');
  const onLate = (): void => refuse('late', `no whole PROXY header came within ${seconds} s`);
  const deadline = setTimeout(onLate, seconds * 1000).unref();
  for (const event of GONE) socket.on(event, onGone);
  socket.on('readable', onReadable);
  const peer = socket.remoteAddress;
  // A connection that was reset already has no address any more.
  if (peer === undefined) onGone();
  else if (!isInNetworks(peer, proxies)) refuse('untrusted', 'its address is not in TDC_SMTP_PROXY_TRUSTED');
}

/** Takes what the socket has, until it is a header or none can come of it; what stands behind one is given back. */
function headerTaker(socket: Socket): { take(): ProxyHeader; hasBegun(): boolean } {
  let octets = Buffer.alloc(0);
  return {
    hasBegun: () => octets.length > 0,
    take() {
      for (let chunk: Buffer | null = socket.read(); chunk !== null; chunk = socket.read()) {
        octets = Buffer.concat([octets, chunk]);
        const header = parseProxyHeader(octets);
        if (header.kind === 'incomplete') continue;
        if (header.kind === 'header' && octets.length > header.length)
          socket.unshift(octets.subarray(header.length));
        return header;
      }
      return { kind: 'incomplete' };
    },
  };
}
