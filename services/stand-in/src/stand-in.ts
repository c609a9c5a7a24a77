import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import type { StandInCertificates } from './certificate-folder.ts';
import { createMessageStore, dropOldest, type MessageStore, type ReceivedMessage } from './message-store.ts';
import { type Playing, play, type Script } from './script.ts';
import { type SeenConnection, SmtpSession } from './smtp-session.ts';

/** A message intake of one's own: takes copies over SMTP with TLS, shows them, and misbehaves as told. */
export interface StandIn {
  readonly host: string;
  readonly port: number;
  /** Messages taken, oldest first. */
  readonly messages: readonly ReceivedMessage[];
  octets(id: number): Buffer | undefined;
  /** Connections seen, oldest first; of very many only the newest. */
  readonly connections: readonly SeenConnection[];
  /** Connections open at the moment. */
  readonly open: number;
  /** The most that were ever open at once, without those that the stand-in had ended and the client not yet seen to. */
  readonly mostOpen: number;
  /** Plays this from now on; `{}` does everything right. Throws when it names a certificate that there is not. */
  script(script: Script): void;
  /** Forgets messages and connections. */
  clear(): void;
  /** Ends every connection that is open, with these last words where they are given. */
  dropConnections(lastWords?: string): void;
  /** Takes no octet more from the connections that are open. */
  pauseReading(): void;
  /** Takes octets again. */
  resumeReading(): void;
  /** Stops listening and cuts every connection. */
  close(): Promise<void>;
}

export interface StandInOptions {
  readonly host?: string;
  readonly port?: number;
  readonly hostname?: string;
  /** By name; the script chooses, `default` is shown otherwise. */
  readonly certificates: StandInCertificates;
  readonly script?: Script;
}

const MAX_CONNECTIONS_SEEN = 10_000;

/** Starts one on a free port, or the given one; rejects when it cannot listen there. */
export async function startStandIn(options: StandInOptions): Promise<StandIn> {
  const { host = '127.0.0.1', hostname = 'mx.setd.example', certificates } = options;
  const store: MessageStore = createMessageStore();
  const connections: SeenConnection[] = [];
  const sockets = new Set<Socket>();
  const sessions = new Map<Socket, SmtpSession>();
  /** Open, and not ended by the stand-in itself: what a server would hold against a limit. */
  const held = new Set<Socket>();
  let playing: Playing = play(options.script ?? {});
  let mostOpen = 0;
  let total = 0;
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    total += 1;
    held.add(socket);
    mostOpen = Math.max(mostOpen, held.size);
    const seen: SeenConnection = {
      number: total,
      peerPort: socket.remotePort ?? 0,
      openedAt: new Date().toISOString(),
      closedAt: null,
      messages: 0,
      tls: null,
      verbs: [],
    };
    connections.push(seen);
    dropOldest(connections, MAX_CONNECTIONS_SEEN);
    socket.on('close', () => {
      sockets.delete(socket);
      sessions.delete(socket);
      held.delete(socket);
      seen.closedAt = new Date().toISOString();
    });
    const session = new SmtpSession(socket, {
      playing: () => playing,
      store,
      certificateFor: (name) => certificates[name ?? 'default'] ?? certificates.default,
      hostname,
      open: () => sockets.size,
      onEnd: () => void held.delete(socket),
      seen,
    });
    sessions.set(socket, session);
  });
  server.listen(options.port ?? 0, host);
  await once(server, 'listening');
  return {
    host,
    port: (server.address() as AddressInfo).port,
    messages: store.messages,
    octets: (id) => store.octets(id),
    connections,
    get open() {
      return sockets.size;
    },
    get mostOpen() {
      return mostOpen;
    },
    script(script) {
      if (script.certificate !== undefined && certificates[script.certificate] === undefined)
        throw new Error(`there is no certificate ${script.certificate}`);
      playing = play(script);
    },
    clear() {
      store.clear();
      connections.length = 0;
      mostOpen = held.size;
    },
    dropConnections(lastWords) {
      for (const session of sessions.values()) session.drop(lastWords);
    },
    pauseReading() {
      for (const session of sessions.values()) session.pauseReading();
    },
    resumeReading() {
      for (const session of sessions.values()) session.resumeReading();
    },
    async close() {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
