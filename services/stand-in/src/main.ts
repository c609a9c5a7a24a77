import { closeSync, writeSync } from 'node:fs';
import { provideCertificates } from './certificate-folder.ts';
import { startHttpView } from './http-view.ts';
import { startStandIn } from './stand-in.ts';

/**
 * The stand-in as a process. TDC_STAND_IN_SMTP_PORT and TDC_STAND_IN_HTTP_PORT (0: any free) at TDC_STAND_IN_HOST,
 * as TDC_STAND_IN_HOSTNAME; TDC_STAND_IN_CERT_DIR is the folder of its certificates, which is filled when it is empty. Says where it listens in one
 * JSON line to TDC_READY_FD, or to standard output. A port that is taken ends it with status 78.
 */
const EXIT_CONFIG = 78;

const { env } = process;
const host = env['TDC_STAND_IN_HOST'] || '127.0.0.1';
const hostname = env['TDC_STAND_IN_HOSTNAME'] || 'setd.localhost';
const portOf = (variable: string, otherwise: number): number => Number(env[variable] || otherwise);

async function main(): Promise<void> {
  const standIn = await startStandIn({
    host,
    port: portOf('TDC_STAND_IN_SMTP_PORT', 2526),
    hostname,
    certificates: await provideCertificates(env['TDC_STAND_IN_CERT_DIR'] || undefined, [
      hostname,
      'localhost',
      host,
    ]),
  });
  const view = await startHttpView(standIn, { host, port: portOf('TDC_STAND_IN_HTTP_PORT', 8025) });
  const stop = async (): Promise<void> => {
    await view.close();
    await standIn.close();
  };
  process.on('SIGTERM', () => void stop());
  process.on('SIGINT', () => void stop());
  const addresses = { smtp: `${host}:${standIn.port}`, http: `${host}:${view.port}` };
  const fd = Number(env['TDC_READY_FD'] || process.stdout.fd);
  writeSync(fd, `${JSON.stringify(addresses)}\n`);
  if (fd !== process.stdout.fd) closeSync(fd);
}

main().catch((error: unknown) => {
  process.stderr.write(`the stand-in cannot start: ${String(error)}\n`);
  process.exit(EXIT_CONFIG);
});
