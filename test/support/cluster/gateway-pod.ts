import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { GatewayReport } from '../../cluster/pods/gateway.ts';
import { apply, type ClusterSettings, getInPod, kubectl } from './kubectl.ts';
import { podManifest } from './pod-manifest.ts';

const TEST = resolve(fileURLToPath(import.meta.url), '../../..');
const NAME = 'gateway';
const FILES = {
  'gateway.ts': 'cluster/pods/gateway.ts',
  'smtp-sender.ts': 'support/smtp-sender.ts',
} as const;

export interface GatewayRequest {
  /** Where it hands over: host:port. */
  readonly server: string;
  readonly perSecond: number;
  readonly bytes?: number;
  readonly node?: string | undefined;
}

/** A mail gateway in a pod that hands over messages at a steady pace until it is stopped. */
export interface GatewayPod {
  /** How it stands. */
  report(): Promise<GatewayReport>;
  /** Ends the load, waits until everything was taken or refused, and removes the pod. */
  stop(): Promise<GatewayReport>;
  /** Removes the pod, whatever it still has in hand. */
  remove(): Promise<unknown>;
}

const ask = async (namespace: string, path: string): Promise<GatewayReport> =>
  JSON.parse(await getInPod(namespace, NAME, `http://127.0.0.1:8080${path}`)) as GatewayReport;

export async function startGatewayPod(
  settings: ClusterSettings,
  namespace: string,
  request: GatewayRequest,
): Promise<GatewayPod> {
  await apply(
    namespace,
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: NAME },
      data: Object.fromEntries(
        Object.entries(FILES).map(([key, path]) => [key, readFileSync(join(TEST, path), 'utf8')]),
      ),
    },
    podManifest(settings, {
      name: NAME,
      command: ['/usr/bin/node', '/test/cluster/pods/gateway.ts'],
      node: request.node,
      env: {
        GATEWAY_SERVER: request.server,
        GATEWAY_PER_SECOND: String(request.perSecond),
        GATEWAY_BYTES: String(request.bytes ?? 2000),
      },
      volumes: [
        {
          name: 'code',
          mountPath: '/test',
          source: {
            configMap: { name: NAME, items: Object.entries(FILES).map(([key, path]) => ({ key, path })) },
          },
        },
      ],
      ready: { port: 8080, path: '/healthz' },
    }),
  );
  await kubectl('--namespace', namespace, 'wait', '--for=condition=Ready', `pod/${NAME}`, '--timeout=60s');
  const remove = (): Promise<string> => kubectl('--namespace', namespace, 'delete', 'pod', NAME, '--wait');
  return {
    report: () => ask(namespace, '/report'),
    async stop() {
      const report = await ask(namespace, '/stop');
      await remove();
      return report;
    },
    remove,
  };
}
