import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { followPolicy, runService, type ServiceContext, serveProbes } from '@tdc/platform';
import { createCarriages } from './carriage.ts';
import { type DeliveryConfig, loadDeliveryConfig } from './config.ts';
import { type Deliverer, startDeliverer } from './deliverer.ts';
import { createDeliveryMetrics } from './metrics.ts';
import { openStorage } from './storage.ts';

/** Waiting copies and no progress for so long: the process is stuck, and its liveness probe says so. */
const STUCK_MS = 60_000;

async function start(context: ServiceContext<DeliveryConfig>) {
  const { config, log, metrics, shutdown, now, announceReady } = context;
  const stopping = new AbortController();
  shutdown.add('start', async () => stopping.abort());
  const meters = createDeliveryMetrics(metrics, config);
  const carriages = createCarriages();
  const policy = followPolicy({
    address: config.policyAddress,
    transport: context.grpc,
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
  let deliverer: Deliverer | undefined;
  const http = await serveProbes(context, {
    livez: () =>
      now() - (deliverer?.lastProgressAt() ?? now()) < STUCK_MS
        ? { ok: true }
        : { ok: false, reason: 'copies wait and none is taken' },
    readyz: () =>
      deliverer === undefined || shutdown.isDraining()
        ? { ok: false, reason: 'not taking copies' }
        : { ok: true },
  });
  const worker = `${hostname()}-${process.pid}-${randomUUID().slice(0, 8)}`;
  const storage = await openStorage(config, {
    worker,
    log,
    now,
    signal: stopping.signal,
    unhandled: meters.unhandled,
  });
  if (storage === undefined) return;
  shutdown.add('storage', () => storage.close());
  // Without a policy nothing is known of ports and certificates: better to wait than to fail copies.
  await firstPolicy;
  const started = startDeliverer(context, { storage, carriages, meters });
  deliverer = started;
  metrics.beforeScrape(async () => meters.show(started));
  shutdown.add('copies', (deadline) => started.drain(deadline));
  announceReady({ http });
}

process.exit(await runService({ component: 'delivery', loadConfig: loadDeliveryConfig, start }, process.env));
