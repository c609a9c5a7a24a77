import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { type CertificateAuthority, createAuthority } from '@tdc/stand-in';
import { fingerprintOf, servedFingerprint, tlsSecret } from '../support/cluster/certificates.ts';
import { apply, getInPod, kubectl } from '../support/cluster/kubectl.ts';
import { makeNamespace, type Pod, removeNamespace } from '../support/cluster/namespace.ts';
import { type ProbePod, startProbePod } from '../support/cluster/probe-pod.ts';
import { COMPONENTS, noCluster, useTrial } from '../support/cluster/use-trial.ts';
import { asSent, CORPUS, corpusFiles } from '../support/corpus.ts';
import { readJournal } from '../support/embedded-original.ts';
import { parsePrometheusText } from '../support/prometheus-text.ts';
import { waitUntil } from '../support/wait-until.ts';

const NAMESPACE = 'tdc-life';
const FOREIGN = 'tdc-life-foreign';
const OBSERVERS = 'tdc-life-observers';
/** The kubelet brings a changed Secret or ConfigMap to a pod within about a minute and a half. */
const KUBELET_SECONDS = 150;
const SERVICES = ['policy', 'monitor'].flatMap((one) => [`tdc-${one}`, `tdc-${one}.${NAMESPACE}.svc`]);

/** Another default intake. */
const EDITED = { policy: { document: { defaultIntake: 'stand-in' } } };

describe('the life of a release', { skip: noCluster }, () => {
  const trial = useTrial(
    NAMESPACE,
    {
      standIn: { enabled: true },
      tls: {
        grpc: { mode: 'existingSecret', existingSecret: 'grpc' },
        smtp: { mode: 'existingSecret', existingSecret: 'smtp' },
      },
      networkPolicy: {
        metricsPeers: [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': OBSERVERS } } }],
      },
    },
    { install: false },
  );
  const { release } = trial;
  let authority: CertificateAuthority;

  const newSecrets = async (): Promise<{ readonly grpc: string; readonly smtp: string }> => {
    const grpc = await authority.issue({ names: SERVICES, client: true });
    const smtp = await authority.issue({ names: [`tdc-intake.${NAMESPACE}.svc`] });
    await apply(NAMESPACE, tlsSecret('grpc', grpc, authority.cert), tlsSecret('smtp', smtp));
    return { grpc: fingerprintOf(grpc.cert), smtp: fingerprintOf(smtp.cert) };
  };
  const allPods = async (): Promise<readonly Pod[]> =>
    (await Promise.all([...COMPONENTS, 'redis'].map((one) => release.pods(one)))).flat();
  const identities = (pods: readonly Pod[]): readonly string[] =>
    pods
      .map(({ metadata, status }) => `${metadata.uid} ${status.containerStatuses?.[0]?.restartCount}`)
      .toSorted();

  before(async () => {
    authority = await createAuthority();
  });

  it('is installed from nothing under the restricted Pod Security level', async () => {
    await newSecrets();
    const notes = await release.deploy(trial.values());
    assert.match(notes, /STATUS: deployed/);
    for (const { metadata, status } of await allPods())
      assert.equal(status.containerStatuses?.[0]?.restartCount, 0, metadata.name);
  });

  it('passes its own test: a message all the way to the stand-in', async () => {
    const told = await release.helm('test', '--timeout=3m', '--logs');
    assert.match(told, /Phase: +Succeeded/);
    assert.match(told, /successfully delivered/);
  });

  it('brings a message of the corpus over TLS, octet for octet', {
    skip: corpusFiles.length === 0 ? `there is no corpus at ${CORPUS}` : false,
  }, async () => {
    // From a sender who is not trusted, what the messages say of themselves counts for nothing.
    const sent = corpusFiles
      .filter((_, index) => index % 40 === 0)
      .map((file) => asSent(readFileSync(file)))
      .filter((octets) => octets.length > 2);
    await trial.intake.reset();
    const command = ['send', '--to', 'joe@example.com', '--file', '/dev/stdin', '--wait'];
    for (const message of sent)
      assert.match(await release.tdcWith(message, ...command), /successfully delivered/);
    const taken = await trial.intake.messages();
    assert.deepEqual(
      taken.filter(({ tls }) => tls === null),
      [],
    );
    const originals = await Promise.all(
      taken.map(async ({ id }) => readJournal(await trial.intake.octets(id)).original),
    );
    assert.deepEqual(
      originals.map((one) => one.toString('latin1')),
      sent.map((one) => one.toString('latin1')),
    );
  });

  describe('and strangers', () => {
    let foreign: ProbePod;
    let observer: ProbePod;
    before(async () => {
      await Promise.all([FOREIGN, OBSERVERS].map(makeNamespace));
      foreign = await startProbePod(trial.cluster, FOREIGN);
      observer = await startProbePod(trial.cluster, OBSERVERS);
    });
    after(() => Promise.all([FOREIGN, OBSERVERS].map(removeNamespace)));

    const ports = {
      redis: [6379],
      policy: [50_051, 9090],
      monitor: [50_052, 9090],
      intake: [9090],
      delivery: [9090],
    };
    const reached = async (probe: ProbePod): Promise<readonly string[]> => {
      const targets = await Promise.all(
        Object.entries(ports).map(async ([component, numbers]) => {
          const [pod] = await release.pods(component);
          return numbers.map((port) => ({ component, port, host: pod?.status.podIP ?? '' }));
        }),
      );
      const found: string[] = [];
      for (const { component, port, host } of targets.flat())
        if ((await probe.connect(host, port)) === 'open') found.push(`${component}:${port}`);
      return found.toSorted();
    };

    it('reach neither Redis nor policy nor monitor nor metrics', async () => {
      assert.deepEqual(await reached(foreign), []);
    });

    it('may hand over mail', async () => {
      assert.equal(await foreign.connect(`tdc-intake.${NAMESPACE}.svc.cluster.local`, 25), 'open');
    });

    it('read metrics where they are named, and nothing else', async () => {
      assert.deepEqual(await reached(observer), [
        'delivery:9090',
        'intake:9090',
        'monitor:9090',
        'policy:9090',
      ]);
      const [pod] = await release.pods('monitor');
      assert.equal(await observer.get(`http://${pod?.status.podIP}:9090/metrics`), '200');
    });
  });

  it('takes new certificates and a new policy without a restart', async () => {
    const before = identities(await allPods());
    const expected = await newSecrets();
    await release.deploy(trial.values(EDITED));
    const withinSeconds = KUBELET_SECONDS;
    for (const { metadata, status } of await release.pods('intake')) {
      await waitUntil(
        async () =>
          (await servedFingerprint(NAMESPACE, 'deploy/tdc-monitor', {
            host: status.podIP ?? '',
            port: 2525,
            starttls: true,
          })) === expected.smtp,
        { withinSeconds, what: `the new certificate on ${metadata.name}` },
      );
      await waitUntil(
        async () => {
          const text = await getInPod(NAMESPACE, metadata.name, 'http://127.0.0.1:9090/metrics');
          return parsePrometheusText(text).get('tdc_policy_revision') === 2;
        },
        { withinSeconds, what: `the new policy on ${metadata.name}` },
      );
    }
    for (const [component, port] of [
      ['policy', 50_051],
      ['monitor', 50_052],
    ] as const) {
      for (const { metadata, status } of await release.pods(component)) {
        await waitUntil(
          async () =>
            (await servedFingerprint(NAMESPACE, 'deploy/tdc-monitor', {
              host: status.podIP ?? '',
              port,
              starttls: false,
            })) === expected.grpc,
          { withinSeconds, what: `the new certificate on ${metadata.name}` },
        );
      }
    }
    const explained = await release.tdc(
      'policy',
      'explain',
      '--from',
      'ann@example.org',
      '--to',
      'joe@example.com',
    );
    assert.match(explained, /^Revision +2$/m);
    assert.match(explained, /to intake stand-in/);
    assert.deepEqual(identities(await allPods()), before, 'a pod was restarted');
  });

  it('is upgraded: only what changed is replaced', async () => {
    const [delivery, intake, redis] = await Promise.all(
      (['delivery', 'intake', 'redis'] as const).map((one) => release.uids(one)),
    );
    await release.deploy(trial.values({ ...EDITED, delivery: { retryDelaySeconds: 30 } }));
    assert.deepEqual(await release.uids('intake'), intake);
    assert.deepEqual(await release.uids('redis'), redis);
    await release.gone('delivery', delivery ?? new Set());
    const { delivered } = await release.settled();
    assert.ok(delivered > 0, 'the account survives');
  });

  it('is rolled back', async () => {
    await release.helm('rollback', '2', '--wait', '--timeout=4m');
    const [pod] = await release.pods('delivery');
    assert.doesNotMatch(JSON.stringify(pod?.spec), /"TDC_RETRY_DELAY_SECONDS","value":"30"/);
    assert.match(await release.helm('test', '--timeout=3m'), /Phase: +Succeeded/);
  });

  it('is removed, but for the volume of Redis', async () => {
    await release.helm('uninstall', '--wait', '--timeout=3m');
    const kinds =
      'all,secrets,configmaps,serviceaccounts,networkpolicies,poddisruptionbudgets,persistentvolumeclaims,roles,rolebindings';
    const left = async (): Promise<string> =>
      kubectl(
        '--namespace',
        NAMESPACE,
        'get',
        kinds,
        '--selector=app.kubernetes.io/instance=tdc',
        '--output=name',
      );
    await waitUntil(async () => !(await left()).includes('pod/'), {
      withinSeconds: 120,
      what: 'the pods to finish',
    });
    assert.equal(await left(), 'persistentvolumeclaim/data-tdc-redis-0\n');
  });
});
