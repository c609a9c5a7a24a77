import { createAuthority, type ReceivedMessage, type Script } from '@tdc/stand-in';
import { apply, type ClusterSettings, inPod, kubectl } from './kubectl.ts';
import { podManifest } from './pod-manifest.ts';

/** Where it takes copies. */
export const INTAKE_PORT = 2526;
const HTTP = 8025;
const NAME = 'message-intake';

/** A copy as the stand-in took it: which message is in it, and which copy of it. */
export interface TakenCopy {
  /** Message-ID of the original. */
  readonly messageId: string;
  readonly journalId: string;
  readonly tls: boolean;
}

/** A stand-in for the message intake in a pod of its own, beside the release: no upgrade touches it. */
export interface IntakePod {
  /** Intake settings of a policy document. */
  readonly setting: Readonly<Record<string, unknown>>;
  messages(): Promise<readonly ReceivedMessage[]>;
  octets(id: number): Promise<Buffer>;
  copies(): Promise<readonly TakenCopy[]>;
  connections(): Promise<{ readonly open: number; readonly mostOpen: number }>;
  script(script: Script): Promise<void>;
  reset(): Promise<void>;
}

/** Reads every copy in the pod, and answers what identifies it: thousands of whole messages would be much to bring over. */
const COPIES = `
const base = 'http://127.0.0.1:${HTTP}';
const messages = await (await fetch(base + '/messages')).json();
const copies = [];
for (const { id, tls } of messages) {
  const text = Buffer.from(await (await fetch(base + '/messages/' + id)).arrayBuffer()).toString('latin1');
  const outer = text.slice(0, text.indexOf('\\r\\n\\r\\n'));
  copies.push({
    journalId: /^X-TDC-Journal-ID: *(.*)$/im.exec(outer)?.[1]?.trim() ?? '',
    messageId: /^Message-ID: *(<[^>]*@gateway.example>)/im.exec(text)?.[1] ?? '',
    tls: tls !== null,
  });
}
process.stdout.write(JSON.stringify(copies));
`;

const request = (method: string, path: string, body?: unknown): string => `
const response = await fetch('http://127.0.0.1:${HTTP}${path}', {
  method: '${method}'${body === undefined ? '' : `, body: ${JSON.stringify(JSON.stringify(body))}`}
});
if (!response.ok) throw new Error(await response.text());
process.stdout.write(Buffer.from(await response.arrayBuffer()).toString('base64'));
`;

/** Starts it, with a certificate of an authority of its own. */
export async function startIntakePod(
  settings: ClusterSettings,
  namespace: string,
  node?: string,
): Promise<IntakePod> {
  const host = `${NAME}.${namespace}.svc.cluster.local`;
  const authority = await createAuthority();
  const pair = await authority.issue({ names: [host] });
  await apply(
    namespace,
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: NAME },
      stringData: { 'default.pem': pair.cert, 'default.key': pair.key },
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: NAME },
      spec: { selector: { 'test.tdc/pod': NAME }, ports: [{ name: 'smtp', port: INTAKE_PORT }] },
    },
    podManifest(settings, {
      name: NAME,
      args: ['stand-in'],
      node,
      env: {
        TDC_STAND_IN_HOST: '0.0.0.0',
        TDC_STAND_IN_HOSTNAME: host,
        TDC_STAND_IN_SMTP_PORT: String(INTAKE_PORT),
        TDC_STAND_IN_HTTP_PORT: String(HTTP),
        TDC_STAND_IN_CERT_DIR: '/certificates',
      },
      volumes: [{ name: 'tls', mountPath: '/certificates', source: { secret: { secretName: NAME } } }],
      ready: { port: HTTP, path: '/healthz' },
    }),
  );
  await kubectl('--namespace', namespace, 'wait', '--for=condition=Ready', `pod/${NAME}`, '--timeout=90s');
  const ask = async (method: string, path: string, body?: unknown): Promise<Buffer> =>
    Buffer.from(await inPod(namespace, NAME, request(method, path, body)), 'base64');
  const askJson = async <T>(path: string): Promise<T> =>
    JSON.parse((await ask('GET', path)).toString('utf8')) as T;
  return {
    setting: {
      address: 'journal@setd.example',
      host,
      port: INTAKE_PORT,
      tls: { ca: authority.cert, serverName: host },
    },
    messages: () => askJson('/messages'),
    octets: (id) => ask('GET', `/messages/${id}`),
    copies: async () => JSON.parse(await inPod(namespace, NAME, COPIES)) as TakenCopy[],
    connections: () => askJson('/connections'),
    script: async (script) => void (await ask('PUT', '/script', script)),
    reset: async () => void (await ask('POST', '/reset')),
  };
}
