import { followPolicy, runService, type ServiceContext, serveGrpc, serveProbes } from '@tdc/platform';
import { monitorV1 } from '@tdc/proto';
import { loadMonitorConfig, type MonitorConfig } from './config.ts';
import { createMonitorMetrics } from './metrics.ts';
import { createMonitorServer } from './monitor-server.ts';
import type { SweepPorts, ViewPorts } from './ports.ts';
import { createStorage } from './storage.ts';
import { createSweep } from './sweep/sweep.ts';
import { type Sweeper, startSweeper } from './sweep/sweeper.ts';
import { createQueueReader } from './view/queue-reading.ts';
import { scaling } from './view/scaling.ts';

/** No batch of a sweep takes longer than its calls to Redis may, however long Redis is away. */
const STUCK_MS = 30_000;

async function start(context: ServiceContext<MonitorConfig>) {
  const { config, log, metrics, shutdown, now, announceReady } = context;
  const storage = createStorage(config, log, now);
  shutdown.add('storage', () => storage.close());
  const { policyAddress, stateFolder } = config;
  const policy = followPolicy({
    address: policyAddress,
    transport: context.grpc,
    stateFolder,
    log,
    metrics,
    now,
  });
  shutdown.add('policy', async () => policy.stop());
  const intakes = () => policy.current()?.document.intakes ?? {};
  const views: ViewPorts = { ...storage.reads, intakes, now };
  const meters = createMonitorMetrics(metrics, createQueueReader(views));
  const everyMs = config.sweepSeconds * 1000;
  let sweeper: Sweeper | undefined;
  const http = await serveProbes(context, {
    livez: () =>
      now() - (sweeper?.lastProgressAt() ?? now()) < everyMs + STUCK_MS
        ? { ok: true }
        : { ok: false, reason: 'the sweep is stuck' },
    readyz: () => {
      if (shutdown.isDraining()) return { ok: false, reason: 'draining' };
      return storage.isReady() ? { ok: true } : { ok: false, reason: 'Redis does not answer' };
    },
    routes: { '/scaling': () => scaling(views) },
  });
  const grpc = await serveGrpc(context, {
    service: monitorV1.MonitorServiceService,
    implementation: { ...createMonitorServer(views) },
  });
  const stopping = new AbortController();
  shutdown.add('start', async () => stopping.abort());
  const queue = await storage.open(stopping.signal);
  if (queue === undefined) return;
  const sweepPorts: SweepPorts = {
    ledger: storage.ledger,
    queue,
    log: (event) => log.log(event),
    observe: meters.sweeps,
    now,
  };
  const running = startSweeper({ sweep: createSweep(sweepPorts, config), everyMs, now });
  sweeper = running;
  shutdown.add('sweeper', () => running.stop());
  grpc.setServing(true);
  announceReady({ http, grpc });
}

process.exit(await runService({ component: 'monitor', loadConfig: loadMonitorConfig, start }, process.env));
