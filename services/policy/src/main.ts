import {
  createPolicyRevisions,
  createRedisKeys,
  createRedisLink,
  formatFileProblem,
  runService,
  type ServiceContext,
  serveGrpc,
  serveProbes,
  whenRedisReady,
} from '@tdc/platform';
import { policyV1 } from '@tdc/proto';
import { loadPolicyConfig, type PolicyConfig } from './config.ts';
import { watchPolicyFile } from './file-watch.ts';
import { keepLoaded } from './keep-loaded.ts';
import { createPolicyMetrics } from './metrics.ts';
import { createPolicyServer } from './policy-server.ts';
import { createPolicyStore } from './policy-store.ts';
import { rememberNumbers } from './revision-numbers.ts';
import { createWatchStreams } from './watch-streams.ts';

/** How long the first document waits for Redis before it goes by the numbers that are remembered. */
const REDIS_PATIENCE_MS = 2000;

async function start(context: ServiceContext<PolicyConfig>) {
  const { config, log, metrics, shutdown, now, announceReady } = context;
  const meters = createPolicyMetrics(metrics);
  const redis = createRedisLink(config.redis, { role: 'command', log });
  shutdown.add('redis', () => redis.close());
  const numbers = createPolicyRevisions(redis.client, createRedisKeys(config.redis.keyPrefix));
  const redisUp = whenRedisReady(redis.client, AbortSignal.timeout(REDIS_PATIENCE_MS));
  const store = createPolicyStore({
    path: config.policyFile,
    numbers: rememberNumbers(
      { revisionOf: (sha256) => redisUp.then(() => numbers.revisionOf(sha256)) },
      config.stateFolder,
    ),
    now,
    formatProblems: (problems) => problems.map((problem) => formatFileProblem(config.policyFile, problem)),
  });
  const http = await serveProbes(context, {
    livez: () => ({ ok: true }),
    readyz: () => {
      if (shutdown.isDraining()) return { ok: false, reason: 'draining' };
      return store.current() === undefined ? { ok: false, reason: store.whyNone() } : { ok: true };
    },
  });
  const streams = createWatchStreams((open) => meters.watchers.set(open));
  const grpc = await serveGrpc(context, {
    service: policyV1.PolicyServiceService,
    implementation: { ...createPolicyServer(store, streams) },
    endStreams: () => streams.endAll(),
  });
  const loader = keepLoaded({
    store,
    log,
    metrics: meters,
    inForce(revision) {
      streams.push(revision);
      grpc.setServing(true);
    },
  });
  shutdown.add('loader', async () => loader.stop());
  // Before the first load, so that no edit falls between the two.
  const watch = await watchPolicyFile(config.policyFile, () => loader.changed());
  shutdown.add('watch', async () => watch.stop());
  await loader.first();
  announceReady({ http, grpc });
}

process.exit(await runService({ component: 'policy', loadConfig: loadPolicyConfig, start }, process.env));
