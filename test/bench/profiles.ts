import { globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type CpuProfile, type SelfTime, summarizeProfile } from './profile.ts';
import { renderTable } from './table.ts';

const MOST = 15;

const render = (title: string, times: readonly SelfTime[]): string =>
  renderTable(
    [title, 'self ms', 'share'],
    times.map(({ name, milliseconds, share }) => [
      name,
      milliseconds.toFixed(0),
      `${(share * 100).toFixed(1)}%`,
    ]),
  );

/** Of every profile below the folder: where the time of its process went, idle time left out. */
export function renderProfiles(folder: string): string {
  return globSync('**/*.cpuprofile', { cwd: folder })
    .sort()
    .map((file) => {
      const profile = JSON.parse(readFileSync(join(folder, file), 'utf8')) as CpuProfile;
      const { busyMs, functions, packages } = summarizeProfile(profile, MOST);
      return `### ${dirname(file)}: busy ${busyMs.toFixed(0)} ms\n\n${render('package', packages)}\n\n${render('function', functions)}\n`;
    })
    .join('\n');
}
