import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { after, describe, it } from 'node:test';
import {
  type ProbeResult,
  type ProbeServer,
  type ProbeServerOptions,
  startProbeServer,
} from './probe-server.ts';

const servers: ProbeServer[] = [];
after(() => Promise.all(servers.map((server) => server.close())));

const OPTIONS: ProbeServerOptions = {
  host: '127.0.0.1',
  port: 0,
  livez: () => ({ ok: true }),
  readyz: () => ({ ok: true }),
  metrics: async () => 'tdc_x 1\n',
};

async function start(options: Partial<ProbeServerOptions> = {}): Promise<ProbeServer> {
  const server = await startProbeServer({ ...OPTIONS, ...options });
  assert.ok(!('kind' in server));
  servers.push(server);
  return server;
}

async function ask(server: ProbeServer, path: string, method = 'GET') {
  const response = await fetch(`http://127.0.0.1:${server.port}${path}`, { method });
  return { status: response.status, body: await response.text(), headers: response.headers };
}

describe('the probe port', () => {
  for (const path of ['/livez', '/readyz'] as const) {
    it(`answers ${path} with 200, or with 503 and the reason`, async () => {
      let result: ProbeResult = { ok: true };
      const server = await start({ livez: () => result, readyz: () => result });
      assert.deepEqual([(await ask(server, path)).status, (await ask(server, path)).body], [200, 'ok\n']);
      result = { ok: false, reason: 'Redis is away' };
      assert.deepEqual(
        [(await ask(server, path)).status, (await ask(server, path)).body],
        [503, 'Redis is away\n'],
      );
    });
  }

  it('answers /metrics as Prometheus wants it', async () => {
    const { status, body, headers } = await ask(await start(), '/metrics?name[]=x');
    assert.equal(status, 200);
    assert.equal(body, 'tdc_x 1\n');
    assert.equal(headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8');
  });

  it('answers a further route with JSON and its own status', async () => {
    const server = await start({ routes: { '/scaling': async () => ({ status: 202, body: { jobs: 3 } }) } });
    const { status, body, headers } = await ask(server, '/scaling');
    assert.deepEqual([status, JSON.parse(body)], [202, { jobs: 3 }]);
    assert.equal(headers.get('content-type'), 'application/json');
  });

  it('answers HEAD without a body', async () => {
    assert.deepEqual(await ask(await start(), '/livez', 'HEAD').then(({ status, body }) => [status, body]), [
      200,
      '',
    ]);
  });

  it('refuses other methods and unknown paths', async () => {
    const server = await start();
    const refused = await ask(server, '/livez', 'POST');
    assert.deepEqual([refused.status, refused.headers.get('allow')], [405, 'GET, HEAD']);
    assert.equal((await ask(server, '/')).status, 404);
    assert.equal((await ask(server, '/constructor')).status, 404);
  });

  it('answers 500 when a callee fails, and goes on', async () => {
    const server = await start({
      livez: () => {
        throw new Error('broken');
      },
      metrics: () => Promise.reject(new Error('broken')),
    });
    assert.equal((await ask(server, '/livez')).status, 500);
    assert.equal((await ask(server, '/metrics')).status, 500);
    assert.equal((await ask(server, '/readyz')).status, 200);
  });

  it('closes although a client holds a connection open', async () => {
    const server = await start();
    const client = connect(server.port, '127.0.0.1');
    await once(client, 'connect');
    client.on('error', () => undefined);
    await server.close();
    await once(client, 'close');
  });

  it('says which port on which address it cannot have', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as { port: number };
    const failure = await startProbeServer({ ...OPTIONS, port });
    assert.deepEqual(failure, { kind: 'listen-failure', message: `port ${port} on 127.0.0.1 is in use` });
    const elsewhere = await startProbeServer({ ...OPTIONS, host: '192.0.2.1' });
    assert.ok('kind' in elsewhere);
    assert.match(elsewhere.message, /^port 0 on 192\.0\.2\.1 cannot be used/);
    other.close();
  });
});
