import { connect, type Socket } from 'node:net';
import type { ConnectionEnds, DeliveryFailure } from '@tdc/core';
import { NETWORK_TEXT, networkReason } from './to-delivery-failure.ts';

export type ConnectResult =
  | { readonly kind: 'connected'; readonly socket: Socket; readonly ends: ConnectionEnds }
  | { readonly kind: 'failed'; readonly failure: Extract<DeliveryFailure, { kind: 'network' }> };

export interface ConnectTarget {
  readonly address: string;
  readonly port: number;
  readonly timeoutMs: number;
}

/** An IPv4 address that came in IPv6 clothes. */
const plain = (address: string | undefined): string => (address ?? '').replace(/^::ffff:/, '');

function failureOf(code: string): Extract<DeliveryFailure, { kind: 'network' }> {
  const reason = networkReason(code);
  return { kind: 'network', reason, detail: NETWORK_TEXT[reason] };
}

/** Opens a TCP connection to one address; settles once, whatever the socket does afterwards. */
export function connectSocket(
  { address, port, timeoutMs }: ConnectTarget,
  signal: AbortSignal,
): Promise<ConnectResult> {
  if (signal.aborted) return Promise.resolve({ kind: 'failed', failure: failureOf('ETIMEDOUT') });
  return new Promise((resolve) => {
    const socket = connect({ host: address, port, noDelay: true, keepAlive: true });
    const settle = (result: ConnectResult): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      socket.off('error', onError);
      if (result.kind === 'failed') socket.on('error', () => undefined).destroy();
      resolve(result);
    };
    const fail = (code: string): void => settle({ kind: 'failed', failure: failureOf(code) });
    const onError = (error: NodeJS.ErrnoException): void => fail(error.code ?? '');
    const onAbort = (): void => fail('ETIMEDOUT');
    const timer = setTimeout(onAbort, timeoutMs);
    socket.once('error', onError);
    signal.addEventListener('abort', onAbort);
    socket.once('connect', () => {
      const ends = {
        localAddress: plain(socket.localAddress),
        peerAddress: plain(socket.remoteAddress),
        port,
      };
      settle({ kind: 'connected', socket, ends });
    });
  });
}
