import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { policyV1 } from '@tdc/proto';
import { plaintextTransport } from '../grpc/transport.ts';
import { readCommonConfig, readGrpcListener } from './common-config.ts';
import { ConfigError } from './config-error.ts';
import { EnvReader } from './env-reader.ts';
import { createMetrics } from './metrics.ts';
import type { ProbeServerOptions } from './probe-server.ts';
import { listening, serveGrpc, serveProbes } from './serve.ts';
import type { DrainStep } from './shutdown.ts';

/** A context on free ports, or on those given, that remembers what is to be done on the way down. */
function contextWith(ports: { readonly http?: number; readonly grpc?: number } = {}) {
  const read = new EnvReader({
    TDC_HTTP_HOST: '127.0.0.1',
    TDC_HTTP_PORT: String(ports.http ?? 0),
    TDC_GRPC_HOST: '127.0.0.1',
    TDC_GRPC_PORT: String(ports.grpc ?? 0),
  });
  const steps: [name: string, step: DrainStep][] = [];
  return {
    steps,
    config: { ...readCommonConfig(read), ...readGrpcListener(read, 'policy') },
    metrics: createMetrics({ component: 'policy', version: '0' }),
    grpc: plaintextTransport(),
    shutdown: {
      add: (name: string, step: DrainStep) => void steps.push([name, step]),
      finished: new Promise<void>(() => undefined),
      isDraining: () => false,
      begin: () => undefined,
    },
    async end() {
      for (const [, step] of steps) await step(Date.now());
    },
  };
}

const PROBES: Pick<ProbeServerOptions, 'livez' | 'readyz'> = {
  livez: () => ({ ok: true }),
  readyz: () => ({ ok: false, reason: 'no policy' }),
};
const SERVICE = {
  service: policyV1.PolicyServiceService,
  implementation: { getPolicy: () => undefined, watchPolicy: () => undefined },
};

const refused = (variable: string) => (error: unknown) =>
  error instanceof ConfigError &&
  error.problems.length === 1 &&
  /^port \d+ on 127\.0\.0\.1 is in use \(.*\)$/.test(error.problems[0] ?? '') &&
  error.problems[0]?.endsWith(`(${variable})`) === true;

describe('a port that cannot be had', () => {
  it('is a refused configuration that names the variable', () => {
    const failure = { kind: 'listen-failure', message: 'port 25 on :: needs privileges' } as const;
    assert.throws(
      () => listening(failure, 'TDC_SMTP_PORT'),
      (error) =>
        error instanceof ConfigError &&
        error.problems[0] === 'port 25 on :: needs privileges (TDC_SMTP_PORT)',
    );
  });
});

describe('probes', () => {
  it('are answered, with metrics and routes, until the step of going down', async () => {
    const context = contextWith();
    const routes = { '/scaling': async () => ({ status: 200, body: { queue: 3 } }) };
    const { host, port } = await serveProbes(context, { ...PROBES, routes });
    const ask = async (path: string) => (await fetch(`http://${host}:${port}${path}`)).text();
    assert.deepEqual([await ask('/livez'), await ask('/readyz')], ['ok\n', 'no policy\n']);
    assert.equal(await ask('/scaling'), '{"queue":3}\n');
    assert.match(await ask('/metrics'), /^tdc_build_info\{.*component="policy"/m);
    assert.deepEqual(
      context.steps.map(([name]) => name),
      ['http'],
    );
    await context.end();
    await assert.rejects(ask('/livez'));
  });

  it('on a port that is taken are refused', async () => {
    const context = contextWith();
    const { port } = await serveProbes(context, PROBES);
    await assert.rejects(serveProbes(contextWith({ http: port }), PROBES), refused('TDC_HTTP_PORT'));
    await context.end();
  });
});

describe('gRPC', () => {
  it('on a port that is taken is refused, until the step of going down', async () => {
    const context = contextWith();
    const { port } = await serveGrpc(context, SERVICE);
    await assert.rejects(serveGrpc(contextWith({ grpc: port }), SERVICE), refused('TDC_GRPC_PORT'));
    await context.end();
    const next = contextWith({ grpc: port });
    assert.equal((await serveGrpc(next, SERVICE)).port, port);
    await next.end();
  });
});
