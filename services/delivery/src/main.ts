import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import {
  ConfigError,
  followPolicy,
  localOffsetMinutes,
  runService,
  type ServiceContext,
  startProbeServer,
} from '@tdc/platform';
import { createCarriages } from './carriage.ts';
import { type DeliveryConfig, loadDeliveryConfig } from './config.ts';
import { createDeliverCopy } from './copy/deliver-copy.ts';
import { Destinations } from './destination/destinations.ts';
import { createResolveDestination } from './destination/resolve-destination.ts';
import { createDeliveryMetrics } from './metrics.ts';
import { createOpenTo } from './open-to.ts';
import { openStorage } from './storage.ts';

/** Waiting copies and no progress for so long: the process is stuck, and its liveness probe says so. */
const STUCK_MS = 60_000;
const FIRST_CONCURRENCY = 8;

async function start({ config, log, metrics, shutdown, now, announceReady }: ServiceContext<DeliveryConfig>) {
  const stopping = new AbortController();
  shutdown.add('start', async () => stopping.abort());
  const meters = createDeliveryMetrics(metrics);
  const carriages = createCarriages();
  const policy = followPolicy({
    address: config.policyAddress,
    stateFolder: config.stateFolder,
    log,
    metrics,
    now,
  });
  shutdown.add('policy', async () => policy.stop());
  const firstPolicy = new Promise<void>((resolve) => policy.onChange(() => resolve()));
  policy.onChange((snapshot) => {
    carriages.update(snapshot);
    meters.knowIntakes(Object.keys(snapshot.document.intakes));
  });
  let progressAt = now;
  let isReady = () => false;
  const http = await startProbeServer({
    host: config.httpHost,
    port: config.httpPort,
    livez: () =>
      now() - progressAt() < STUCK_MS ? { ok: true } : { ok: false, reason: 'copies wait and none is taken' },
    readyz: () =>
      isReady() && !shutdown.isDraining() ? { ok: true } : { ok: false, reason: 'not taking copies' },
    metrics: () => metrics.text(),
  });
  if ('kind' in http) throw new ConfigError([`${http.message} (TDC_HTTP_PORT)`]);
  shutdown.add('http', () => http.close());
  const worker = `${hostname()}-${process.pid}-${randomUUID().slice(0, 8)}`;
  const storage = await openStorage(config, { worker, log, now, signal: stopping.signal });
  if (storage === undefined) return;
  shutdown.add('storage', () => storage.close());
  // Without a policy nothing is known of ports and certificates: better to wait than to fail copies.
  await firstPolicy;
  let setConcurrency: (jobs: number) => void = () => undefined;
  const destinations = new Destinations({
    ports: {
      resolve: createResolveDestination({ servers: config.dnsServers, random: Math.random, now }),
      open: createOpenTo(config),
      ceiling: storage.ceiling,
      nextDcid: () => storage.nextDcid(),
      carriage: (route) => carriages.of(route),
      log: (event) => log.log(event),
      observe: meters.connections,
      saveHost: (intake, state) => storage.saveHost(intake, state),
      now,
    },
    rules: {
      minConnections: config.minConnections,
      idleMs: config.idleSeconds * 1000,
      probeMs: config.probeSeconds * 1000,
    },
    load: storage.load,
    setConcurrency: (jobs) => setConcurrency(jobs),
    maxJobs: config.maxJobs,
  });
  metrics.beforeScrape(async () => meters.open.set(destinations.openConnections));
  const deliverCopy = createDeliverCopy(
    {
      ledger: storage.ledger,
      spool: storage.spool,
      acquire: (copy, signal) => destinations.acquire(copy, signal),
      log: (event) => log.log(event),
      observe: { ...meters.copies, failed: (copy, failure) => destinations.refused(copy, failure) },
      now,
      offsetMinutes: localOffsetMinutes,
    },
    { retryDelaySeconds: config.retryDelaySeconds, finalReplyMs: config.finalReplySeconds * 1000 },
  );
  const jobs = storage.startWorker(deliverCopy, FIRST_CONCURRENCY);
  setConcurrency = (count) => jobs.setConcurrency(count);
  progressAt = () => jobs.lastProgressAt();
  isReady = () => storage.isReady();
  shutdown.add('jobs', async (deadline) => {
    destinations.close();
    await jobs.drain(deadline);
  });
  announceReady({ http: `${config.httpHost}:${http.port}` });
}

process.exit(await runService({ component: 'delivery', loadConfig: loadDeliveryConfig, start }, process.env));
