import { connect } from 'node:net';
import { waitUntil } from '../support/wait-until.ts';

const LISTEN_SECONDS = 30;

/** Waits until somebody takes connections at the port of this machine. */
export async function listens(port: number): Promise<void> {
  const tryOnce = (): Promise<boolean> =>
    new Promise((resolve) => {
      const socket = connect(port, '127.0.0.1');
      socket.once('connect', () => {
        socket.destroy();
        resolve(true);
      });
      socket.once('error', () => resolve(false));
    });
  await waitUntil(tryOnce, { withinSeconds: LISTEN_SECONDS, what: `somebody at port ${port}` });
}
