import { readFileSync, writeSync } from 'node:fs';
import { createAuthority } from '../certificates.ts';
import { startHttpView } from './http-view.ts';
import { startStandIn } from './stand-in.ts';

/**
 * The stand-in as a process. TDC_STAND_IN_CERT_FILE and TDC_STAND_IN_KEY_FILE hold its certificate; without them it makes
 * one that nobody trusts. Says where it listens in one JSON line to TDC_READY_FD.
 */
const { env } = process;
const host = env['TDC_STAND_IN_HOST'] ?? '127.0.0.1';
const certFile = env['TDC_STAND_IN_CERT_FILE'];
const keyFile = env['TDC_STAND_IN_KEY_FILE'];
const certificate =
  certFile !== undefined && keyFile !== undefined
    ? { cert: readFileSync(certFile, 'utf8'), key: readFileSync(keyFile, 'utf8') }
    : await (await createAuthority()).issue({ names: ['localhost', host] });
const standIn = await startStandIn({
  host,
  port: Number(env['TDC_STAND_IN_SMTP_PORT'] ?? 2526),
  hostname: 'setd.localhost',
  certificates: { default: certificate },
});
const view = await startHttpView(standIn, { host, port: Number(env['TDC_STAND_IN_HTTP_PORT'] ?? 8025) });
const stop = async (): Promise<void> => {
  await view.close();
  await standIn.close();
};
process.on('SIGTERM', () => void stop());
process.on('SIGINT', () => void stop());
const fd = Number(env['TDC_READY_FD']);
const addresses = `${JSON.stringify({ smtp: `${host}:${standIn.port}`, http: `${host}:${view.port}` })}\n`;
if (Number.isInteger(fd)) writeSync(fd, addresses);
else process.stdout.write(addresses);
