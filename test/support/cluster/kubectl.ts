import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

const MAX_OUTPUT = 256 * 1024 * 1024;
/** No command of these takes so long: one that does hangs. */
const TIMEOUT_MS = 240_000;

/** The cluster that the tests are given. */
export interface ClusterSettings {
  /** The product's image, as the nodes have it. */
  readonly image: string;
  /** An image with `redis-server`, as the nodes have it; undefined: the chart's own. */
  readonly redisImage: string | undefined;
  /** Commands that take a node's name: as a power cut, and back again. */
  readonly stopNode: string | undefined;
  readonly startNode: string | undefined;
  /** An address of this machine that pods reach. */
  readonly hostAddress: string | undefined;
}

/** What the environment says of the cluster; a text when there is none to test in, which says what is missing. */
export function clusterSettings(env: NodeJS.ProcessEnv = process.env): ClusterSettings | string {
  if (!env['KUBECONFIG']) return 'KUBECONFIG names no cluster';
  const image = env['TDC_TEST_IMAGE'];
  if (!image) return 'TDC_TEST_IMAGE names no image that the nodes have';
  return {
    image,
    redisImage: env['TDC_TEST_REDIS_IMAGE'] || undefined,
    stopNode: env['TDC_TEST_STOP_NODE'] || undefined,
    startNode: env['TDC_TEST_START_NODE'] || undefined,
    hostAddress: env['TDC_TEST_HOST_ADDRESS'] || undefined,
  };
}

/** Runs a program; its output. Fails with what it said. */
export async function runProgram(
  program: string,
  args: readonly string[],
  input?: string | Buffer,
  timeoutMs = TIMEOUT_MS,
): Promise<string> {
  const running = run(program, args, { encoding: 'utf8', maxBuffer: MAX_OUTPUT, timeout: timeoutMs });
  if (input !== undefined) running.child.stdin?.end(input);
  try {
    return (await running).stdout;
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    throw new Error(`${program} ${args.slice(0, 8).join(' ')}: ${stderr}${stdout.slice(-2000)}`, {
      cause: error,
    });
  }
}

export const kubectl = (...args: readonly string[]): Promise<string> => runProgram('kubectl', args);

/** An object or a list as JSON. */
export const kubectlJson = async <T>(...args: readonly string[]): Promise<T> =>
  JSON.parse(await kubectl(...args, '--output=json')) as T;

/** Applies objects. */
export const apply = (namespace: string, ...objects: readonly unknown[]): Promise<string> =>
  runProgram(
    'kubectl',
    ['--namespace', namespace, 'apply', '--server-side', '--force-conflicts', '--filename=-'],
    objects.map((one) => JSON.stringify(one)).join('\n---\n'),
  );

/** What a port of a pod's own answers to GET; the pod is of the product's image. */
export const getInPod = (namespace: string, pod: string, url: string): Promise<string> =>
  inPod(namespace, pod, `process.stdout.write(await (await fetch('${url}')).text());`);

/** Runs Node.js code in a pod of the product's image, which has nothing else; what it wrote. */
export const inPod = (namespace: string, pod: string, code: string): Promise<string> =>
  kubectl('--namespace', namespace, 'exec', pod, '--', '/usr/bin/node', '--input-type=module', '-e', code);
