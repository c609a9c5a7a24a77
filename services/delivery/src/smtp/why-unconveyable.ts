import type { DeliveryFailure } from '@tdc/core';
import type { OutboundMessage } from './outbound-connection.ts';

/** What the peer told of itself in its answer to EHLO. */
export interface PeerLimits {
  readonly extensions: readonly string[];
  /** 0 when it told none. */
  readonly maxSizeBytes: number;
}

const QUOTED = /"(?:[^"\\]|\\.)*"/g;
/** What would end an address within a command, or the command itself. */
const UNSPEAKABLE = /[\u0000-\u001f\u007f<>]/;

/** Whether a command can hold the address and nothing else: one that ended early would have the rest read as more of it. */
const isSpeakable = (address: string): boolean =>
  !UNSPEAKABLE.test(address) && !address.replace(QUOTED, '').includes(' ');

/** What the peer lacks to take this copy as it is (spec §4: never altered silently); undefined when it lacks nothing. */
export function whyUnconveyable(
  message: Omit<OutboundMessage, 'content' | 'onFinalDot'>,
  { extensions, maxSizeBytes }: PeerLimits,
): Extract<DeliveryFailure, { kind: 'unconveyable' }> | undefined {
  if (message.eightBit && !extensions.includes('8BITMIME')) {
    const detail = 'the message is 8-bit, the server has no 8BITMIME';
    return { kind: 'unconveyable', reason: 'eight-bit', detail };
  }
  if (message.smtpUtf8 === 'needed' && !extensions.includes('SMTPUTF8')) {
    const detail = 'the message needs SMTPUTF8, the server has none';
    return { kind: 'unconveyable', reason: 'smtputf8', detail };
  }
  if (maxSizeBytes > 0 && message.sizeBytes > maxSizeBytes) {
    const detail = `the copy has ${message.sizeBytes} bytes, the server takes ${maxSizeBytes}`;
    return { kind: 'unconveyable', reason: 'size', detail };
  }
  const { sender, recipient } = message;
  if (recipient === '' || !isSpeakable(sender) || !isSpeakable(recipient)) {
    const detail = `no command can name ${JSON.stringify(sender)} and ${JSON.stringify(recipient)}`;
    return { kind: 'unconveyable', reason: 'address', detail };
  }
  return undefined;
}
