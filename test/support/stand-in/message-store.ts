import { createHash } from 'node:crypto';

/** One message as the stand-in took it. */
export interface ReceivedMessage {
  readonly id: number;
  readonly mailFrom: string;
  readonly rcptTo: readonly string[];
  /** Parameters of MAIL, `BODY=8BITMIME SIZE=…`. */
  readonly mailParameters: string;
  readonly tls: { readonly protocol: string; readonly cipher: string } | null;
  /** ISO 8601. */
  readonly receivedAt: string;
  readonly size: number;
  readonly sha256: string;
  /** Number of the connection, from 1. */
  readonly connection: number;
}

export interface MessageStore {
  add(message: Omit<ReceivedMessage, 'id' | 'receivedAt' | 'size' | 'sha256'>, octets: Buffer): void;
  readonly messages: readonly ReceivedMessage[];
  /** The octets as received, dots unstuffed; undefined when unknown or no longer kept. */
  octets(id: number): Buffer | undefined;
  clear(): void;
}

/** Beyond this only the descriptions of messages are kept. */
const MAX_KEPT_BYTES = 512 * 1024 * 1024;

export function createMessageStore(): MessageStore {
  const messages: ReceivedMessage[] = [];
  const bodies = new Map<number, Buffer>();
  let keptBytes = 0;
  return {
    messages,
    add(message, octets) {
      const id = messages.length + 1;
      const sha256 = createHash('sha256').update(octets).digest('hex');
      messages.push({ ...message, id, receivedAt: new Date().toISOString(), size: octets.length, sha256 });
      bodies.set(id, octets);
      keptBytes += octets.length;
      for (const [oldest, body] of bodies) {
        if (keptBytes <= MAX_KEPT_BYTES) break;
        bodies.delete(oldest);
        keptBytes -= body.length;
      }
    },
    octets: (id) => bodies.get(id),
    clear() {
      messages.length = 0;
      bodies.clear();
      keptBytes = 0;
    },
  };
}
