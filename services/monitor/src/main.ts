import {
  ConfigError,
  createConnectionCeiling,
  createHostStore,
  createJournalQueue,
  createLedger,
  createRedisKeys,
  createRedisLink,
  followPolicy,
  runService,
  type ServiceContext,
  startGrpcServer,
  startProbeServer,
} from '@tdc/platform';
import { monitorV1 } from '@tdc/proto';
import { loadMonitorConfig, type MonitorConfig } from './config.ts';
import { createMonitorMetrics } from './metrics.ts';
import { createMonitorServer } from './monitor-server.ts';
import type { ViewPorts } from './ports.ts';
import { startSweeper } from './sweep/sweeper.ts';
import { createQueueReader } from './view/queue-reading.ts';
import { scaling } from './view/scaling.ts';

async function start({ config, log, metrics, shutdown, now, announceReady }: ServiceContext<MonitorConfig>) {
  const stopping = new AbortController();
  shutdown.add('start', async () => stopping.abort());
  const keys = createRedisKeys(config.redisKeyPrefix);
  const redis = createRedisLink(config.redisUrl, { role: 'command', log });
  shutdown.add('redis', () => redis.close());
  const policy = followPolicy({
    address: config.policyAddress,
    stateFolder: config.stateFolder,
    log,
    metrics,
    now,
  });
  shutdown.add('policy', async () => policy.stop());
  if (!(await redis.whenUsable(stopping.signal))) return;
  const ledger = createLedger(redis.client, keys, { now, trackingHours: config.trackingHours });
  const queue = await createJournalQueue(redis.client, {
    prefix: keys.prefix,
    onError: (message) => log.notice('debug', 'queue-error', message),
  });
  shutdown.add('queue', () => queue.close());
  const ceiling = createConnectionCeiling(redis.client, keys, { worker: 'monitor', now });
  const hosts = createHostStore(redis.client, keys);
  const views: ViewPorts = {
    ledger,
    depth: () => queue.depth(),
    connections: (intake) => ceiling.count(intake),
    hosts: (intakes) => hosts.load(intakes),
    intakes: () => policy.current()?.document.intakes ?? {},
    now,
  };
  const meters = createMonitorMetrics(metrics, createQueueReader(views));
  const sweeper = startSweeper(
    { ledger, queue, log: (event) => log.log(event), observe: meters.sweeps, now },
    config,
  );
  shutdown.add('sweeper', () => sweeper.stop());
  const grpc = await startGrpcServer({
    host: config.grpcHost,
    port: config.grpcPort,
    service: monitorV1.MonitorServiceService,
    implementation: { ...createMonitorServer(views) },
  });
  if ('kind' in grpc) throw new ConfigError([`${grpc.message} (TDC_GRPC_PORT)`]);
  shutdown.add('grpc', (deadline) => grpc.stop(deadline));
  grpc.setServing(true);
  const stuckMs = config.sweepSeconds * 1000 + 30_000;
  const http = await startProbeServer({
    host: config.httpHost,
    port: config.httpPort,
    livez: () =>
      now() - sweeper.lastProgressAt() < stuckMs ? { ok: true } : { ok: false, reason: 'the sweep is stuck' },
    readyz: () =>
      redis.isReady() && !shutdown.isDraining()
        ? { ok: true }
        : { ok: false, reason: 'Redis does not answer' },
    metrics: () => metrics.text(),
    routes: { '/scaling': () => scaling(views) },
  });
  if ('kind' in http) throw new ConfigError([`${http.message} (TDC_HTTP_PORT)`]);
  shutdown.add('http', () => http.close());
  announceReady({ http: `${config.httpHost}:${http.port}`, grpc: `${config.grpcHost}:${grpc.port}` });
}

process.exit(await runService({ component: 'monitor', loadConfig: loadMonitorConfig, start }, process.env));
