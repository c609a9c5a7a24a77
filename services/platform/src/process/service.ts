import { closeSync, writeSync } from 'node:fs';
import { InvariantError } from '@tdc/core';
import { type GrpcTransport, mutualTlsTransport, plaintextTransport } from '../grpc/transport.ts';
import {
  type CertificateUse,
  type CertificateWatch,
  createCertificateExpiry,
  watchCertificate,
} from '../tls/certificate-watch.ts';
import type { TlsFiles } from '../tls/tls-files.ts';
import { collectLess } from './collect-less.ts';
import type { CommonConfig } from './common-config.ts';
import { ConfigError, EXIT_CONFIG, EXIT_SOFTWARE } from './config-error.ts';
import { type Environment, formatHostPort, type HostPort } from './env-reader.ts';
import { createLineBuffer, type LineBuffer } from './line-buffer.ts';
import { createLogger, type Logger, localOffsetMinutes, writeToStdout } from './logger.ts';
import { createMetrics, type Metrics } from './metrics.ts';
import { createShutdown, type Shutdown } from './shutdown.ts';
import { VERSION } from './version.ts';

/** What a process is given to work with. */
export interface ServiceContext<Config> {
  readonly config: Config;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly shutdown: Shutdown;
  readonly now: () => number;
  /** Follows a certificate's files until the process stops; throws ConfigError when they cannot be used. */
  readonly watchCertificate: (use: CertificateUse, files: TlsFiles) => CertificateWatch;
  /** How this process speaks gRPC, as a server and as a client. */
  readonly grpc: GrpcTransport;
  /** Says that the process serves, and on which addresses: a log line, and one JSON line to TDC_READY_FD. */
  readonly announceReady: (addresses: Readonly<Record<string, HostPort>>) => void;
}

export interface ServiceDefinition<Config extends CommonConfig> {
  readonly component: string;
  readonly loadConfig: (env: Environment) => Config;
  /** Composes and starts the process; it runs until {@link Shutdown.finished}. */
  readonly start: (context: ServiceContext<Config>) => Promise<void>;
}

function announce(log: Logger, env: Environment, served: Readonly<Record<string, HostPort>>): void {
  const addresses = Object.fromEntries(
    Object.entries(served).map(([name, address]) => [name, formatHostPort(address)]),
  );
  const where = Object.entries(addresses).map(([name, address]) => `${name} ${address}`);
  log.notice('info', 'ready', `ready: ${where.join(', ')}`, addresses);
  const fd = Number(env['TDC_READY_FD']);
  if (!Number.isInteger(fd) || fd < 3) return;
  try {
    writeSync(fd, `${JSON.stringify(addresses)}\n`);
    closeSync(fd);
  } catch {
    // Nobody waits any more: the service runs all the same.
  }
}

/** The log of a process whose configuration is not read yet, in the form that was asked for where that is plain. */
function earlyLogger(env: Environment, lines: LineBuffer): Logger {
  return createLogger({
    format: env['TDC_LOG_FORMAT'] === 'json' ? 'json' : 'text',
    level: 'info',
    now: Date.now,
    offsetMinutes: localOffsetMinutes,
    lines,
  });
}

/** Tells why the process cannot run, in one block, and answers its exit status. */
function explainFailure(component: string, log: Logger, error: unknown): number {
  if (error instanceof ConfigError) {
    const list = error.problems.map((problem) => `  - ${problem}`).join('\n');
    process.stderr.write(`tdc ${component} cannot start:\n${list}\n`);
    log.notice('critical', 'config-refused', `${component} cannot start: ${error.problems.join('; ')}`);
    return EXIT_CONFIG;
  }
  const kind =
    error instanceof InvariantError ? 'a promise of our own code was broken' : 'unexpected failure';
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  log.notice('critical', 'failed', `${component} failed: ${kind}: ${text}`);
  return EXIT_SOFTWARE;
}

/** What {@link ServiceContext.watchCertificate} does: each certificate with its metric, until the process stops. */
function followCertificates(log: Logger, metrics: Metrics, shutdown: Shutdown) {
  const expiry = createCertificateExpiry(metrics);
  return (use: CertificateUse, files: TlsFiles): CertificateWatch => {
    const watch = watchCertificate({ use, files, log, expiry });
    shutdown.add(`certificate-${use}`, async () => watch.stop());
    return watch;
  };
}

/**
 * Runs a process from its environment to its exit status: 0 after an orderly stop, 78 when the configuration is
 * refused, 70 for a bug. Only main.ts turns the status into the process's end.
 */
export async function runService<Config extends CommonConfig>(
  definition: ServiceDefinition<Config>,
  env: Environment,
): Promise<number> {
  const { component } = definition;
  collectLess();
  const lines = createLineBuffer(writeToStdout);
  process.on('exit', () => lines.flush());
  let log = earlyLogger(env, lines);
  try {
    const config = definition.loadConfig(env);
    const now = Date.now;
    log = createLogger({
      format: config.logFormat,
      level: config.logLevel,
      now,
      offsetMinutes: localOffsetMinutes,
      lines,
    });
    const metrics = createMetrics({ component, version: VERSION });
    const shutdown = createShutdown({ log, graceSeconds: config.shutdownSeconds, now });
    const broken = new Promise<number>((resolve) => {
      process.on('uncaughtException', (error) => resolve(explainFailure(component, log, error)));
      process.on('unhandledRejection', (error) => resolve(explainFailure(component, log, error)));
    });
    const followCertificate = followCertificates(log, metrics, shutdown);
    const { grpcTls } = config;
    const started = definition.start({
      config,
      log,
      metrics,
      shutdown,
      now,
      watchCertificate: followCertificate,
      grpc:
        grpcTls === undefined ? plaintextTransport() : mutualTlsTransport(followCertificate('grpc', grpcTls)),
      announceReady: (served) => announce(log, env, served),
    });
    const stopped = shutdown.finished.then(() => 0);
    return await Promise.race([started.then(() => stopped), stopped, broken]);
  } catch (error) {
    return explainFailure(component, log, error);
  }
}
