import assert from 'node:assert/strict';
import { existsSync, globSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, it } from 'node:test';
import { ROOT, textOf } from '../architecture/source-tree.ts';
import { all, isIgnored, type Stage, stagesOf } from '../support/dockerfile.ts';

/** The image is not built here: what is looked at is what decides how it comes out. */
const stages = stagesOf(textOf('deploy/docker/Dockerfile'));
const stageCalled = (name: string): Stage =>
  stages.find((stage) => stage.name === name) ?? assert.fail(`no stage is called ${name}`);
const build = stageCalled('build');
const runtime = stageCalled('runtime');
const runs = all(build, 'RUN').join('\n');

interface Package {
  readonly name: string;
  readonly version: string;
  readonly description?: string;
  readonly license: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}
const packageOf = (folder: string): Package => JSON.parse(textOf(join(folder, 'package.json'))) as Package;
const workspaces = ['proto', ...globSync('services/*', { cwd: ROOT }).sort()];
const folderOf = new Map(workspaces.map((folder) => [packageOf(folder).name, folder]));

/** Folders of the workspaces that a folder's package needs, itself included. */
function needs(folder: string, found = new Set<string>()): ReadonlySet<string> {
  if (found.has(folder)) return found;
  found.add(folder);
  for (const name of Object.keys(packageOf(folder).dependencies ?? {})) {
    const below = folderOf.get(name);
    if (below !== undefined) needs(below, found);
  }
  return found;
}

const entrypoint = textOf('deploy/docker/entrypoint.ts');
/** Process → its main file, as the entry point has them. */
const processes = new Map(
  [...entrypoint.matchAll(/^ {2}'?([\w-]+)'?: '\.\.\/\.\.\/(services\/[^']+)',$/gm)].map(
    ([, name = '', main = '']) => [name, main] as const,
  ),
);

describe('the image', () => {
  it('runs every process that there is, and no other', () => {
    const mains = globSync('services/*/src/main.ts', { cwd: ROOT }).sort();
    assert.deepEqual([...processes.values()].sort(), mains);
    for (const [name, main] of processes) {
      const service = basename(join(main, '../..'));
      assert.equal(name, service === 'cli' ? 'tdc' : service);
    }
  });

  it('is given every workspace that its processes need, and installs its libraries', () => {
    const needed = new Set([...processes.values()].flatMap((main) => [...needs(join(main, '../..'))]));
    const installed = [...runs.matchAll(/--workspace=(\S+)/g)].map(([, folder = '']) => folder);
    assert.deepEqual(installed.toSorted(), [...needed].sort());
    const copied = all(build, 'COPY').flatMap((text) => text.split(' ').slice(0, -1));
    for (const folder of needed) {
      assert.ok(
        copied.some((path) => folder === path || folder.startsWith(`${path}/`)),
        folder,
      );
    }
  });

  it('is given files that exist and that reach the build', () => {
    const ignore = textOf('.dockerignore');
    for (const path of all(build, 'COPY').flatMap((text) => text.split(' ').slice(0, -1))) {
      assert.ok(existsSync(join(ROOT, path)), path);
      assert.equal(isIgnored(ignore, path), false, path);
    }
  });

  it('installs what the lock file has, and runs no script of a package', () => {
    assert.match(runs, /npm ci [^&]*--omit=dev [^&]*--ignore-scripts/);
    assert.doesNotMatch(runs, /npm (install|i) /);
  });

  it('lists what is installed in an SBOM, without npm’s selection, which leaves out what is needed twice', () => {
    assert.match(runs, /npm sbom --sbom-format=spdx > sbom\.spdx\.json/);
  });

  it('keeps licences, and no lock file for scanners to read what is not installed from', () => {
    assert.match(runs, /find node_modules ! -iname 'licen\[cs\]e\*'/);
    assert.match(runs, /rm package-lock\.json/);
    assert.ok(all(build, 'COPY').some((text) => text.split(' ').includes('LICENSE')));
  });

  it('starts from nothing, takes over from a stage by its name, and fetches nothing by address', () => {
    assert.deepEqual(
      stages.map(({ name, base }) => [name, base]),
      [
        ['build', 'node:24-bookworm-slim'],
        ['dev', 'build'],
        ['runtime', 'scratch'],
      ],
    );
    assert.deepEqual(all(runtime, 'COPY'), ['--from=build /out /', '--from=build /app /app']);
    assert.deepEqual(
      stages.flatMap((stage) => all(stage, 'ADD')),
      [],
    );
    assert.doesNotMatch(runs, /\b(curl|wget)\b/);
  });

  it('runs nothing in its last stage, where there is no shell', () => {
    assert.deepEqual(all(runtime, 'RUN'), []);
    assert.match(
      all(runtime, 'ENTRYPOINT').join(),
      /^\["\/usr\/bin\/node", "\/app\/deploy\/docker\/entrypoint\.ts"\]$/,
    );
  });

  it('runs as the user that the chart names', () => {
    assert.deepEqual(all(runtime, 'USER'), ['65532:65532']);
    assert.match(textOf('charts/tdc/values.yaml'), /^ {2}runAsUser: 65532\n {2}runAsGroup: 65532$/m);
  });

  it('says what it is', () => {
    const labels = new Map(
      [
        ...all(runtime, 'LABEL')
          .join(' ')
          .matchAll(/org\.opencontainers\.image\.(\w+)="([^"]*)"/g),
      ].map(([, key = '', value = '']) => [key, value] as const),
    );
    const { license, version } = packageOf('.');
    assert.equal(labels.get('title'), 'tdc');
    assert.ok(labels.get('description'));
    assert.equal(labels.get('licenses'), license);
    for (const [label, argument] of Object.entries({
      version: `VERSION=${version}`,
      revision: 'REVISION=unknown',
      source: 'SOURCE=unknown',
      documentation: 'DOCUMENTATION=unknown',
    })) {
      assert.equal(labels.get(label), `\${${argument.split('=')[0]}}`);
      assert.ok(all(runtime, 'ARG').includes(argument), argument);
    }
  });

  it('carries the version of the chart, and of every package', () => {
    const { version } = packageOf('.');
    const chart = textOf('charts/tdc/Chart.yaml');
    assert.match(chart, new RegExp(`^version: ${version}$`, 'm'));
    assert.match(chart, new RegExp(`^appVersion: "${version}"$`, 'm'));
    for (const folder of workspaces) assert.equal(packageOf(folder).version, version, folder);
  });
});

describe('what reaches the build of the image', () => {
  const ignore = textOf('.dockerignore');
  const KEPT_OUT = [
    '.git/config',
    '.tdc/helm/helm-4',
    '.ci/run',
    'node_modules/typescript/package.json',
    'services/platform/node_modules/x/package.json',
    'services/intake/mail.log',
    'test/support/helm.ts',
    'charts/tdc/values.yaml',
    'docs/install.md',
    'deploy/local/start.ts',
    'deploy/kind/cluster.yaml',
    'skaffold.yaml',
  ];
  for (const path of KEPT_OUT) {
    it(`is not ${path}`, () => assert.equal(isIgnored(ignore, path), true));
  }
  for (const path of ['deploy/docker/entrypoint.ts', 'services/intake/src/main.ts', 'package-lock.json']) {
    it(`is ${path}`, () => assert.equal(isIgnored(ignore, path), false));
  }
});
