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
  /** Keeps a message and answers its id, which counts from 1. */
  add(message: Omit<ReceivedMessage, 'id' | 'receivedAt' | 'size' | 'sha256'>, octets: Buffer): number;
  readonly messages: readonly ReceivedMessage[];
  /** The octets as received, dots unstuffed; undefined when unknown or no longer kept. */
  octets(id: number): Buffer | undefined;
  clear(): void;
}

/** What is kept at most; of what is older only the descriptions, and in the end not those. */
export interface StoreLimits {
  readonly bodies: number;
  readonly bodyBytes: number;
  readonly descriptions: number;
}

const LIMITS: StoreLimits = { bodies: 10_000, bodyBytes: 512 * 1024 * 1024, descriptions: 200_000 };

export function createMessageStore(limits: StoreLimits = LIMITS): MessageStore {
  let lastId = 0;
  const messages: ReceivedMessage[] = [];
  const bodies = new Map<number, Buffer>();
  let keptBytes = 0;
  return {
    messages,
    add(message, octets) {
      lastId += 1;
      const id = lastId;
      const sha256 = createHash('sha256').update(octets).digest('hex');
      messages.push({ ...message, id, receivedAt: new Date().toISOString(), size: octets.length, sha256 });
      bodies.set(id, octets);
      keptBytes += octets.length;
      for (const [oldest, body] of bodies) {
        if (bodies.size <= limits.bodies && keptBytes <= limits.bodyBytes) break;
        bodies.delete(oldest);
        keptBytes -= body.length;
      }
      dropOldest(messages, limits.descriptions);
      return id;
    },
    octets: (id) => bodies.get(id),
    clear() {
      lastId = 0;
      messages.length = 0;
      bodies.clear();
      keptBytes = 0;
    },
  };
}

/** Shortens a list that has outgrown its limit, by more than one, since that moves all others. */
export function dropOldest(list: unknown[], limit: number): void {
  if (list.length > limit) list.splice(0, list.length - limit + Math.floor(limit / 10));
}
