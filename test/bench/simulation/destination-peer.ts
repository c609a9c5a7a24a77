import type { ConnectionEnds } from '@tdc/core';
import type { OpenTo } from '../../../services/delivery/src/ports.ts';
import type {
  OutboundConnection,
  SendResult,
} from '../../../services/delivery/src/smtp/outbound-connection.ts';

/** How the message intake behaves; what it is at the moment counts. */
export interface PeerPace {
  /** From one answer to the next, on one connection. */
  secondsPerCopy: number;
  /** From the first packet to the EHLO behind TLS. */
  readonly setupSeconds: number;
}

/** A quick intake on the same continent. */
export const SETUP_SECONDS = 0.06;
const ENDS: ConnectionEnds = { localAddress: '192.0.2.1', peerAddress: '192.0.2.2', port: 25 };
const QUIT_MS = 20;
const pass = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));

/**
 * Opens connections to an intake that takes every copy. What time the envelope of the next copy saves is in its pace: no
 * copy is sent in front of its turn here. `sent` is called with each copy that it has taken.
 */
export function createPeer(pace: PeerPace, sent: () => void): OpenTo {
  return async () => {
    await pass(pace.setupSeconds * 1000);
    return { kind: 'open', connection: connectionTo(pace, sent) };
  };
}

function connectionTo(pace: PeerPace, sent: () => void): OutboundConnection {
  let usable = true;
  let closed: () => void = () => undefined;
  return {
    ends: ENDS,
    protocol: 'TLSv1.3',
    cipher: 'TLS_AES_256_GCM_SHA384',
    isUsable: () => usable,
    async send(message): Promise<SendResult> {
      await pass(pace.secondsPerCopy * 1000);
      message.onFinalDot();
      sent();
      return { kind: 'delivered', reply: { code: 250, text: 'ok' } };
    },
    onFree: () => undefined,
    onClosed(listener) {
      closed = listener;
    },
    quit() {
      usable = false;
      setTimeout(() => closed(), QUIT_MS);
    },
  };
}
