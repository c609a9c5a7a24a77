/** What V8 writes with --cpu-prof. Times are microseconds. */
export interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: {
      readonly functionName: string;
      readonly url: string;
      readonly lineNumber: number;
    };
  }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

export interface SelfTime {
  readonly name: string;
  readonly milliseconds: number;
  /** Of the time the process was not idle. */
  readonly share: number;
}

export interface ProfileSummary {
  readonly busyMs: number;
  readonly functions: readonly SelfTime[];
  readonly packages: readonly SelfTime[];
}

const IDLE = '(idle)';

/** Whose code a frame is: an npm package, a folder of this project's services, Node.js itself, or V8's own names in parentheses. */
export function packageOf(functionName: string, url: string): string {
  if (url === '') return functionName.startsWith('(') ? functionName : 'native';
  if (url.startsWith('node:')) return 'node';
  const [, dependency] = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(url) ?? [];
  if (dependency !== undefined) return dependency;
  const [, service, folder] = /\/services\/([^/]+)\/src\/(?:([^/]+)\/)?/.exec(url) ?? [];
  if (service !== undefined) return folder === undefined ? service : `${service}/${folder}`;
  return url.includes('/proto/') ? 'proto' : url;
}

const frameName = ({ functionName, url, lineNumber }: CpuProfile['nodes'][number]['callFrame']): string => {
  const place = url === '' ? '' : ` ${url.split('/').slice(-2).join('/')}:${lineNumber + 1}`;
  return `${functionName || '(anonymous)'}${place}`;
};

function ranked(times: ReadonlyMap<string, number>, busy: number, most: number): SelfTime[] {
  return [...times]
    .sort(([, a], [, b]) => b - a)
    .slice(0, most)
    .map(([name, time]) => ({ name, milliseconds: time / 1000, share: busy === 0 ? 0 : time / busy }));
}

/** Self time by function and by package, the most first; idle time is left out. */
export function summarizeProfile(profile: CpuProfile, most: number): ProfileSummary {
  const frames = new Map(profile.nodes.map(({ id, callFrame }) => [id, callFrame]));
  const byFunction = new Map<string, number>();
  const byPackage = new Map<string, number>();
  let busy = 0;
  for (const [n, id] of profile.samples.entries()) {
    const frame = frames.get(id);
    const time = profile.timeDeltas[n] ?? 0;
    if (frame === undefined || frame.functionName === IDLE) continue;
    busy += time;
    for (const [times, name] of [
      [byFunction, frameName(frame)],
      [byPackage, packageOf(frame.functionName, frame.url)],
    ] as const)
      times.set(name, (times.get(name) ?? 0) + time);
  }
  return {
    busyMs: busy / 1000,
    functions: ranked(byFunction, busy, most),
    packages: ranked(byPackage, busy, most),
  };
}
