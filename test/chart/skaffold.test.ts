import assert from 'node:assert/strict';
import { existsSync, globSync } from 'node:fs';
import { join, matchesGlob } from 'node:path';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import { ROOT, textOf } from '../architecture/source-tree.ts';
import { CHART, find, type Manifest, render } from '../support/chart.ts';
import { isIgnored, stagesOf } from '../support/dockerfile.ts';

/** What is looked at of skaffold.yaml; its keys are checked against KEYS. */
interface Sync {
  readonly src: string;
  readonly dest: string;
}
interface Artifact {
  readonly image: string;
  readonly context: string;
  readonly docker: { readonly dockerfile: string; readonly target: string };
  readonly sync?: { readonly manual: readonly Sync[] };
}
interface Release {
  readonly name: string;
  readonly chartPath: string;
  readonly namespace: string;
  readonly valuesFiles: readonly string[];
  readonly setValueTemplates: Readonly<Record<string, string>>;
  readonly setValues?: Readonly<Record<string, unknown>>;
}
interface PortForward {
  readonly resourceType: string;
  readonly resourceName: string;
  readonly namespace: string;
  readonly port: number;
  readonly localPort: number;
}
interface Verify {
  readonly name: string;
  readonly container: { readonly image: string; readonly args: readonly string[] };
}
interface Pipeline {
  readonly apiVersion: string;
  readonly build: { readonly artifacts: readonly Artifact[] };
  readonly deploy: { readonly helm: { readonly releases: readonly Release[] } };
  readonly portForward: readonly PortForward[];
  readonly verify?: readonly Verify[];
}
interface Patch {
  readonly op: 'add' | 'replace' | 'remove';
  readonly path: string;
  readonly value?: unknown;
}
interface Profile {
  readonly name: string;
  readonly patches?: readonly Patch[];
  readonly verify?: readonly Verify[];
}

/** Keys that skaffold/v4beta14 has in the places where this file has something; `*` is any item of a list. */
const KEYS: Readonly<Record<string, readonly string[]>> = {
  '': ['apiVersion', 'kind', 'metadata', 'build', 'deploy', 'portForward', 'profiles', 'verify'],
  build: ['artifacts', 'tagPolicy', 'local', 'platforms', 'insecureRegistries'],
  'build.tagPolicy': ['gitCommit', 'sha256', 'inputDigest', 'envTemplate', 'dateTime', 'customTemplate'],
  'build.tagPolicy.gitCommit': ['variant', 'prefix', 'ignoreChanges'],
  'build.local': ['push', 'tryImportMissing', 'useDockerCLI', 'useBuildkit', 'concurrency'],
  'build.artifacts.*': [
    'image',
    'context',
    'docker',
    'sync',
    'requires',
    'hooks',
    'platforms',
    'runtimeType',
  ],
  'build.artifacts.*.docker': ['dockerfile', 'target', 'buildArgs', 'network', 'cacheFrom', 'noCache', 'ssh'],
  'build.artifacts.*.sync': ['manual', 'infer', 'auto', 'hooks'],
  'build.artifacts.*.sync.manual.*': ['src', 'dest', 'strip'],
  deploy: ['helm', 'statusCheck', 'statusCheckDeadlineSeconds', 'kubeContext', 'logs'],
  'deploy.helm': ['releases', 'flags', 'hooks'],
  'deploy.helm.releases.*': [
    'name',
    'chartPath',
    'remoteChart',
    'version',
    'namespace',
    'createNamespace',
    'wait',
    'valuesFiles',
    'setValues',
    'setValueTemplates',
    'setFiles',
    'overrides',
    'skipBuildDependencies',
    'upgradeOnChange',
  ],
  'portForward.*': ['resourceType', 'resourceName', 'namespace', 'address', 'port', 'localPort'],
  'verify.*': ['name', 'timeout', 'container', 'executionMode'],
  'verify.*.container': ['name', 'image', 'command', 'args', 'env'],
  'verify.*.container.env.*': ['name', 'value'],
  'verify.*.executionMode': ['local', 'kubernetesCluster'],
  'verify.*.executionMode.kubernetesCluster': ['overrides', 'jobManifestPath'],
};
/** Below these the keys are the user's. */
const OPEN = new Set([
  'deploy.helm.releases.*.setValues',
  'deploy.helm.releases.*.setValueTemplates',
  'metadata',
]);
const PROFILE_KEYS = [
  'name',
  'activation',
  'requiresAllActivations',
  'patches',
  'build',
  'deploy',
  'portForward',
  'verify',
];

const file = parse(textOf('skaffold.yaml')) as Pipeline & { readonly profiles: readonly Profile[] };
const { profiles, ...base } = file;

/** The path of every key that the schema does not have. */
function unknownKeys(value: unknown, path = ''): readonly string[] {
  if (Array.isArray(value)) return value.flatMap((item) => unknownKeys(item, `${path}.*`));
  if (typeof value !== 'object' || value === null || OPEN.has(path)) return [];
  return Object.entries(value).flatMap(([key, inner]) => {
    const below = path === '' ? key : `${path}.${key}`;
    return KEYS[path]?.includes(key) ? unknownKeys(inner, below) : [below];
  });
}

/** Applies one JSON patch (RFC 6902) in place; fails where it leads nowhere. */
function apply(target: unknown, { op, path, value }: Patch): void {
  const steps = path.split('/').slice(1);
  const last = steps.pop() ?? '';
  let at = target as Record<string, unknown>;
  for (const step of steps) {
    at = (at[step] ?? assert.fail(`${path} leads nowhere at ${step}`)) as Record<string, unknown>;
  }
  if (op !== 'add') assert.ok(last in at, `${path} is not there to ${op}`);
  if (!Array.isArray(at)) {
    if (op === 'remove') delete at[last];
    else at[last] = value;
  } else {
    const index = last === '-' ? at.length : Number(last);
    at.splice(index, op === 'add' ? 0 : 1, ...(op === 'remove' ? [] : [value]));
  }
}

/** What Skaffold works with under these profiles. */
function pipelineWith(...names: readonly string[]): Pipeline {
  const pipeline = structuredClone(base) as Record<string, unknown>;
  for (const name of names) {
    const profile = profiles.find((one) => one.name === name) ?? assert.fail(`there is no profile ${name}`);
    if (profile.verify !== undefined) pipeline['verify'] = profile.verify;
    for (const patch of profile.patches ?? []) apply(pipeline, patch);
  }
  return pipeline as unknown as Pipeline;
}

const COMBINATIONS: readonly (readonly string[])[] = [
  [],
  ['dev'],
  ['debug'],
  ['ci'],
  ['kind'],
  ['dev', 'kind'],
  ['debug', 'kind'],
  ['ci', 'kind'],
];

/** Whether the schema of the chart's values has a path, with dots. */
function hasValue(path: string): boolean {
  interface Schema {
    readonly properties?: Readonly<Record<string, Schema>>;
  }
  let at: Schema | undefined = JSON.parse(textOf('charts/tdc/values.schema.json')) as Schema;
  for (const step of path.split('.')) at = at?.properties?.[step];
  return at !== undefined;
}

/** What Helm is given: values files, and single values on top. */
function rendered(release: Release): readonly Manifest[] {
  const values: Record<string, unknown> = {};
  for (const name of release.valuesFiles) mergeInto(values, parse(textOf(name)) as Record<string, unknown>);
  for (const [path, value] of Object.entries(release.setValues ?? {})) {
    const nested = path.split('.').reduceRight<unknown>((inner, step) => ({ [step]: inner }), value);
    mergeInto(values, nested as Record<string, unknown>);
  }
  return render(4, values);
}

function mergeInto(target: Record<string, unknown>, above: Readonly<Record<string, unknown>>): void {
  for (const [key, value] of Object.entries(above)) {
    const under = target[key];
    if (typeof value === 'object' && value !== null && !Array.isArray(value) && typeof under === 'object') {
      mergeInto(under as Record<string, unknown>, value as Record<string, unknown>);
    } else target[key] = structuredClone(value);
  }
}

const artifactOf = (pipeline: Pipeline): Artifact =>
  pipeline.build.artifacts[0] ?? assert.fail('there is no artifact');
const releaseOf = (pipeline: Pipeline): Release =>
  pipeline.deploy.helm.releases[0] ?? assert.fail('there is no release');

describe('skaffold.yaml', () => {
  it('is of the version that its documentation names', () => {
    assert.equal(base.apiVersion, 'skaffold/v4beta14');
    assert.match(textOf('docs/development.md'), /Skaffold 2\.19 or newer/);
  });

  it('has profiles with keys of the schema alone', () => {
    for (const profile of profiles) {
      assert.deepEqual(
        Object.keys(profile).filter((key) => !PROFILE_KEYS.includes(key)),
        [],
        profile.name,
      );
    }
  });

  for (const names of COMBINATIONS) {
    const pipeline = pipelineWith(...names);
    describe(names.length === 0 ? 'without a profile' : `with ${names.join(' and ')}`, () => {
      it('has keys of the schema alone', () => assert.deepEqual(unknownKeys(pipeline), []));

      it('builds a stage that the Dockerfile has', () => {
        const { docker, context } = artifactOf(pipeline);
        const stages = stagesOf(textOf(join(context, docker.dockerfile))).map(({ name }) => name);
        assert.ok(stages.includes(docker.target), docker.target);
      });

      it('deploys what it builds, with values that the chart has', () => {
        assert.equal(pipeline.build.artifacts.length, 1);
        const { image } = artifactOf(pipeline);
        const release = releaseOf(pipeline);
        assert.equal(release.chartPath, CHART);
        assert.deepEqual(release.setValueTemplates, {
          'image.repository': `{{.IMAGE_REPO_${image}}}`,
          'image.tag': `{{.IMAGE_TAG_${image}}}`,
          'image.digest': `{{.IMAGE_DIGEST_${image}}}`,
        });
        for (const path of Object.keys({ ...release.setValueTemplates, ...release.setValues })) {
          assert.ok(hasValue(path), path);
        }
        for (const name of release.valuesFiles) assert.ok(existsSync(join(ROOT, name)), name);
        for (const { container } of pipeline.verify ?? []) assert.equal(container.image, image);
      });

      it('forwards ports that the release has, each to a port of its own', () => {
        const manifests = rendered(releaseOf(pipeline));
        for (const { resourceType, resourceName, port, namespace } of pipeline.portForward) {
          const kind = resourceType === 'service' ? 'Service' : 'Deployment';
          const object = manifests.find((one) => one.kind === kind && one.metadata.name === resourceName);
          assert.ok(object, `${kind} ${resourceName}`);
          assert.equal(namespace, releaseOf(pipeline).namespace);
          if (kind === 'Service') {
            const { ports } = object.spec as { ports: readonly { port: number }[] };
            assert.ok(
              ports.some((one) => one.port === port),
              `${resourceName}:${port}`,
            );
          } else assert.ok(JSON.stringify(object.spec).includes(`--inspect=127.0.0.1:${port}`), resourceName);
        }
        const local = pipeline.portForward.map(({ localPort }) => localPort);
        assert.deepEqual(local, [...new Set(local)]);
      });
    });
  }

  it('copies sources, and only what is in the image, into running pods', () => {
    const manual = artifactOf(pipelineWith('dev')).sync?.manual ?? [];
    for (const main of globSync('services/*/src/main.ts', { cwd: ROOT })) {
      assert.ok(
        manual.some(({ src }) => matchesGlob(main, src)),
        main,
      );
    }
    for (const { src, dest } of manual) {
      assert.equal(dest, '/app');
      const matching = globSync(src, { cwd: ROOT });
      assert.ok(matching.length > 0, src);
      assert.deepEqual(
        matching.filter((path) => isIgnored(textOf('.dockerignore'), path)),
        [],
      );
    }
    assert.equal(artifactOf(pipelineWith()).sync, undefined);
  });

  it('verifies by a message that is sent to the Service, and waited for', () => {
    const pipeline = pipelineWith('ci');
    const { name, namespace } = releaseOf(pipeline);
    const [verify] = pipeline.verify ?? [];
    assert.deepEqual(verify?.container.args.slice(0, 4), [
      'tdc',
      'send',
      '--server',
      `${name}-intake.${namespace}.svc:25`,
    ]);
    assert.ok(verify?.container.args.includes('--wait'));
  });
});

interface KindCluster {
  readonly kind: string;
  readonly apiVersion: string;
  readonly name: string;
  readonly nodes: readonly {
    readonly role: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly extraPortMappings?: readonly Readonly<Record<string, unknown>>[];
  }[];
}

describe('the cluster of kind', () => {
  const cluster = parse(textOf('deploy/kind/cluster.yaml')) as KindCluster;

  it('has keys of kind.x-k8s.io/v1alpha4 alone', () => {
    assert.deepEqual([cluster.kind, cluster.apiVersion], ['Cluster', 'kind.x-k8s.io/v1alpha4']);
    assert.deepEqual(Object.keys(cluster), ['kind', 'apiVersion', 'name', 'nodes']);
    for (const node of cluster.nodes) {
      for (const key of Object.keys(node)) {
        assert.ok(['role', 'labels', 'extraPortMappings'].includes(key), key);
      }
    }
  });

  it('has two workers, in two zones', () => {
    const workers = cluster.nodes.filter(({ role }) => role === 'worker');
    const zones = workers.map(({ labels }) => labels?.['topology.kubernetes.io/zone']);
    assert.deepEqual(zones, ['zone1', 'zone2']);
  });

  it('has the name that its profile is activated by, and maps the port that it sets', () => {
    const profile = profiles.find(({ name }) => name === 'kind') as { activation?: readonly unknown[] };
    assert.deepEqual(profile.activation, [{ kubeContext: `kind-${cluster.name}` }]);
    const release = releaseOf(pipelineWith('kind'));
    const service = find(rendered(release), 'Service', 'tdc-intake');
    const { type, ports } = service.spec as { type: string; ports: readonly { nodePort?: number }[] };
    const mappings = cluster.nodes.flatMap(({ extraPortMappings = [] }) => extraPortMappings);
    assert.equal(type, 'NodePort');
    assert.deepEqual(
      mappings.map(({ containerPort, hostPort, listenAddress }) => [containerPort, hostPort, listenAddress]),
      [[ports[0]?.nodePort, 2525, '127.0.0.1']],
    );
  });
});
