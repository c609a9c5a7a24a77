import type { ClusterSettings } from './kubectl.ts';

/** A pod of the product's image, under the restricted level. */
export interface PodRequest {
  readonly name: string;
  readonly args?: readonly string[];
  readonly command?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Node to run on. */
  readonly node?: string | undefined;
  readonly labels?: Readonly<Record<string, string>>;
  readonly volumes?: readonly {
    readonly name: string;
    readonly mountPath: string;
    readonly source: unknown;
  }[];
  /** A port and path that answer when it is ready. */
  readonly ready?: { readonly port: number; readonly path: string };
}

export function podManifest(settings: ClusterSettings, request: PodRequest): unknown {
  const { name, args, command, env = {}, node, labels = {}, volumes = [], ready } = request;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, labels: { 'test.tdc/pod': name, ...labels } },
    spec: {
      ...(node === undefined ? {} : { nodeSelector: { 'kubernetes.io/hostname': node } }),
      restartPolicy: 'Never',
      automountServiceAccountToken: false,
      terminationGracePeriodSeconds: 1,
      securityContext: {
        runAsNonRoot: true,
        runAsUser: 65_532,
        fsGroup: 65_532,
        seccompProfile: { type: 'RuntimeDefault' },
      },
      containers: [
        {
          name: 'main',
          image: settings.image,
          imagePullPolicy: 'IfNotPresent',
          ...(command === undefined ? {} : { command }),
          ...(args === undefined ? {} : { args }),
          env: Object.entries(env).map(([key, value]) => ({ name: key, value })),
          securityContext: {
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ['ALL'] },
          },
          ...(ready === undefined
            ? {}
            : { readinessProbe: { httpGet: { path: ready.path, port: ready.port }, periodSeconds: 1 } }),
          volumeMounts: volumes.map(({ name: volume, mountPath }) => ({ name: volume, mountPath })),
        },
      ],
      volumes: volumes.map(({ name: volume, source }) => ({ name: volume, ...(source as object) })),
    },
  };
}
