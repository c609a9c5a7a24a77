import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { describe, it } from 'node:test';
import { choosePorts, freePort } from './ports.ts';

const VARIABLES = [
  'TDC_SMTP_PORT',
  'TDC_STAND_IN_SMTP_PORT',
  'TDC_STAND_IN_HTTP_PORT',
  'TDC_POLICY_GRPC_PORT',
  'TDC_MONITOR_GRPC_PORT',
  'TDC_INTAKE_HTTP_PORT',
  'TDC_DELIVERY_HTTP_PORT',
  'TDC_POLICY_HTTP_PORT',
  'TDC_MONITOR_HTTP_PORT',
  'TDC_REDIS_PORT',
];
const ANY = Object.fromEntries(VARIABLES.map((name) => [name, '0']));

async function problemsOf(env: Readonly<Record<string, string>>): Promise<readonly string[]> {
  const chosen = await choosePorts({ ...ANY, ...env });
  return chosen.kind === 'unusable' ? chosen.problems : [];
}

describe('a free port', () => {
  it('is another one each time, and none that the system gives to whoever connects', async () => {
    const ports = await Promise.all(Array.from({ length: 200 }, freePort));
    assert.equal(new Set(ports).size, 200);
    assert.ok(ports.every((port) => port >= 12_000 && port < 32_000));
  });

  it('is none that somebody listens on', async () => {
    const next = (await freePort()) + 1;
    const busy = createServer().listen(next, '127.0.0.1');
    await Promise.race([once(busy, 'listening'), once(busy, 'error')]);
    try {
      assert.notEqual(await freePort(), next);
    } finally {
      busy.close();
    }
  });
});

describe('the ports of npm start', () => {
  it('0 is left to whoever listens, another number is taken as it is', async () => {
    const port = await freePort();
    const chosen = await choosePorts({ ...ANY, TDC_SMTP_PORT: String(port) });
    assert.equal(chosen.kind, 'chosen');
    assert.deepEqual(chosen.ports, {
      ...Object.fromEntries(VARIABLES.map((name) => [name, 0])),
      TDC_SMTP_PORT: port,
    });
  });

  it('every busy port is named, with what needs it and the variable that changes it', async () => {
    const busy = createServer().listen(0, '127.0.0.1');
    await once(busy, 'listening');
    const address = busy.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    try {
      assert.deepEqual(await problemsOf({ TDC_SMTP_PORT: String(port), TDC_MONITOR_GRPC_PORT: 'x' }), [
        `port ${port} on 127.0.0.1 is in use: mail needs it, TDC_SMTP_PORT chooses another`,
        "TDC_MONITOR_GRPC_PORT is 'x': it must be a port, or 0 for any free one",
      ]);
    } finally {
      busy.close();
    }
  });

  it('one port for two is refused before the second of them fails', async () => {
    const port = String(await freePort());
    assert.deepEqual(await problemsOf({ TDC_SMTP_PORT: port, TDC_REDIS_PORT: port }), [
      `port ${port} is wanted twice: by TDC_SMTP_PORT and by TDC_REDIS_PORT`,
    ]);
  });

  for (const text of ['-1', '65536', '2525.5', '25 25']) {
    it(`'${text}' is no port`, async () => {
      assert.deepEqual(await problemsOf({ TDC_SMTP_PORT: text }), [
        `TDC_SMTP_PORT is '${text}': it must be a port, or 0 for any free one`,
      ]);
    });
  }
});
