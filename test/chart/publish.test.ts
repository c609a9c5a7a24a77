import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { parseAllDocuments } from 'yaml';
import { packageChart } from '../../deploy/publish/package-chart.ts';
import { textOf } from '../architecture/source-tree.ts';
import { render } from '../support/chart.ts';
import { whyNoDebian } from '../support/debian.ts';
import { HELM_MAJORS, type HelmMajor, helm, helmProgram } from '../support/helm.ts';
import { type OciRegistry, startOciRegistry } from '../support/oci-registry.ts';
import { waitUntil } from '../support/wait-until.ts';

const EPOCH_SECONDS = 1_763_100_000;
const work = mkdtempSync(join(tmpdir(), 'tdc-publish-'));
after(() => rmSync(work, { recursive: true, force: true }));

function packaged(folder: string, epochSeconds = EPOCH_SECONDS): string {
  const result = packageChart({ helm: helmProgram(4), destination: join(work, folder), epochSeconds });
  return result.kind === 'packaged' ? result.archive : assert.fail(result.message);
}

const outputOf = (result: ReturnType<typeof helm>): string =>
  result.kind === 'ok' ? result.output : assert.fail(result.message);

describe('the archive of the chart', () => {
  it('has the same bytes whenever it is made', async () => {
    const first = packaged('first');
    const second = Math.floor(Date.now() / 1000);
    // Archives tell whole seconds: the other one is made in another second.
    await waitUntil(() => Math.floor(Date.now() / 1000) > second);
    assert.ok(readFileSync(first).equals(readFileSync(packaged('second'))));
  });

  it('has the time of the commit in it', () => {
    assert.ok(!readFileSync(packaged('now')).equals(readFileSync(packaged('later', EPOCH_SECONDS + 60))));
  });

  it('is not made with Helm 3, which writes the time of packaging into it', () => {
    const result = packageChart({
      helm: helmProgram(3),
      destination: join(work, 'helm-3'),
      epochSeconds: EPOCH_SECONDS,
    });
    assert.match(
      result.kind === 'failed' ? result.message : '',
      /is v3\.[\d.]+: only from Helm 4 on archives keep the files’ times$/,
    );
  });

  it('is not made without Helm, and says so', () => {
    const result = packageChart({ helm: '/nowhere/helm', destination: work, epochSeconds: EPOCH_SECONDS });
    assert.deepEqual(result, {
      kind: 'failed',
      message: '/nowhere/helm cannot be run: Helm 4 packages the chart',
    });
  });
});

describe('the chart in an OCI registry', { skip: whyNoDebian() ?? false }, () => {
  let registry: OciRegistry | undefined;
  let archive = '';
  before(async () => {
    archive = packaged('pushed');
    registry = await startOciRegistry();
  });
  after(async () => registry?.remove());

  /** Each Helm its own repository: what one has pushed the other does not find. */
  const repository = (major: HelmMajor): string => `oci://${registry?.address}/helm-${major}`;
  const push = (major: HelmMajor): ReturnType<typeof helm> =>
    helm(major, 'push', archive, repository(major), '--plain-http');
  /** What the registry calls the version that a Helm has pushed. */
  async function digestOf(major: HelmMajor): Promise<string> {
    const address = `http://${registry?.address}/v2/helm-${major}/tdc/manifests/${version}`;
    const { headers } = await fetch(address, {
      method: 'HEAD',
      headers: { accept: 'application/vnd.oci.image.manifest.v1+json' },
    });
    return headers.get('docker-content-digest') ?? assert.fail('the registry has no such version');
  }
  const { version } = JSON.parse(textOf('package.json')) as { version: string };

  for (const major of HELM_MAJORS) {
    it(`is pulled by its version as it was pushed, by Helm ${major}`, () => {
      outputOf(push(major));
      const folder = join(work, `pulled-${major}`);
      mkdirSync(folder);
      outputOf(
        helm(
          major,
          'pull',
          `${repository(major)}/tdc`,
          '--version',
          version,
          '--destination',
          folder,
          '--plain-http',
        ),
      );
      assert.ok(readFileSync(join(folder, `tdc-${version}.tgz`)).equals(readFileSync(archive)));
    });

    it(`is rendered by its digest like the folder, by Helm ${major}`, async () => {
      outputOf(push(major));
      const digest = await digestOf(major);
      const rendered = outputOf(
        helm(
          major,
          'template',
          'tdc',
          `${repository(major)}/tdc@${digest}`,
          '--namespace',
          'mail',
          '--plain-http',
        ),
      );
      const names = parseAllDocuments(rendered).flatMap((document) => {
        const object = document.toJS() as { kind: string; metadata?: { name: string } } | null;
        // Helm 4 says in front, in the same stream, what it has pulled.
        return object?.metadata === undefined ? [] : [`${object.kind} ${object.metadata.name}`];
      });
      assert.deepEqual(
        names.toSorted(),
        render(major)
          .map(({ kind, metadata }) => `${kind} ${metadata.name}`)
          .toSorted(),
      );
    });
  }

  it('has the same digest whoever pushes it, and whenever', async () => {
    for (const major of HELM_MAJORS) outputOf(push(major));
    assert.equal(await digestOf(3), await digestOf(4));
  });
});
