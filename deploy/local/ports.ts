import { createServer } from 'node:net';

/** A port that `npm start` wants: for what, where, and which variable changes it. */
export interface WantedPort {
  readonly variable: string;
  readonly what: string;
  readonly port: number;
}

const DEFAULTS: readonly WantedPort[] = [
  { variable: 'TDC_SMTP_PORT', what: 'mail', port: 2525 },
  { variable: 'TDC_STAND_IN_SMTP_PORT', what: "the stand-in's SMTP", port: 2526 },
  { variable: 'TDC_STAND_IN_HTTP_PORT', what: "the stand-in's web address", port: 8025 },
  { variable: 'TDC_POLICY_GRPC_PORT', what: "policy's gRPC", port: 50_051 },
  { variable: 'TDC_MONITOR_GRPC_PORT', what: "monitor's gRPC", port: 50_052 },
  { variable: 'TDC_INTAKE_HTTP_PORT', what: "intake's metrics", port: 9091 },
  { variable: 'TDC_DELIVERY_HTTP_PORT', what: "delivery's metrics", port: 9092 },
  { variable: 'TDC_POLICY_HTTP_PORT', what: "policy's metrics", port: 9093 },
  { variable: 'TDC_MONITOR_HTTP_PORT', what: "monitor's metrics", port: 9094 },
  { variable: 'TDC_REDIS_PORT', what: 'Redis', port: 0 },
];

export type PortVariable = (typeof DEFAULTS)[number]['variable'];

export const LOCAL_HOST = '127.0.0.1';

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, LOCAL_HOST, () => server.close(() => resolve(true)));
  });
}

/** A port that was free a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, LOCAL_HOST, () => {
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}

/**
 * The ports to use: fixed defaults, the environment's where it says otherwise; 0 is any free one. Before anything is
 * started every fixed one is tried; the answer is the list of problems when there are any.
 */
export async function choosePorts(
  env: Readonly<Record<string, string | undefined>>,
): Promise<{ readonly ports: ReadonlyMap<string, number> } | { readonly problems: readonly string[] }> {
  const ports = new Map<string, number>();
  const problems: string[] = [];
  for (const { variable, what, port } of DEFAULTS) {
    const text = env[variable];
    const wanted = text === undefined || text === '' ? port : Number(text);
    if (!Number.isInteger(wanted) || wanted < 0 || wanted > 65_535) {
      problems.push(`${variable} is '${text}': it must be a port, or 0 for any free one`);
    } else if (wanted !== 0 && !(await isFree(wanted))) {
      problems.push(
        `port ${wanted} on ${LOCAL_HOST} is in use: ${what} needs it, ${variable} chooses another`,
      );
    } else ports.set(variable, wanted === 0 ? await freePort() : wanted);
  }
  return problems.length > 0 ? { problems } : { ports };
}
