import { createServer } from 'node:net';

/** A port that `npm start` wants: for what, where, and which variable changes it. */
interface WantedPort {
  readonly variable: string;
  readonly what: string;
  readonly port: number;
}

const DEFAULTS = [
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
] as const satisfies readonly WantedPort[];

export type PortVariable = (typeof DEFAULTS)[number]['variable'];

/** A port by variable; 0 is any free one, which whoever listens there chooses. */
export type Ports = Readonly<Record<PortVariable, number>>;

export const LOCAL_HOST = '127.0.0.1';

/** Why nobody can listen on the port, in words; undefined when one can. */
function whyUnusable(port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', ({ code }: NodeJS.ErrnoException) =>
      resolve(code === 'EADDRINUSE' ? 'is in use' : `cannot be listened on (${code})`),
    );
    server.listen(port, LOCAL_HOST, () => server.close(() => resolve(undefined)));
  });
}

/**
 * Ports that systems do not hand out by themselves: Linux begins at 32,768. A port from there would be free only until
 * anybody connects to anything, and the system chose just that port for his end.
 */
const OWN_PORTS = { first: 12_000, count: 20_000 };
const OFFSET = Math.floor(Math.random() * OWN_PORTS.count);
let portsGiven = 0;

/**
 * A port that was free a moment ago, for programs that cannot choose one themselves. The same is not given to two of a
 * process, and is not to be met by chance outside.
 */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < 100; tries += 1) {
    const port = OWN_PORTS.first + ((OFFSET + portsGiven) % OWN_PORTS.count);
    portsGiven += 1;
    if ((await whyUnusable(port)) === undefined) return port;
  }
  throw new Error(`none of 100 ports from ${OWN_PORTS.first + OFFSET} on is free`);
}

/**
 * The ports to use: fixed defaults, the environment's where it says otherwise. Before anything is started every fixed one
 * is tried; the answer is the list of problems when there are any.
 */
export async function choosePorts(
  env: Readonly<Record<string, string | undefined>>,
): Promise<
  | { readonly kind: 'chosen'; readonly ports: Ports }
  | { readonly kind: 'unusable'; readonly problems: readonly string[] }
> {
  const ports: Partial<Record<PortVariable, number>> = {};
  const problems: string[] = [];
  for (const { variable, what, port } of DEFAULTS) {
    const text = env[variable];
    const wanted = text === undefined || text === '' ? port : Number(text);
    const other = DEFAULTS.find((one) => wanted > 0 && ports[one.variable] === wanted);
    if (!Number.isInteger(wanted) || wanted < 0 || wanted > 65_535) {
      problems.push(`${variable} is '${text}': it must be a port, or 0 for any free one`);
    } else if (other !== undefined) {
      problems.push(`port ${wanted} is wanted twice: by ${other.variable} and by ${variable}`);
    } else {
      const why = wanted === 0 ? undefined : await whyUnusable(wanted);
      if (why !== undefined) {
        problems.push(
          `port ${wanted} on ${LOCAL_HOST} ${why}: ${what} needs it, ${variable} chooses another`,
        );
      }
      ports[variable] = wanted;
    }
  }
  return problems.length > 0 ? { kind: 'unusable', problems } : { kind: 'chosen', ports: ports as Ports };
}
