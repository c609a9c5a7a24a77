import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CLIENT_OPTIONS,
  type ClientTransport,
  callUnary,
  type GrpcResult,
  mutualTlsClient,
} from '@tdc/platform';
import { policyV1 } from '@tdc/proto';
import { type CertificateAuthority, createAuthority } from '@tdc/stand-in';
import { freePort } from '../../deploy/local/ports.ts';
import { type MountedSecret, mountSecret, type TlsSecret } from './mounted-secret.ts';
import { parsePrometheusText, type Samples } from './prometheus-text.ts';
import { startRedisServer } from './redis-server.ts';
import { type ServiceProcess, startService } from './service-process.ts';
import { waitUntil } from './wait-until.ts';

/** How a certificate differs from one that is right for every process of ours. */
export interface Flaw {
  readonly by?: CertificateAuthority;
  readonly names?: readonly string[];
  readonly expired?: boolean;
  readonly forServersAlone?: boolean;
}

/** A process on ports that are known before it serves, if it ever does. */
export interface TlsProcess {
  readonly process: ServiceProcess;
  /** `localhost:port` of gRPC. */
  readonly grpc: string;
  get(path: string): Promise<{ readonly status: number; readonly text: string }>;
  samples(): Promise<Samples>;
  /** Its log lines, without date, that match. */
  logged(pattern: RegExp): readonly string[];
  /** Waits for such a line. */
  sees(pattern: RegExp): Promise<string>;
}

/** Two authorities, a policy document, and what runs with Secrets that they signed. */
export interface GrpcTlsGround {
  readonly authority: CertificateAuthority;
  readonly foreign: CertificateAuthority;
  secret(flaw?: Flaw): Promise<TlsSecret>;
  mount(flaw?: Flaw): Promise<MountedSecret>;
  /** A folder of its own, removed with the ground. */
  folder(): string;
  /** Changes the document: its intake gets this alias. */
  edit(alias: string): void;
  start(
    name: 'policy' | 'monitor' | 'delivery' | 'intake',
    env: Readonly<Record<string, string>>,
  ): Promise<TlsProcess>;
  remove(): Promise<void>;
}

async function issue(authority: CertificateAuthority, flaw: Flaw): Promise<TlsSecret> {
  const { by = authority, names = ['localhost'], expired = false, forServersAlone = false } = flaw;
  const pair = await by.issue({ names, expired, client: !forServersAlone });
  return { ...pair, ca: authority.cert };
}

function tlsProcessOf(process: ServiceProcess, http: number, grpc: number): TlsProcess {
  const logged = (pattern: RegExp): readonly string[] =>
    process
      .lines()
      .map((line) => line.slice(25))
      .filter((line) => pattern.test(line));
  const get: TlsProcess['get'] = async (path) => {
    const response = await fetch(`http://127.0.0.1:${http}${path}`).catch((error: unknown) => {
      throw new Error(`no answer; the process said: ${process.errors()}`, { cause: error });
    });
    return { status: response.status, text: await response.text() };
  };
  return {
    process,
    grpc: `localhost:${grpc}`,
    get,
    samples: async () => parsePrometheusText((await get('/metrics')).text),
    logged,
    sees: (pattern) =>
      waitUntil(() => logged(pattern)[0], { withinSeconds: 20, what: `a log line like ${pattern}` }),
  };
}

/** Prepares the ground, with a Redis of its own. */
export async function prepareGrpcTls(): Promise<GrpcTlsGround> {
  const folder = mkdtempSync(join(tmpdir(), 'tdc-grpc-tls-'));
  const [authority, foreign] = await Promise.all([createAuthority(), createAuthority()]);
  const redis = await startRedisServer();
  const processes: ServiceProcess[] = [];
  const secrets: MountedSecret[] = [];
  const path = (name: string): string => join(folder, name);
  const smtp = await authority.issue({ names: ['localhost'] });
  writeFileSync(path('smtp.pem'), smtp.cert);
  writeFileSync(path('smtp.key'), smtp.key);
  const edit = (alias: string): void =>
    writeFileSync(path('policy.yaml'), `version: 1\nintakes: { ${alias}: { address: a@example.com } }\n`);
  edit('one');
  return {
    authority,
    foreign,
    secret: (flaw = {}) => issue(authority, flaw),
    async mount(flaw = {}) {
      const secret = mountSecret(await issue(authority, flaw));
      secrets.push(secret);
      return secret;
    },
    folder: () => mkdtempSync(path('state-')),
    edit,
    async start(name, env) {
      const [http, grpc, smtpPort] = [await freePort(), await freePort(), await freePort()];
      const own = {
        policy: { TDC_POLICY_FILE: path('policy.yaml') },
        monitor: { TDC_POLICY_ADDRESS: 'localhost:1' },
        delivery: { TDC_POLICY_ADDRESS: 'localhost:1' },
        intake: {
          TDC_POLICY_ADDRESS: 'localhost:1',
          TDC_SMTP_HOST: '127.0.0.1',
          TDC_SMTP_PORT: String(smtpPort),
          TDC_SMTP_TLS_CERT_FILE: path('smtp.pem'),
          TDC_SMTP_TLS_KEY_FILE: path('smtp.key'),
        },
      }[name];
      const port = Number(env['TDC_GRPC_PORT'] ?? grpc);
      const process = startService(name, {
        TDC_REDIS_URL: redis.url,
        TDC_HTTP_PORT: String(http),
        TDC_GRPC_HOST: '127.0.0.1',
        TDC_GRPC_PORT: String(port),
        TDC_SHUTDOWN_SECONDS: '10',
        ...own,
        ...env,
      });
      processes.push(process);
      return tlsProcessOf(process, http, port);
    },
    async remove() {
      await Promise.all(processes.map((process) => process.stop('SIGKILL')));
      await redis.remove();
      for (const secret of secrets) secret.remove();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A client of the policy service with these files' contents. */
export const clientWith = ({ cert, key, ca }: TlsSecret): ClientTransport =>
  mutualTlsClient({ cert: Buffer.from(cert), key: Buffer.from(key), ca: Buffer.from(ca) });

/** Asks a policy service once, over a connection of its own. */
export async function askPolicyOver(
  address: string,
  { channel }: ClientTransport,
): Promise<GrpcResult<policyV1.GetSnapshotResponse>> {
  const client = new policyV1.PolicyServiceClient(address, channel, CLIENT_OPTIONS);
  try {
    return await callUnary(client.getSnapshot.bind(client), {}, 20);
  } finally {
    client.close();
  }
}
