import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { after, before, describe, it } from 'node:test';
import { connect, type TLSSocket } from 'node:tls';
import { plaintextTransport, securityProblem } from '@tdc/platform';
import {
  askPolicyOver,
  clientWith,
  type Flaw,
  type GrpcTlsGround,
  prepareGrpcTls,
  type TlsProcess,
} from '../support/grpc-tls-ground.ts';
import type { MountedSecret, TlsSecret } from '../support/mounted-secret.ts';
import { sampleOf } from '../support/prometheus-text.ts';
import { waitUntil } from '../support/wait-until.ts';

let ground: GrpcTlsGround;
before(async () => {
  ground = await prepareGrpcTls();
});
after(() => ground?.remove());

const EXPIRY = 'tdc_tls_certificate_not_after_timestamp_seconds';

const endOf = ({ cert }: Pick<TlsSecret, 'cert'>): number =>
  Date.parse(new X509Certificate(cert).validTo) / 1000;

/** Waits until this revision is in force in the process. */
const inForce = (process: TlsProcess, revision: number): Promise<unknown> =>
  waitUntil(async () => sampleOf(await process.samples(), 'tdc_policy_revision') === revision, {
    withinSeconds: 20,
    what: `revision ${revision}`,
  });

/** The certificate that the server shows to a client of ours. */
async function shownBy(address: string, { cert, key, ca }: TlsSecret): Promise<string> {
  const [host, port] = address.split(':');
  const socket: TLSSocket = connect({ host, port: Number(port), cert, key, ca, ALPNProtocols: ['h2'] });
  await once(socket, 'secureConnect');
  const { fingerprint256 } = socket.getPeerCertificate();
  socket.destroy();
  return fingerprint256;
}

const fingerprintOf = ({ cert }: TlsSecret): string => new X509Certificate(cert).fingerprint256;

describe('with mutual TLS', () => {
  let policy: TlsProcess;
  before(async () => {
    policy = await ground.start('policy', (await ground.mount()).environment);
    await policy.process.ready();
  });

  for (const name of ['intake', 'delivery', 'monitor'] as const) {
    it(`${name} follows the policy service, and shows when its certificate ends`, async () => {
      const secret = await ground.mount();
      const client = await ground.start(name, { ...secret.environment, TDC_POLICY_ADDRESS: policy.grpc });
      await inForce(client, 1);
      const samples = await client.samples();
      assert.ok(Number(sampleOf(samples, EXPIRY, { use: 'grpc' })) > Date.now() / 1000);
      if (name === 'intake')
        assert.ok(Number(sampleOf(samples, EXPIRY, { use: 'smtp' })) > Date.now() / 1000);
      await client.process.stop();
      assert.deepEqual(client.logged(/policy-lost|does not answer|cannot be spoken to/), []);
    });
  }

  it('the monitor takes clients with a certificate alone', async () => {
    const secret = await ground.mount();
    const monitor = await ground.start('monitor', secret.environment);
    await monitor.process.ready();
    assert.ok(await shownBy(monitor.grpc, await ground.secret()));
    const plaintext = await askPolicyOver(monitor.grpc, plaintextTransport());
    assert.ok(plaintext.kind === 'failed');
    assert.match(securityProblem(plaintext.message, false) ?? '', /it may want TLS/);
    await monitor.process.stop();
  });

  it('the policy service answers a client with a certificate of the authority', async () => {
    assert.equal((await askPolicyOver(policy.grpc, clientWith(await ground.secret()))).kind, 'ok');
  });

  it('it takes nobody without a certificate', async () => {
    const [host, port] = policy.grpc.split(':');
    const ca = ground.authority.cert;
    const socket = connect({ host, port: Number(port), ca, ALPNProtocols: ['h2'] });
    const [error] = (await once(socket.resume(), 'error')) as [Error];
    assert.match(error.message, /certificate required/);
  });

  const refused: readonly [string, () => Flaw][] = [
    ['of another authority', () => ({ by: ground.foreign })],
    ['that has expired', () => ({ expired: true })],
    ['that is for servers alone', () => ({ forServersAlone: true })],
  ];
  for (const [name, flaw] of refused) {
    it(`it takes nobody with a certificate ${name}`, async () => {
      const answer = await askPolicyOver(policy.grpc, clientWith(await ground.secret(flaw())));
      assert.ok(answer.kind === 'failed');
      assert.match(securityProblem(answer.message, true) ?? '', /it may refuse our certificate/);
    });
  }
});

describe('an intake that cannot speak to the policy service', () => {
  const cases: readonly [
    string,
    { policy: () => Flaw | undefined; intake: () => Flaw | undefined; said: RegExp },
  ][] = [
    [
      'because it is from another authority',
      {
        policy: () => ({ by: ground.foreign }),
        intake: () => ({}),
        said: /its certificate is not from the authority in TDC_GRPC_TLS_CA_FILE/,
      },
    ],
    [
      'because it has another name',
      {
        policy: () => ({ names: ['policy.example'] }),
        intake: () => ({}),
        said: /its certificate is for another name .*DNS:policy\.example/,
      },
    ],
    [
      'because its certificate has expired',
      { policy: () => ({ expired: true }), intake: () => ({}), said: /its certificate has expired/ },
    ],
    [
      'because it speaks plaintext',
      { policy: () => undefined, intake: () => ({}), said: /it does not speak TLS/ },
    ],
    [
      'because it wants TLS',
      { policy: () => ({}), intake: () => undefined, said: /it may want TLS \(TDC_GRPC_TLS_CERT_FILE\)/ },
    ],
    [
      "because the intake's own certificate is from another authority",
      {
        policy: () => ({}),
        intake: () => ({ by: ground.foreign }),
        said: /it may refuse our certificate \(TDC_GRPC_TLS_CERT_FILE\)/,
      },
    ],
  ];
  for (const [name, { policy, intake, said }] of cases) {
    it(`${name} says so, and is as without it`, async () => {
      const environmentOf = async (flaw: Flaw | undefined) =>
        flaw === undefined ? {} : (await ground.mount(flaw)).environment;
      const server = await ground.start('policy', await environmentOf(policy()));
      await server.process.ready();
      const client = await ground.start('intake', {
        ...(await environmentOf(intake())),
        TDC_POLICY_ADDRESS: server.grpc,
      });
      const line = await client.sees(/the policy service cannot be spoken to/);
      assert.match(line, said);
      assert.match(line, /; none yet$/);
      assert.deepEqual(await client.get('/readyz'), { status: 503, text: 'no mail policy is loaded yet\n' });
      assert.equal(sampleOf(await client.samples(), 'tdc_policy_revision'), 0);
      assert.equal(sampleOf(await server.samples(), 'tdc_policy_watchers'), 0);
      await Promise.all([client.process.stop('SIGKILL'), server.process.stop('SIGKILL')]);
      assert.equal(client.logged(/the policy service cannot be spoken to/).length, 1);
    });
  }
});

describe('certificates that are renewed while an intake watches the policy', () => {
  const REPLACED = /certificate .* is in force from now on/;
  let secrets: { readonly policy: MountedSecret; readonly intake: MountedSecret };
  let policy: TlsProcess;
  let intake: TlsProcess;
  let environment: Readonly<Record<string, string>>;

  before(async () => {
    ground.edit('one');
    secrets = { policy: await ground.mount(), intake: await ground.mount() };
    environment = { ...secrets.policy.environment, TDC_STATE_DIR: ground.folder() };
    policy = await ground.start('policy', environment);
    await policy.process.ready();
    intake = await ground.start('intake', {
      ...secrets.intake.environment,
      TDC_POLICY_ADDRESS: policy.grpc,
    });
    await inForce(intake, 1);
  });

  /** Renews both and waits until both have seen it. */
  async function renew(next: { readonly policy: TlsSecret; readonly intake: TlsSecret }): Promise<void> {
    const before = [policy.logged(REPLACED).length, intake.logged(REPLACED).length];
    secrets.policy.replace(next.policy);
    secrets.intake.replace(next.intake);
    await waitUntil(
      () =>
        policy.logged(REPLACED).length > (before[0] ?? 0) &&
        intake.logged(REPLACED).length > (before[1] ?? 0),
      { what: 'both certificates in force' },
    );
  }

  it('leave the stream open; an edit reaches the intake, and a new connection is shown the new one', async () => {
    const renewed = await ground.secret();
    await renew({ policy: renewed, intake: await ground.secret() });
    assert.equal(await shownBy(policy.grpc, await ground.secret()), fingerprintOf(renewed));
    assert.equal(sampleOf(await policy.samples(), EXPIRY, { use: 'grpc' }), endOf(renewed));
    ground.edit('two');
    await inForce(intake, 2);
    assert.deepEqual(intake.logged(/the policy service/), []);
  });

  it('are kept away while they do not fit together', async () => {
    const shown = await shownBy(policy.grpc, await ground.secret());
    const { key: _, ...half } = await ground.secret();
    secrets.policy.replace({ ...half, key: (await ground.secret()).key });
    await policy.sees(/certificate .* cannot be used: the key .* is not that of the certificate/);
    assert.equal(await shownBy(policy.grpc, await ground.secret()), shown);
  });

  it('of a changed authority leave the stream open; who has the old ones is not taken any more', async () => {
    const other = ground.foreign;
    const next = async (): Promise<TlsSecret> => ({
      ...(await ground.secret({ by: other })),
      ca: other.cert,
    });
    await renew({ policy: await next(), intake: await next() });
    ground.edit('three');
    await inForce(intake, 3);
    const old = await askPolicyOver(policy.grpc, clientWith({ ...(await ground.secret()), ca: other.cert }));
    assert.ok(old.kind === 'failed');
    assert.match(securityProblem(old.message, true) ?? '', /it may refuse our certificate/);
    assert.equal((await askPolicyOver(policy.grpc, clientWith(await next()))).kind, 'ok');
    assert.deepEqual(intake.logged(/the policy service/), []);
  });

  it('are what the intake shows, and believes, when it connects anew', async () => {
    const port = policy.grpc.split(':')[1] ?? '';
    await policy.process.stop('SIGKILL');
    await intake.sees(/the policy service does not answer/);
    ground.edit('four');
    policy = await ground.start('policy', { ...environment, TDC_GRPC_PORT: port });
    await inForce(intake, 4);
    await intake.sees(/the policy service is back/);
  });
});

describe('a process with a part of the files', () => {
  for (const name of ['policy', 'monitor', 'delivery', 'intake'] as const) {
    it(`is refused: ${name} says what is missing, and ends with 78`, async () => {
      const { TDC_GRPC_TLS_CERT_FILE = '' } = (await ground.mount()).environment;
      const { process } = await ground.start(name, { TDC_GRPC_TLS_CERT_FILE });
      assert.equal((await process.exited).code, 78);
      assert.match(process.errors(), /^ {2}- TDC_GRPC_TLS_KEY_FILE is not set: /m);
      assert.match(process.errors(), /^ {2}- TDC_GRPC_TLS_CA_FILE is not set: /m);
    });
  }
});
