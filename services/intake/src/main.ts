import { followPolicy, runService, type ServiceContext, serveProbes } from '@tdc/platform';
import { type IntakeConfig, loadIntakeConfig, storeSeconds } from './config.ts';
import { createDeadlines } from './deadlines.ts';
import { startListeners } from './listeners.ts';
import { createAcceptMessage } from './message/accept-message.ts';
import { createAdmission } from './message/admission.ts';
import { createIntakeMetrics } from './metrics.ts';
import type { UnavailableReason } from './ports.ts';
import { createReceiver } from './receiver.ts';
import { openStorage } from './storage.ts';

/** What a client is kept waiting for in the midst of its message, at most: it waits for minutes (RFC 5321 §4.5.3.2). */
const MOST_PATIENCE_MS = 30_000;

async function start(context: ServiceContext<IntakeConfig>) {
  const { config, log, metrics, shutdown, now, announceReady } = context;
  const meters = createIntakeMetrics(metrics);
  const storage = openStorage(config, log, now);
  shutdown.add('storage', () => storage.close());
  const policy = followPolicy({
    address: config.policyAddress,
    transport: context.grpc,
    stateFolder: config.stateFolder,
    log,
    metrics,
    now,
  });
  shutdown.add('policy', async () => policy.stop());
  const unavailable = (): UnavailableReason | undefined => {
    if (storage.current() === undefined) return 'storage';
    if (storage.isFull()) return 'memory';
    return policy.current() === undefined ? 'policy' : undefined;
  };
  const admission = createAdmission({
    maxBytes: config.maxBytesInFlight,
    patienceMs: Math.min(MOST_PATIENCE_MS, (config.idleSeconds * 1000) / 2),
    storeHasRoom: (bytes) => storage.hasRoom(bytes),
    lookAgain: () => storage.look(),
  });
  metrics.beforeScrape(async () => meters.showAdmission(admission));
  const accept = createAcceptMessage(
    {
      storage: () => storage.current(),
      policy: () => policy.current(),
      takeMids: (count) => storage.takeMids(count),
      admission,
      storeDeadline: createDeadlines(storeSeconds(config) * 1000, now),
      log: (event) => log.log(event),
      now,
    },
    config,
  );
  const certificate = context.watchCertificate('smtp', {
    certFile: config.tlsCertFile,
    keyFile: config.tlsKeyFile,
  });
  const listeners = await startListeners(config, certificate, (protocol) =>
    createReceiver({
      protocol,
      requireTls: config.requireTls,
      async accept(message) {
        const acceptance = await accept(message);
        if (acceptance.kind === 'accepted') storage.stored(acceptance.sizeBytes * acceptance.queued.length);
        return acceptance;
      },
      unavailable,
      nextIcid: () => storage.nextIcid(),
      metrics: meters,
      log,
      now,
    }),
  );
  const http = await serveProbes(context, {
    livez: () => ({ ok: true }),
    readyz: () => {
      if (shutdown.isDraining()) return { ok: false, reason: 'draining' };
      return policy.current() === undefined
        ? { ok: false, reason: 'no mail policy is loaded yet' }
        : { ok: true };
    },
  });
  shutdown.add('listeners', () => listeners.close());
  const firstPolicy = new Promise<void>((resolve) => policy.onChange(() => resolve()));
  // Until then every message is answered 451: the gateway keeps it.
  await Promise.all([storage.opened, firstPolicy]);
  const { smtp, lmtp, proxied } = listeners;
  announceReady({
    http,
    smtp: { host: config.smtpHost, port: smtp.port },
    ...(lmtp === undefined ? {} : { lmtp: { host: config.smtpHost, port: lmtp.port } }),
    ...(proxied === undefined ? {} : { 'smtp-proxy': { host: config.smtpHost, port: proxied.port } }),
  });
}

process.exit(await runService({ component: 'intake', loadConfig: loadIntakeConfig, start }, process.env));
