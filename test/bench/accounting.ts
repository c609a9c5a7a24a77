import { mkdirSync, readdirSync, readFileSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { waitUntil } from '../support/wait-until.ts';
import { monotonicMs } from './protocol.ts';

/** Whose CPU time and memory a process counts to. */
export const GROUPS = ['system', 'redis', 'load', 'sink'] as const;
export type Group = (typeof GROUPS)[number];

/** CPU time used so far, in seconds. */
export interface CpuReading {
  readonly atMs: number;
  readonly groups: Readonly<Record<Group, number>>;
  /** All processors of the machine, and this process with its groups. */
  readonly machine: number;
  readonly own: number;
}

/** CPU time between two readings. */
export interface CpuUse {
  readonly seconds: number;
  readonly groups: Readonly<Record<Group, number>>;
  /** Share of one core that others took. */
  readonly foreign: number;
}

/** Accounts by control group where this machine lets us make one, else by process trees. */
export interface Accounting {
  readonly method: 'cgroup' | 'proc';
  /** A command line that runs `command` as part of a group. */
  wrap(group: Group, command: readonly string[]): readonly string[];
  /** Names a started process as the root of a tree of the group. */
  adopt(group: Group, pid: number): void;
  cpu(): CpuReading;
  pids(group: Group): readonly number[];
  /** Takes the groups away, once the last of their processes is gone. */
  remove(): Promise<void>;
}

const CPUACCT = '/sys/fs/cgroup/cpuacct';
/** Of /proc/stat and /proc/PID/stat: the kernel shows ticks of 10 ms everywhere. */
const TICKS_PER_SECOND = 100;

function machineSeconds(): number {
  const [, user = 0, nice = 0, system = 0] = (readFileSync('/proc/stat', 'utf8').split('\n')[0] ?? '')
    .split(/\s+/)
    .map(Number);
  return (user + nice + system) / TICKS_PER_SECOND;
}

function ownSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

function reading(groupSeconds: (group: Group) => number): CpuReading {
  const groups = Object.fromEntries(GROUPS.map((group) => [group, groupSeconds(group)])) as Record<
    Group,
    number
  >;
  const ofGroups = Object.values(groups).reduce((sum, seconds) => sum + seconds, 0);
  return { atMs: monotonicMs(), groups, machine: machineSeconds(), own: ofGroups + ownSeconds() };
}

/** What was used from one reading to the next. */
export function cpuBetween(before: CpuReading, after: CpuReading): CpuUse {
  const seconds = (after.atMs - before.atMs) / 1000;
  const groups = Object.fromEntries(
    GROUPS.map((group) => [group, after.groups[group] - before.groups[group]]),
  ) as Record<Group, number>;
  const others = after.machine - before.machine - (after.own - before.own);
  return { seconds, groups, foreign: Math.max(0, others / seconds) };
}

/** Control groups of version 1: what forked and short-lived children used counts, to the nanosecond. */
function byControlGroup(root: string): Accounting {
  const folder = (group: Group): string => join(root, group);
  const procs = (group: Group): string => join(folder(group), 'cgroup.procs');
  return {
    method: 'cgroup',
    wrap: (group, command) => ['/bin/sh', '-c', `echo $$ > "$0" && exec "$@"`, procs(group), ...command],
    adopt: () => undefined,
    cpu: () => reading((group) => Number(readFileSync(join(folder(group), 'cpuacct.usage'), 'utf8')) / 1e9),
    pids: (group) => readFileSync(procs(group), 'utf8').split('\n').filter(Boolean).map(Number),
    async remove() {
      const isEmpty = (): boolean => GROUPS.every((group) => readFileSync(procs(group), 'utf8') === '');
      await waitUntil(isEmpty, { what: `an end of all processes in ${root}` });
      for (const group of GROUPS) rmdirSync(folder(group));
      rmdirSync(root);
    },
  };
}

interface ProcessTimes {
  readonly parent: number;
  /** Its own, and that of its children that were waited for. */
  readonly seconds: number;
}

/** Fields behind the name of a process, which may hold spaces and parentheses. */
function readProcess(pid: number): ProcessTimes | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number);
    const [user = 0, system = 0, childUser = 0, childSystem = 0] = fields.slice(11, 15);
    return { parent: fields[1] ?? 0, seconds: (user + system + childUser + childSystem) / TICKS_PER_SECOND };
  } catch {
    return undefined; // it has ended
  }
}

function byProcessTree(): Accounting {
  const roots = new Map<Group, Set<number>>(GROUPS.map((group) => [group, new Set<number>()]));
  const alive = (): Map<number, ProcessTimes> => {
    const all = new Map<number, ProcessTimes>();
    for (const name of readdirSync('/proc')) {
      const times = /^\d+$/.test(name) ? readProcess(Number(name)) : undefined;
      if (times !== undefined) all.set(Number(name), times);
    }
    return all;
  };
  const treeOf = (group: Group, all: ReadonlyMap<number, ProcessTimes>): readonly number[] => {
    const belongs = new Set(roots.get(group));
    for (let before = -1; before !== belongs.size; ) {
      before = belongs.size;
      for (const [pid, { parent }] of all) if (belongs.has(parent)) belongs.add(pid);
    }
    return [...belongs].filter((pid) => all.has(pid));
  };
  return {
    method: 'proc',
    wrap: (_, command) => command,
    adopt: (group, pid) => void roots.get(group)?.add(pid),
    cpu() {
      const all = alive();
      return reading((group) =>
        treeOf(group, all).reduce((sum, pid) => sum + (all.get(pid)?.seconds ?? 0), 0),
      );
    },
    pids: (group) => treeOf(group, alive()),
    remove: () => Promise.resolve(),
  };
}

/** Control groups where they can be made, else process trees. */
export function openAccounting(): Accounting {
  const root = join(CPUACCT, `tdc-bench-${process.pid}`);
  try {
    for (const group of GROUPS) mkdirSync(join(root, group), { recursive: true });
  } catch {
    return byProcessTree();
  }
  return byControlGroup(root);
}

/** What a file of a process says behind a name, in kB; undefined when it may not be read, or the process has ended. */
function kilobytesIn(
  pid: number,
  file: 'smaps_rollup' | 'status',
  name: 'Pss' | 'VmRSS',
): number | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/${file}`, 'utf8');
    const found = new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text);
    return found === null ? undefined : Number(found[1]);
  } catch {
    return undefined;
  }
}

/**
 * Octets of memory of the processes, pages shared between them counted once; of a process that may not be looked into, as
 * another user's without CAP_SYS_PTRACE, all that is resident.
 */
export function proportionalMemory(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => {
    const kilobytes = kilobytesIn(pid, 'smaps_rollup', 'Pss') ?? kilobytesIn(pid, 'status', 'VmRSS') ?? 0;
    return sum + kilobytes * 1024;
  }, 0);
}
