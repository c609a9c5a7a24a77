import { apply, type ClusterSettings, inPod, kubectl } from './kubectl.ts';
import { podManifest } from './pod-manifest.ts';

/** A pod of somebody else: what it can reach. */
export interface ProbePod {
  /** `open`, or why there is no connection. */
  connect(host: string, port: number): Promise<string>;
  /** What a URL answers: its status, or why there is none. */
  get(url: string): Promise<string>;
}

const NAME = 'probe';

export async function startProbePod(settings: ClusterSettings, namespace: string): Promise<ProbePod> {
  await apply(
    namespace,
    podManifest(settings, { name: NAME, command: ['/usr/bin/node', '-e', 'setInterval(() => {}, 1e6)'] }),
  );
  await kubectl('--namespace', namespace, 'wait', '--for=condition=Ready', `pod/${NAME}`, '--timeout=60s');
  return {
    connect: (host, port) =>
      inPod(
        namespace,
        NAME,
        `import { connect } from 'node:net';
         const socket = connect({ host: '${host}', port: ${port}, timeout: 2000 });
         const tell = (what) => { process.stdout.write(what); process.exit(0); };
         socket.on('connect', () => tell('open')).on('timeout', () => tell('silence')).on('error', (e) => tell(e.code));`,
      ),
    get: (url) =>
      inPod(
        namespace,
        NAME,
        `const told = await fetch('${url}', { signal: AbortSignal.timeout(3000) }).then((r) => String(r.status), (e) => e.name);
         process.stdout.write(told);`,
      ),
  };
}
