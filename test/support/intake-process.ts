import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createAuthority } from '@tdc/stand-in';
import { freePort } from '../../deploy/local/ports.ts';
import { type PolicyProcess, startPolicy } from './policy-process.ts';
import { parsePrometheusText, type Samples } from './prometheus-text.ts';
import { type ServiceProcess, startService } from './service-process.ts';
import { type Envelope, openSender, type SmtpSender, transact } from './smtp-sender.ts';
import { waitUntil } from './wait-until.ts';

/** An intake as its own process, and everything it can be asked. */
export interface IntakeProcess {
  readonly process: ServiceProcess;
  /** `host:port` of SMTP, LMTP (where it has one) and HTTP. */
  readonly addresses: Readonly<Record<string, string>>;
  /** Its log lines, without date and level. */
  lines(): readonly string[];
  /** Waits for a line that the pattern matches. */
  logged(pattern: RegExp): Promise<string>;
  get(path: string): Promise<{ readonly status: number; readonly text: string }>;
  samples(): Promise<Samples>;
  /** An SMTP dialogue, begun with EHLO. */
  open(): Promise<SmtpSender>;
}

/** One policy service, a folder with a certificate, and any number of intakes behind both. */
export interface IntakeGround {
  readonly folder: string;
  readonly policyFile: string;
  readonly policy: PolicyProcess;
  /** Starts the policy service again, where it was. */
  restartPolicy(): Promise<void>;
  /** The environment that an intake is started with. */
  readonly environment: Readonly<Record<string, string>>;
  /** Starts an intake and waits until it serves. */
  start(env?: Readonly<Record<string, string>>): Promise<IntakeProcess>;
  /** Starts an intake on ports that are known before it serves, if it ever does. */
  launch(env?: Readonly<Record<string, string>>): Promise<IntakeProcess>;
  /** Ends everything. */
  remove(): Promise<void>;
}

/** Everything incoming and clean goes to one intake. */
export const ONE_INTAKE =
  'version: 1\nintakes: { primary: { address: journal@setd.example } }\ndefaultIntake: primary\n';

function intakeOf(process: ServiceProcess, addresses: Readonly<Record<string, string>>): IntakeProcess {
  const lines = (): readonly string[] => process.lines().map((line) => line.replace(/^.{24} \w+: /, ''));
  const get: IntakeProcess['get'] = async (path) => {
    const response = await fetch(`http://${addresses['http']}${path}`);
    return { status: response.status, text: await response.text() };
  };
  return {
    process,
    addresses,
    lines,
    logged: (pattern) =>
      waitUntil(() => lines().find((line) => pattern.test(line)), {
        withinSeconds: 20,
        what: `intake to log ${pattern}`,
      }),
    get,
    samples: async () => parsePrometheusText((await get('/metrics')).text),
    async open() {
      const sender = await openSender(addresses['smtp'] ?? '');
      await sender.say('EHLO gateway.example.org');
      return sender;
    },
  };
}

/** Prepares the ground on a Redis server. */
export async function prepareIntake(redisUrl: string, document: string = ONE_INTAKE): Promise<IntakeGround> {
  const folder = mkdtempSync(join(tmpdir(), 'tdc-intake-'));
  const { cert, key } = await (await createAuthority()).issue({ names: ['localhost', '127.0.0.1'] });
  const path = (name: string): string => join(folder, name);
  writeFileSync(path('cert.pem'), cert);
  writeFileSync(path('key.pem'), key);
  writeFileSync(path('policy.yaml'), document);
  mkdirSync(path('state'));
  const policyEnvironment = {
    TDC_POLICY_FILE: path('policy.yaml'),
    TDC_REDIS_URL: redisUrl,
    TDC_STATE_DIR: path('state'),
  };
  let policy = await startPolicy(policyEnvironment);
  const environment = {
    TDC_REDIS_URL: redisUrl,
    TDC_POLICY_ADDRESS: policy.address,
    TDC_SMTP_HOST: '127.0.0.1',
    TDC_SMTP_PORT: '0',
    TDC_SMTP_HOSTNAME: 'intake.example.net',
    TDC_SMTP_TLS_CERT_FILE: path('cert.pem'),
    TDC_SMTP_TLS_KEY_FILE: path('key.pem'),
    TDC_SHUTDOWN_SECONDS: '10',
  };
  const processes: ServiceProcess[] = [];
  const spawn = (env: Readonly<Record<string, string>>): ServiceProcess => {
    const process = startService('intake', { ...environment, ...env });
    processes.push(process);
    return process;
  };
  return {
    folder,
    policyFile: path('policy.yaml'),
    get policy() {
      return policy;
    },
    async restartPolicy() {
      const port = policy.address.split(':').at(-1) ?? '';
      await policy.stop('SIGKILL');
      policy = await startPolicy({ ...policyEnvironment, TDC_GRPC_PORT: port });
    },
    environment,
    async start(env = {}) {
      const process = spawn(env);
      return intakeOf(process, await process.ready());
    },
    async launch(env = {}) {
      const [smtp, http] = [await freePort(), await freePort()];
      const process = spawn({ TDC_SMTP_PORT: String(smtp), TDC_HTTP_PORT: String(http), ...env });
      return intakeOf(process, { smtp: `127.0.0.1:${smtp}`, http: `127.0.0.1:${http}` });
    },
    async remove() {
      await Promise.all(processes.map((process) => process.stop('SIGKILL')));
      await policy.stop('SIGKILL');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export interface HandedMail {
  readonly envelope: Envelope;
  readonly message: Buffer;
  /** Between EHLO and MAIL, each answered with success; after XCLIENT the dialogue begins anew. */
  readonly commands?: readonly string[];
}

export interface Handed {
  readonly reply: string;
  /** What the intake logged since, so far: from the message's first line on, where the reply names a MID. */
  readonly lines: () => readonly string[];
}

/** From the beginning of the message that the MID came from; nothing while that has no line yet. */
function linesFrom(mid: string, lines: readonly string[]): readonly string[] {
  const named = lines.findIndex((line) => new RegExp(`\\bMID ${mid}\\b`).test(line));
  const start = lines.findLastIndex((line, at) => at <= named && line.startsWith('Start MID '));
  return named === -1 ? [] : lines.slice(start);
}

/** Hands a message over a connection of its own. */
export async function handOver(
  intake: IntakeProcess,
  { envelope, message, commands = [] }: HandedMail,
): Promise<Handed> {
  const from = intake.lines().length;
  const sender = await intake.open();
  for (const command of commands) {
    assert.match(await sender.say(command), /^2\d\d /);
    await sender.say('EHLO gateway.example.org');
  }
  const reply = await transact(sender, envelope, message);
  await sender.quit();
  const [, mid] = /\bMID (\d+)/.exec(reply) ?? [];
  return {
    reply,
    lines: () => (mid === undefined ? intake.lines().slice(from) : linesFrom(mid, intake.lines())),
  };
}
